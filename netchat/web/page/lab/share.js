// The share sheet: the link with its QR code, the sheet for a projector, and the notebook cell.

import { $, copy, h, icon } from "../dom.js";
import { localCode } from "../invite.js";
import { showText } from "../text.js";
import { benchCell, lineCell } from "./notebook.js";
import { writeState } from "./state.js";
import { sweepOf } from "./thousand.js";

/** Return the address of this state for others: this page may be open as localhost. */
async function linkTo(state) {
  let own = location.origin;
  try {
    own = (await (await fetch("/info.json")).json()).address || own;
  } catch {
    // Use this page's own address.
  }
  return `${own}/lab#${writeState(state)}`;
}

const isReachable = (link) => !/^(localhost|.*\.localhost|127\.[\d.]+|\[::1\])$/.test(new URL(link).hostname);

/** Draw the QR code of a link; null if it is too long for one. */
async function picture(link) {
  try {
    return await localCode(link);
  } catch {
    return null;
  }
}

function copyButton(text, words, isFirst = false) {
  const button = h("button", { type: "button", class: isFirst ? "primary" : "", onclick: async () => {
    const done = await copy(text);
    button.lastChild.textContent = done ? "Copied" : "Select the text and copy it";
    setTimeout(() => (button.lastChild.textContent = words), 2500);
  } }, icon("copy"), h("span", {}, words));
  return button;
}

function cellOf(state, line) {
  if (state.view !== "thousand") return line ? lineCell(line, line.state) : ""; // what was computed
  return benchCell({
    codes: [...new Set([state.code, ...state.with])], channel: state.sweep || sweepOf(state.channel),
    interleave: state.interleave, seed: state.seed, errors: state.errors,
  });
}

/** Show the share sheet. */
export async function share(state, line) {
  const link = await linkTo(state);
  const code = await picture(link);
  const cell = cellOf(state, line);
  $("share-body").replaceChildren(
    h("p", {}, "The link holds everything: text, code, channel, noise and the bits that you have touched."),
    code ?? h("p", { class: "hint" }, "This link is too long for a QR code. Shorten the text or touch fewer bits."),
    h("p", { class: "share-link", tabindex: 0 }, h("a", { href: link }, link)),
    ...(isReachable(link) ? [] : [h("p", { class: "hint" }, "Other devices cannot reach this address. To let them join, start: ", h("span", { class: "code" }, "netchat serve --lan"))]),
    h("p", { class: "actions" }, copyButton(link, "Copy link", true),
      h("button", { type: "button", onclick: () => project(state, link) }, icon("screen"), "Full screen")),
    ...(cell ? [h("h3", {}, "As a notebook cell"), h("pre", { class: "notebook", tabindex: 0, role: "region", "aria-label": "Notebook cell" }, cell), h("p", { class: "actions" }, copyButton(cell, "Copy the cell"))] : []));
  $("share").showModal();
}

const TITLES = { line: "The line", decoder: "What did the decoder think?", thousand: "A thousand times" };

/** Show the QR code on the full screen, for a projector. */
async function project(state, link) {
  const code = await picture(link);
  const short = new URL(link);
  $("projector-body").replaceChildren(h("div", { class: "sheet" },
    h("div", { class: "sheet-text" }, h("h2", {}, TITLES[state.view]),
      h("p", {}, "Scan the code, or open"), h("p", { class: "sheet-address" }, `${short.host}/lab`),
      h("p", {}, "It shows"), h("p", { class: "sheet-link" }, showText(`${state.code}${state.interleave ? ` with ${state.interleave}` : ""} over ${state.channel}`))),
    ...(code ? [code] : [])));
  $("share").close();
  try {
    await document.documentElement.requestFullscreen(); // first: what opens later is above it
  } catch {
    // The dialog fills the window; phones by Apple have no more.
  }
  const dialog = $("projector");
  dialog.showModal();
  const followScreen = () => document.fullscreenElement || dialog.close(); // Escape leaves the full screen first
  document.addEventListener("fullscreenchange", followScreen);
  dialog.addEventListener("close", () => {
    document.removeEventListener("fullscreenchange", followScreen);
    if (document.fullscreenElement) document.exitFullscreen();
  }, { once: true });
}
