// Files in a room: the card of an offered file, and the bar of each transfer.

import { $, h, icon } from "./dom.js";
import { parseOffer, showSize } from "./files.js";
import { showText } from "./text.js";
import { isPicture, pictureUrl, saveBlob } from "./transfers.js";

const PREVIEW = 2_000_000; // bytes up to which the page loads a picture without being asked
const MAX_URLS = 40; // pictures that are kept

let transfers = null;
const states = new Map(); // room and SHA-256 -> state of the file on this page
const byTransfer = new Map(); // transfer -> what shows it: {show(progress), end(why)}

/** Set what transfers files. */
export function setTransfers(used) {
  transfers = used;
}

/** Show the progress of a transfer. */
export function showProgress(progress) {
  byTransfer.get(progress.transfer)?.show(progress);
}

/** Show the end of a transfer. Returns whether something on the page showed the transfer. */
export function showEnd({ transfer, why }) {
  const shown = byTransfer.get(transfer);
  byTransfer.delete(transfer);
  shown?.end(why);
  return Boolean(shown);
}

/** A bar with the share, the speed and the remaining time of a transfer, and buttons to pause and to stop it. */
export class TransferBar {
  constructor(transfer, name) {
    this.transfer = transfer;
    this.text = h("span", { class: "rate" });
    this.bar = h("progress", { max: 1, value: 0, "aria-label": `Progress of ${showText(name)}` });
    this.pause = h("button", { class: "textual", type: "button", onclick: () => this.toggle() }, "Pause");
    const stop = h("button", { class: "textual", type: "button", onclick: () => this.stop() }, "Cancel");
    this.element = h("div", { class: "transfer" }, this.bar, this.text, this.pause, stop);
  }

  show({ done, size, isPaused }) {
    const now = performance.now() / 1000;
    if (!this.begun || this.isPaused) this.begun = { at: now, done };
    this.isPaused = isPaused;
    this.pause.textContent = isPaused ? "Resume" : "Pause";
    this.bar.value = size ? done / size : 1;
    const elapsed = now - this.begun.at, moved = done - this.begun.done;
    const left = moved > 0 ? Math.round(((size - done) * elapsed) / moved) : NaN;
    const clock = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    const speed = elapsed > 0 && moved > 0 ? `, ${showSize(Math.round(moved / elapsed))}/s, ${clock} left` : "";
    this.text.textContent = `${size ? Math.floor((done * 100) / size) : 100} %${isPaused ? ", paused" : speed}`;
  }

  toggle() {
    const { files } = transfers.core;
    if (this.isPaused) files.resume(this.transfer);
    else files.pause(this.transfer);
    transfers.flush();
  }

  stop() {
    transfers.core.files.cancel(this.transfer);
    transfers.flush();
  }
}

/** Show an upload in a list until it ends; a failed one stays until it is dismissed. */
export function showUpload(list, transfer, name) {
  const bar = new TransferBar(transfer, name);
  const item = h("li", {}, icon("clip"), h("bdi", { class: "name" }, showText(name)), bar.element);
  list.append(item);
  byTransfer.set(transfer, {
    show: (progress) => bar.show(progress),
    end: (why) => {
      if (why) showFailure(list, name, why);
      item.remove();
    },
  });
}

/** Show in a list why a file was not sent. */
export function showFailure(list, name, why) {
  const item = h("li", { class: "problem", role: "alert" }, icon("alert"),
    h("span", {}, h("bdi", {}, showText(name)), `: ${showText(why)}`),
    h("button", { class: "textual", type: "button", onclick: () => item.remove() }, "Dismiss"));
  list.append(item);
}

/** Build the card of an offered file. */
export function fileCard(event) {
  const offer = parseOffer(event.text);
  if (!offer) return h("span", { class: "text unreadable" }, "This file cannot be shown.");
  const key = `${event.room} ${event.text}`;
  let state = states.get(key);
  if (!state) states.set(key, state = { offer, room: event.room, url: "", blob: null, bar: null, why: "", views: new Set() });
  const card = h("div", { class: "file" });
  state.views.add(card);
  draw(state);
  if (isPicture(offer) && offer.size <= PREVIEW) load(state);
  else if (!state.bar && transfers.wasSaving(event.room, offer)) store(state);
  return card;
}

/** Draw the cards of a file again. */
function draw(state) {
  for (const card of state.views) {
    if (card.childElementCount && !card.isConnected) state.views.delete(card);
    else card.replaceChildren(...content(state));
  }
}

function content(state) {
  const { offer, bar, why, url } = state;
  const name = h("bdi", { class: "name" }, showText(offer.name));
  const save = h("button", { class: "textual", type: "button", "aria-label": `Save ${showText(offer.name)}`, onclick: () => store(state) }, "Save");
  const look = isPicture(offer) && !url && !bar &&
    h("button", { class: "textual", type: "button", onclick: () => load(state) }, "Show");
  return [
    ...(url ? [h("button", { class: "thumbnail", type: "button", title: "Show larger", onclick: () => enlarge(url, offer.name) },
      h("img", { src: url, alt: showText(offer.name), decoding: "async" }))] : []),
    h("div", { class: "about" }, icon("file"), name, h("span", { class: "weight" }, showSize(offer.size)),
      ...(bar ? [] : [look || "", save])),
    ...(bar ? [bar.element] : []),
    ...(why ? [h("p", { class: "why", role: "alert" }, icon("alert"), showText(why))] : []),
  ];
}

/** Show a picture as large as the window. */
function enlarge(url, name) {
  $("picture-name").textContent = showText(name);
  Object.assign($("picture-image"), { src: url, alt: showText(name) });
  $("picture").showModal();
}

/** Download a file, unless it is here; then call `done` with it. */
async function get(state, done) {
  if (state.blob?.until < Date.now()) state.blob = null; // it is on disk for a while only
  if (state.blob) return done(state.blob);
  (state.waiting ??= []).push(done);
  if (state.bar || state.isStarting) return undefined;
  state.isStarting = true;
  state.why = "";
  const { offer, room } = state;
  const transfer = await transfers.save(room, offer, (blob) => {
    state.blob = blob;
    for (const each of state.waiting.splice(0)) each(blob);
  });
  state.isStarting = false;
  if (state.blob) return undefined;
  state.bar = new TransferBar(transfer, offer.name);
  byTransfer.set(transfer, {
    show: (progress) => state.bar?.show(progress),
    end: (why) => {
      if (why) state.waiting = [];
      state.bar = null;
      state.why = why && `Not saved: ${why}`;
      draw(state);
    },
  });
  draw(state);
  return undefined;
}

function store(state) {
  get(state, (blob) => saveBlob(blob, state.offer.name));
}

/** Show a picture in its card. */
function load(state) {
  if (state.url || state.isLoading) return;
  state.isLoading = true;
  get(state, async (blob) => {
    state.url = await pictureUrl(blob);
    state.isLoading = false;
    if (!state.url) state.why = "This is no picture that can be shown.";
    draw(state);
    forgetOldest();
  });
}

/** Free the memory of the pictures that were loaded first. */
function forgetOldest() {
  const shown = [...states.values()].filter(({ url }) => url);
  for (const state of shown.slice(0, Math.max(0, shown.length - MAX_URLS))) {
    URL.revokeObjectURL(state.url);
    state.url = "";
    state.blob = null;
    draw(state);
  }
}
