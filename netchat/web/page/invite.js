// Invitations: a room's code, its link, and a QR code of the link.

import { $, copy, h, icon } from "./dom.js";
import { showCode, showText } from "./text.js";

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

let secretOf = () => "";

/** Set how to get the secret of a sealed room. */
export const setSecrets = (get) => (secretOf = get);

const show = (link) => (link.href = link.textContent = linkOf(link.dataset.code));

/** Hint for phones, which cannot reach a loopback address. */
const phoneHint = () => /^(localhost|127\.|\[::1\])/.test(new URL(own).hostname)
  ? "To join by phone, start: netchat serve --lan" : "Scan to join by phone";

/** Return a room's link. Browsers never send the secret, which is after the #, to the server. */
const linkOf = (code) => `${other || own}/r/${code}${secretOf(code) ? `#${secretOf(code)}` : ""}`;

/** Draw a QR code in this browser: the server must not see what it contains. */
export async function localCode(text) {
  const { qrcode } = await import("./qrcode.js");
  const code = qrcode(0, "M");
  code.addData(text);
  code.make();
  const size = code.getModuleCount();
  const canvas = h("canvas", { width: (size + 8) * 4, height: (size + 8) * 4, role: "img", "aria-label": "QR code" });
  const paint = canvas.getContext("2d");
  paint.fillStyle = "#fff";
  paint.fillRect(0, 0, canvas.width, canvas.height);
  paint.fillStyle = "#000";
  for (let y = 0; y < size; y += 1) {
    for (let x = 0; x < size; x += 1) if (code.isDark(y, x)) paint.fillRect((x + 4) * 4, (y + 4) * 4, 4, 4);
  }
  return canvas;
}

/** Update the invitations on the screen after a room's secret has changed. */
export async function refreshSecret(code) {
  for (const link of document.querySelectorAll(`a[data-code="${CSS.escape(code)}"]`)) show(link);
  for (const figure of document.querySelectorAll(`[data-qr="${CSS.escape(code)}"]`)) figure.replaceChildren(await localCode(linkOf(code)));
  for (const words of document.querySelectorAll(`[data-words="${CSS.escape(code)}"]`)) words.textContent = await wordsOf(code);
}

async function wordsOf(code) {
  const { readSecret, wordsFor } = await import("./seal_crypto.js");
  const secret = secretOf(code);
  return secret ? (await wordsFor(await readSecret(secret))).join(" ") : "";
}

/** Show a safety number, to compare with another user. */
export async function showSafety({ name, names, digits, words, isVerified }, verify) {
  const code = await localCode(digits.replaceAll(" ", ""));
  const verified = h("button", { type: "button", class: "primary", onclick: () => {
    verify();
    $("safety").close();
  } }, isVerified ? "Compared before" : "They match");
  $("safety-body").replaceChildren(
    h("p", {}, name ? `You and ${showText(name)}` : `This room: ${names.map(showText).join(", ")}`),
    h("div", { class: "invitation" },
      h("div", {}, h("p", { class: "code digits" }, digits), h("p", { class: "words" }, words)),
      h("figure", {}, code)),
    h("p", {}, "Compare it in person or on the phone. If it differs, someone may be intercepting your messages."),
    h("p", { class: "actions" }, ...(name ? [verified] : [])));
  $("safety").showModal();
}

/** Build an invitation, for the top of a room and for the dialog. */
export function invitation(code, isSealed = false) {
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
      ...(isSealed ? [h("p", { class: "words" }, "Its secret in words: ", h("b", { "data-words": code }))] : []),
      h("p", { class: "actions" }, button, done)),
    // The QR code of a room that is not sealed comes from the server that this page was loaded from, and
    // shows its address.
    h("figure", { hidden: Boolean(other) && !isSealed },
      isSealed ? h("div", { "data-qr": code })
        : h("img", { src: `/qr/${code}.svg`, width: 148, height: 148, alt: "QR code of this link" }),
      h("figcaption", {}, phoneHint())));
}

export function showInvitation({ code, sealed }) {
  $("invite-body").replaceChildren(invitation(code, sealed));
  $("invite").showModal();
  if (sealed) refreshSecret(code);
}
