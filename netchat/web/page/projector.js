// The invitation on the full screen, for a projector: the code and its QR code as large as they fit.

import { $, h } from "./dom.js";
import { address, hasMoved, isReachable, linkOf, localCode, wordsOf } from "./invite.js";
import { showCode, showText } from "./text.js";

/** Show the invitation to a room. */
export async function project({ code, sealed, name }) {
  const dialog = $("projector");
  const body = h("div", { class: "sheet" },
    h("div", { class: "sheet-text" },
      ...(name ? [h("h2", {}, showText(name))] : []),
      h("p", {}, "Join at"), h("p", { class: "sheet-address" }, address()),
      h("p", {}, "with the room code"), h("p", { class: "sheet-code code" }, showCode(code)),
      ...(sealed ? [h("p", {}, "and its secret"), h("p", { class: "words" }, await wordsOf(code))] : [])));
  if (isReachable()) body.append(await picture(code, sealed));
  $("projector-body").replaceChildren(body);
  document.querySelectorAll("dialog[open]").forEach((each) => each.close());
  try {
    await document.documentElement.requestFullscreen(); // first: what opens later is above it
  } catch {
    // The dialog fills the window; phones by Apple have no more.
  }
  dialog.showModal();
  // The Escape key leaves the full screen without telling the page of the key.
  const followScreen = () => document.fullscreenElement || dialog.close();
  document.addEventListener("fullscreenchange", followScreen);
  dialog.addEventListener("close", () => {
    document.removeEventListener("fullscreenchange", followScreen);
    if (document.fullscreenElement) document.exitFullscreen();
  }, { once: true });
}

/** Return the QR code of a link. The server must not see the secret of a sealed room. */
async function picture(code, isSealed) {
  if (!isSealed && !hasMoved()) return h("img", { src: `/qr/${code}.svg`, alt: "QR code of the link to the room" });
  return localCode(linkOf(code));
}
