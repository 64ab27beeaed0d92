// How others come into a room: its code, its link, and a picture of the link for phones.

import { $, copy, h, icon } from "./dom.js";
import { showCode } from "./text.js";

let address = location.origin;

/** Learn under which address others reach this server; its own page may be open as localhost. */
export async function learnAddress() {
  try {
    address = (await (await fetch("/info.json")).json()).address || address;
  } catch {
    return; // the address of this page will do
  }
  for (const link of document.querySelectorAll("a[data-code]")) show(link);
  for (const note of document.querySelectorAll(".invitation figcaption")) note.textContent = phones();
}

const show = (link) => (link.href = link.textContent = linkOf(link.dataset.code));

/** What phones can do: an address of this machine alone leads them to themselves. */
const phones = () => /^(localhost|127\.|\[::1\])/.test(new URL(address).hostname)
  ? "For phones: netchat serve --lan" : "Scan to join by phone";

const linkOf = (code) => `${address}/r/${code}`;

/** What to invite with, as it stands at the top of a room and in a dialog. */
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
  }, icon("copy"), "Copy the link");
  return h("div", { class: "invitation" },
    h("div", {},
      h("p", { class: "label" }, "The code of this room"),
      h("p", { class: "big code" }, showCode(code)),
      h("p", {}, link),
      h("p", { class: "actions" }, button, done)),
    h("figure", {},
      h("img", { src: `/qr/${code}.svg`, width: 148, height: 148, alt: "QR code of this link" }),
      h("figcaption", {}, phones())));
}

export function showInvitation(code) {
  $("invite-body").replaceChildren(invitation(code));
  $("invite").showModal();
}
