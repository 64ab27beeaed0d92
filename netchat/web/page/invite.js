// Invitations: a room's code, its link, and a QR code of the link.

import { $, copy, h, icon } from "./dom.js";
import { showCode } from "./text.js";

let own = location.origin; // of the server that this page was loaded from
let other = ""; // of the server that it has moved to

/** Fetch the address at which others reach this server; this page may be open as localhost. */
export async function learnAddress() {
  try {
    own = (await (await fetch("/info.json")).json()).address || own;
  } catch {
    return; // use this page's own address
  }
  showAll();
}

/** Invite to the server that the page is connected to: the one it was loaded from may be down. */
export function inviteTo(page) {
  const before = other;
  other = new URL(page).origin === location.origin ? "" : new URL(page).origin;
  if (other !== before) showAll();
}

function showAll() {
  for (const link of document.querySelectorAll("a[data-code]")) show(link);
  for (const note of document.querySelectorAll(".invitation figcaption")) note.textContent = phoneHint();
  for (const figure of document.querySelectorAll(".invitation figure")) figure.hidden = Boolean(other);
}

const show = (link) => (link.href = link.textContent = linkOf(link.dataset.code));

/** Hint for phones, which cannot reach a loopback address. */
const phoneHint = () => /^(localhost|127\.|\[::1\])/.test(new URL(own).hostname)
  ? "To join by phone, start: netchat serve --lan" : "Scan to join by phone";

const linkOf = (code) => `${other || own}/r/${code}`;

/** Build an invitation, for the top of a room and for the dialog. */
export function invitation(code) {
  const done = h("span", { class: "done", role: "status" });
  const link = h("a", { class: "address", "data-code": code });
  show(link);
  const button = h("button", {
    type: "button", class: "primary",
    onclick: async () => {
      done.textContent = (await copy(linkOf(code))) ? "Link copied" : "Select the link and copy it";
      setTimeout(() => (done.textContent = ""), 4000);
    },
  }, icon("copy"), "Copy link");
  return h("div", { class: "invitation" },
    h("div", {},
      h("p", { class: "label" }, "Room code"),
      h("p", { class: "big code" }, showCode(code)),
      h("p", {}, link),
      h("p", { class: "actions" }, button, done)),
    // The QR code comes from the server that this page was loaded from, and shows its address.
    h("figure", { hidden: Boolean(other) },
      h("img", { src: `/qr/${code}.svg`, width: 148, height: 148, alt: "QR code of this link" }),
      h("figcaption", {}, phoneHint())));
}

export function showInvitation(code) {
  $("invite-body").replaceChildren(invitation(code));
  $("invite").showModal();
}
