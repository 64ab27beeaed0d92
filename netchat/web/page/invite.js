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
  for (const one of document.querySelectorAll(".invitation")) showReach(one);
}

/** Show the QR code where other devices can reach the address, and otherwise how to let them. */
function showReach(invitation) {
  const figure = invitation.querySelector("figure"), hint = invitation.querySelector(".hint");
  if (!figure) return;
  figure.hidden = !isReachable() || (Boolean(other) && !figure.querySelector("[data-qr]"));
  hint.hidden = isReachable();
  const picture = figure.querySelector("img");
  if (picture && !figure.hidden) picture.src = picture.dataset.src; // load it only if it is shown
}

let secretOf = () => "";

/** Set how to get the secret of a sealed room. */
export const setSecrets = (get) => (secretOf = get);

function show(link) {
  link.href = linkOf(link.dataset.code);
  if (link.dataset.shown !== undefined) link.textContent = link.href;
}

/** Whether other devices can reach the address: not a loopback one. */
export const isReachable = () => !/^(localhost|.*\.localhost|127\.[\d.]+|\[::1\])$/.test(new URL(other || own).hostname);

/** Whether the page has left the server that it was loaded from, for another one of its cluster. */
export const hasMoved = () => Boolean(other);

/** The address of the page for others, without http://. */
export const address = () => new URL(other || own).host;

/** Return a room's link. Browsers never send the secret, which is after the #, to the server. */
export const linkOf = (code) => `${other || own}/r/${code}${secretOf(code) ? `#${secretOf(code)}` : ""}`;

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

export async function wordsOf(code) {
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

/**
 * Build an invitation, for the top of a room and for the dialog.
 *
 * @param isCard whether it is at the top of the room, whose header shows the code
 */
export function invitation({ code, sealed: isSealed }, isCard = false) {
  const done = h("span", { class: "done", role: "status" });
  const link = h("a", { class: "address", "data-code": code, ...(isCard ? {} : { "data-shown": "" }) }, "Link to this room");
  show(link);
  const copyLink = h("button", {
    type: "button", class: "primary",
    onclick: async () => {
      done.textContent = (await copy(linkOf(code))) ? "Link copied" : "Select the link and copy it";
      setTimeout(() => (done.textContent = ""), 4000);
    },
  }, icon("copy"), "Copy link");
  const enlarge = h("button", { type: "button", onclick: () => hooks.project(code) }, icon("screen"), "Full screen");
  const whole = h("div", { class: "invitation" },
    h("div", {},
      ...(isCard ? [h("p", { class: "heading" }, "Invite others")]
        : [h("p", { class: "label" }, "Room code"), h("p", { class: "big code" }, showCode(code))]),
      h("p", {}, link),
      ...(isSealed ? [h("p", { class: "words" }, "Its secret in words: ", h("b", { "data-words": code }))] : []),
      h("p", { class: "actions" }, copyLink, enlarge, done),
      h("p", { class: "hint" }, "Other devices cannot reach this address. To let them join, start: ", h("span", { class: "code" }, "netchat serve --lan"))),
    // The QR code of a room that is not sealed comes from the server that this page was loaded from, and
    // shows its address.
    h("figure", {},
      isSealed ? h("div", { "data-qr": code })
        : h("img", { "data-src": `/qr/${code}.svg`, width: 148, height: 148, alt: "QR code of this link" }),
      h("figcaption", {}, "Scan to join by phone")));
  showReach(whole);
  return whole;
}

/** What the invitations start: `project(code)` shows one on the full screen. Set by room_screen.js. */
export const hooks = { project: () => {} };

export function showInvitation(room) {
  $("invite-body").replaceChildren(invitation(room));
  $("invite").showModal();
  if (room.sealed) refreshSecret(room.code);
}
