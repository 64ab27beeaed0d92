// One item of a room's log: a message or a notice, with a separator if a new day begins.

import { describeAnnotation, MESSAGE_KINDS, parseAnnotation } from "./annotations.js";
import { h, icon } from "./dom.js";
import { fileCard } from "./file_card.js";
import { describe, MODERATION_KINDS, parseNotice } from "./moderation_text.js";
import { EventKind } from "./protocol.js";
import {
  clock, date, dayName, fullTime, hue, initials, onlyEmoji, pieces, sameDay, showText,
} from "./text.js";

const GROUP = 300_000_000n; // microseconds; closer messages of one sender are grouped

const SAID = MESSAGE_KINDS; // kinds that a member has sent

/** Build a round avatar from a name. */
export function avatar(name) {
  const avatar = h("span", { class: "avatar", "aria-hidden": "true" }, initials(showText(name)));
  tint(avatar, name);
  return avatar;
}

const tint = (element, name) => element.style.setProperty("--hue", hue(name));

/** Build the item of an event. `previous` is the event before it, `state` its delivery state. */
export function line(event, previous, own, room, state = "sent") {
  const when = event.time === undefined ? undefined : date(event.time);
  const newDay = when && !(previous?.time !== undefined && sameDay(when, date(previous.time)));
  const content =
    SAID.includes(event.kind)
      ? message(event, newDay ? undefined : previous, own, when, state)
      : notice(event, when, room);
  const item = h("div", { class: "item", "data-seq": event.seq }, content);
  if (newDay) item.prepend(h("div", { class: "day" }, h("span", {}, dayName(when))));
  return item;
}

export const missedLine = ({ seq, missed }) =>
  h("div", { class: "item", "data-seq": seq },
    h("p", { class: "notice" }, `The server no longer has ${missed} earlier ${missed === 1n ? "event" : "events"}`));

function message(event, previous, own, when, state) {
  const follows =
    SAID.includes(previous?.kind) &&
    previous.sender === event.sender &&
    (event.time === undefined || event.time - previous.time < GROUP);
  const sender = showText(event.sender);
  const text = event.isSealed && !event.isReadable
    ? h("span", { class: "text unreadable" }, "This message cannot be opened.")
    : event.kind === EventKind.FILE && event.time !== undefined
      ? fileCard(event)
      : h("span", { class: "text" }, ...readable(parseAnnotation(event.kind, event.text)?.text ?? event.text));
  const bubble = h("div", { class: "bubble", dir: "auto" }, // the direction of the text; <bdi> is ignored
    // Screen readers read the name with each message; it is displayed once per group.
    own || follows
      ? h("bdi", { class: "unseen" }, own ? "You: " : `${sender}: `)
      : h("bdi", { class: "name" }, sender),
    text, meta(when, own, state, event.isSealed),
    ...(event.problems ?? []).map((problem) => h("p", { class: "seal-problem", role: "alert" }, icon("alert"), showText(problem))));
  if (event.kind === EventKind.CHAT && onlyEmoji(event.text)) bubble.classList.add("emoji");
  const whole = h("div", { class: `message ${own ? "own" : "other"} ${state}`, "data-sender": event.sender });
  if (!follows) whole.classList.add("first");
  if (!own) {
    whole.append(follows ? "" : avatar(event.sender));
    tint(bubble, event.sender);
  }
  whole.append(bubble);
  return whole;
}

function meta(when, own, state, isSealed) {
  const sign = { pending: "clock", sent: "check" }[state]; // the line below a failed message has its icon
  const status = { pending: "sending", sent: "delivered", failed: "not delivered" }[state];
  const time = when && h("time", { datetime: when.toISOString(), title: fullTime(when), dir: "ltr" }, clock(when));
  const lock = isSealed ? [h("span", { class: "unseen" }, "sealed, "), icon("lock")] : [];
  return h("span", { class: "meta" }, ...lock, time,
    ...(own ? [h("span", { class: "unseen" }, `, ${status}`), ...(sign ? [icon(sign)] : [])] : []));
}

function readable(text) {
  return pieces(text).map(({ text: piece, link }) =>
    link
      ? h("a", { href: link, target: "_blank", rel: "noopener noreferrer" }, showText(piece))
      : showText(piece));
}

function notice({ kind, counter, sender, text, problems }, when, room) {
  const who = () => h("bdi", {}, showText(sender));
  const content = {
    [EventKind.JOIN]: () => [who(), " joined"],
    [EventKind.LEAVE]: () => [who(), room.private ? " left; the conversation has ended" : " left",
      text ? `: ${showText(text)}` : ""],
    [EventKind.RENAME]: () => [who(), " is now ", h("bdi", {}, showText(text))],
    ...Object.fromEntries(MODERATION_KINDS.map((each) =>
      [each, () => [showText(describe(parseNotice({ kind, counter, sender, text })))]])),
    [EventKind.REKEY]: () => (room.private && !text ? ["Messages are sealed from here on: only the two of you can read them"]
      : [who(), " changed the room's secret", text ? ` (${showText(text)})` : "", "; older links no longer open it"]),
    ...Object.fromEntries([EventKind.EDIT, EventKind.DELETE, EventKind.REACTION, EventKind.ERASED].map((each) =>
      [each, () => [who(), ` ${showText(describeAnnotation(kind, text))}`]])),
  }[kind]?.() ?? [`unknown event of kind ${kind}`];
  for (const problem of problems ?? []) content.push(h("span", { class: "seal-problem", role: "alert" }, ` ${showText(problem)}`));
  return h("p", { class: "notice" }, ...content,
    h("time", { datetime: when.toISOString(), title: fullTime(when) }, clock(when)));
}
