// Invitations: a room's code, its link, and a QR code of the link.

import { $, copy, h, icon } from "./dom.js";
import { showCode } from "./text.js";

let address = location.origin;

/** Fetch the address at which others reach this server; this page may be open as localhost. */
export async function learnAddress() {
  try {
    address = (await (await fetch("/info.json")).json()).address || address;
  } catch {
    return; // use this page's own address
  }
  for (const link of document.querySelectorAll("a[data-code]")) show(link);
  for (const note of document.querySelectorAll(".invitation figcaption")) note.textContent = phoneHint();
}

const show = (link) => (link.href = link.textContent = linkOf(link.dataset.code));

/** Hint for phones, which cannot reach a loopback address. */
const phoneHint = () => /^(localhost|127\.|\[::1\])/.test(new URL(address).hostname)
  ? "To join by phone, start: netchat serve --lan" : "Scan to join by phone";

const linkOf = (code) => `${address}/r/${code}`;

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
    h("figure", {},
      h("img", { src: `/qr/${code}.svg`, width: 148, height: 148, alt: "QR code of this link" }),
      h("figcaption", {}, phoneHint())));
}

export function showInvitation(code) {
  $("invite-body").replaceChildren(invitation(code));
  $("invite").showModal();
}
