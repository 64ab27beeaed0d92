// Search within a room: on the server, or in what this page has if the server cannot read the texts.

import { $, h } from "./dom.js";
import { MESSAGE_KINDS } from "./annotations.js";
import { describeOffer } from "./files.js";
import { EventKind } from "./protocol.js";
import { clock, date, dayName, showText } from "./text.js";

// Messages shown, and requests of one search: each examines 512 KiB of the history.
const SHOWN = 50, MAX_REQUESTS = 40;

let search = null; // {screen, room, words, found: Map(number of a message -> message), request, requests}

/** Open the dialog, and search at once if there are words. */
export function openSearch(screen, words = "") {
  $("search-words").value = words;
  $("search-form").onsubmit = (event) => {
    event.preventDefault();
    start(screen, $("search-words").value.trim());
  };
  $("search-state").textContent = "";
  $("search-found").replaceChildren();
  if (!$("search").open) $("search").showModal();
  $("search-words").focus();
  if (words) start(screen, words);
}

function start(screen, words) {
  const { chat } = screen, { current: room } = chat;
  search = { screen, room, words, found: new Map(), request: 0, requests: 0 };
  if (!words) return;
  if (room.sealed || chat.core.sealing?.isSealed(room.code)) {
    searchLoaded(room, words);
    return;
  }
  ask(0n);
}

function ask(before) {
  search.requests += 1;
  try {
    search.request = search.screen.chat.search(search.room, search.words, before);
    $("search-state").textContent = "Searching…";
  } catch ({ message }) {
    $("search-state").textContent = message;
  }
}

/** Take the answer to a request. */
export function takeFound({ request, messages, searched, isComplete }) {
  if (request !== search?.request) return;
  for (const message of messages) {
    const number = message.kind === EventKind.EDIT ? message.target : message.seq;
    if (!search.found.has(number)) search.found.set(number, message); // an earlier answer had a later text
  }
  const isEnough = search.found.size >= SHOWN || search.requests >= MAX_REQUESTS;
  show([...search.found], isComplete || isEnough ? "" : "Searching…", isComplete);
  if (!isComplete && !isEnough) ask(searched);
}

/** Show why the server refuses to search. */
export function refuseSearch(why) {
  $("search-state").textContent = showText(why);
}

/** Search the texts that the server cannot read. */
function searchLoaded(room, written) {
  const words = written.toLowerCase().split(/\s+/);
  const found = [];
  for (const { event } of room.entries.toReversed()) {
    if (!MESSAGE_KINDS.includes(event?.kind)) continue;
    const { text } = room.view(event);
    const shown = event.kind === EventKind.FILE ? describeOffer(text) : text;
    if (words.every((word) => shown.toLowerCase().includes(word))) found.push([event.seq, { ...event, text: shown }]);
  }
  show(found.slice(0, SHOWN), "", room.begins);
  if (!room.begins) $("search-state").textContent += " The server cannot read sealed messages: only those loaded here were searched.";
}

function show(found, state, isComplete) {
  const { screen, room } = search;
  const what = `${found.length || "No"} message${found.length === 1 ? "" : "s"} found`;
  $("search-state").textContent = state || `${what}${isComplete ? "." : " in the newer part of the history."}`;
  $("search-found").replaceChildren(...found.slice(0, SHOWN).map(([number, { sender, text, time }]) => {
    const when = date(time);
    return h("li", {}, h("button", {
      class: "row", type: "button",
      onclick: () => {
        $("search").close();
        screen.revealMessage(room, number);
      },
    }, h("span", { class: "two" },
      h("span", { class: "said" }, h("bdi", {}, showText(sender)), `, ${dayName(when)} ${clock(when)}`),
      h("bdi", { class: "excerpt" }, showText(text)))));
  }));
}
