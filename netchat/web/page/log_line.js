// One item of a room's log: a message or a notice, with a separator if a new day begins.

import { describeAnnotation, MESSAGE_KINDS, parseAnnotation } from "./annotations.js";
import { h, icon } from "./dom.js";
import { fileCard } from "./file_card.js";
import { describeOffer } from "./files.js";
import { isNamed, parseMarkup, splitMentions } from "./markup.js";
import { describe, MODERATION_KINDS, parseNotice } from "./moderation_text.js";
import { skeleton } from "./outbox.js";
import { EventKind } from "./protocol.js";
import {
  clock, colour, date, dayName, fullTime, initials, onlyEmoji, pieces, sameDay, sameMinute, sentence, showText,
} from "./text.js";

const BRIEF = 100; // characters of a message that a reply shows
const GROUP = 300_000_000n; // microseconds; closer messages of one sender are grouped

const SAID = [...MESSAGE_KINDS, EventKind.ERASED]; // kinds that a member has sent

/** Return the number of the message that an event changes, so that it has no line of its own; null if none. */
export function changedBy(event) {
  if (![EventKind.EDIT, EventKind.DELETE, EventKind.REACTION].includes(event?.kind) || event.problems?.length) return null;
  return parseAnnotation(event.kind, event.text)?.target ?? null;
}

/** Build a round avatar from a name. */
export function avatar(name) {
  const avatar = h("span", { class: "avatar", "aria-hidden": "true" }, initials(showText(name)));
  const { hue, tone } = colour(name);
  avatar.style.setProperty("--hue", hue);
  avatar.classList.add(`tone-${tone}`);
  return avatar;
}

/**
 * Build the item of an event. `previous` is the event before it, `state` its delivery state, `name` that of
 * the user if a mention of it is to be highlighted.
 */
export function line(event, previous, own, room, { state = "sent", name = "" } = {}) {
  const when = event.time === undefined ? undefined : date(event.time);
  const newDay = when && !(previous?.time !== undefined && sameDay(when, date(previous.time)));
  const before = newDay ? undefined : previous;
  const content = SAID.includes(event.kind) ? message(event, before, own, when, room, state, name) : notice(event, before, when, room);
  const item = h("div", { class: "item", "data-seq": event.seq }, content);
  if (newDay) item.prepend(h("div", { class: "day" }, h("span", {}, dayName(when))));
  return item;
}

/** Whether an event has no line of its own: it changes another, or is an edit of a message that was deleted. */
export const isHidden = (event, room) =>
  changedBy(event) !== null || (event?.kind === EventKind.ERASED && !room.view(event).deletedBy);

export const missedLine = ({ seq, missed }) =>
  h("div", { class: "item", "data-seq": seq },
    h("p", { class: "notice" }, `The server no longer has ${missed} earlier ${missed === 1n ? "event" : "events"}`));

function message(event, previous, own, when, room, state, userName) {
  const follows =
    SAID.includes(previous?.kind) &&
    previous.sender === event.sender &&
    (event.time === undefined || event.time - previous.time < GROUP);
  const sender = showText(event.sender);
  const named = own || room.private ? "" : userName;
  const isTimed = !(SAID.includes(previous?.kind) && isSameMinute(event, previous));
  // A message that is not delivered yet has no number, and nothing refers to it.
  const view = event.seq === undefined ? { text: event.text, answers: event.answers ?? null, reactions: new Map() } : room.view(event);
  const text = view.isDeleted ? h("span", { class: "text unreadable" }, deletion(view, event))
    : event.isSealed && !event.isReadable ? h("span", { class: "text unreadable" }, "This message cannot be opened.")
      : event.kind === EventKind.FILE && event.time !== undefined ? fileCard(event)
        : h("span", { class: "text" }, ...readable(view.text, named));
  const bubble = h("div", { class: "bubble", dir: "auto" }, // the direction of the text; <bdi> is ignored
    // Screen readers read the name with each message; it is displayed once per group.
    own || follows
      ? h("bdi", { class: "unseen" }, own ? "You: " : `${sender}: `)
      : h("bdi", { class: "name" }, sender),
    ...(view.answers === null || view.isDeleted ? [] : [quote(view.answers, room)]),
    text, meta(when, own, state, event.isSealed, isTimed, view.isEdited, event.seq),
    ...(event.problems ?? []).map((problem) => h("p", { class: "seal-problem", role: "alert" }, icon("alert"), sentence(showText(problem)))));
  if (event.kind === EventKind.CHAT && onlyEmoji(view.text)) bubble.classList.add("emoji");
  const whole = h("div", { class: `message ${own ? "own" : "other"} ${state}`, "data-sender": event.sender });
  if (!follows) whole.classList.add("first");
  if (when) bubble.title = fullTime(when);
  if (bubble.querySelector("mark")) whole.classList.add("mentioned");
  if (!own) {
    whole.append(follows ? "" : avatar(event.sender));
    bubble.style.setProperty("--hue", colour(event.sender).hue);
  }
  whole.append(bubble);
  if (view.reactions.size) bubble.append(reactions(view.reactions, userName));
  return whole;
}

const deletion = ({ deletedBy }, { sender }) =>
  deletedBy && deletedBy !== sender ? `${showText(deletedBy)} deleted this message.` : "This message was deleted.";

/** Build what a reply shows of the message that it answers; pressing it scrolls there. */
function quote(seq, room) {
  const event = room.find(seq);
  const content = event ? [h("bdi", { class: "by" }, showText(event.sender)), " ", h("bdi", {}, brief(event, room))] : ["an earlier message"];
  return h("button", { class: "quote", type: "button", "data-answers": seq }, ...content);
}

/** Return a line about a message. */
export function brief(event, room) {
  const { isDeleted, text } = room.view(event);
  if (isDeleted) return "deleted";
  return showText((event.kind === EventKind.FILE ? describeOffer(text) : text).slice(0, BRIEF)).replace(/\s+/g, " ");
}

/** Build the buttons of a message's reactions, which add the user's own or take it back. */
function reactions(found, me) {
  return h("div", { class: "reactions" }, ...Array.from(found, ([reaction, names]) =>
    h("button", {
      class: "reaction", type: "button", "data-reaction": reaction, title: names.map((name) => showText(name)).join(", "),
      "aria-pressed": String(names.some((name) => skeleton(name) === skeleton(me))),
      "aria-label": `${showText(reaction)}, ${names.length}: ${names.map((name) => showText(name)).join(", ")}`,
    }, showText(reaction), " ", h("span", {}, String(names.length)))));
}

/** Whether two events are of one minute; a pending message counts as one of the same minute. */
const isSameMinute = (event, previous) =>
  previous?.time !== undefined && event.time !== undefined && sameMinute(event.time, previous.time);

function meta(when, own, state, isSealed, isTimed, isEdited, seq) {
  const sign = { pending: "clock", sent: "check" }[state]; // the line below a failed message has its icon
  const status = { pending: "sending", sent: "delivered", failed: "not delivered" }[state];
  const time = when && h("time", { class: isTimed ? undefined : "unseen", datetime: when.toISOString(), dir: "ltr" }, clock(when));
  const lock = isSealed ? [h("span", { class: "unseen" }, "sealed, "), icon("lock")] : [];
  // Commands such as /edit refer to it; the style sheet shows it while one is typed.
  const number = seq === undefined ? [] : [h("span", { class: "number" }, `#${seq}`)];
  const isBlank = !own && !isEdited && !isSealed && !isTimed; // nothing that takes space
  return h("span", { class: `meta${isBlank ? " blank" : ""}` }, ...number, ...(isEdited ? [h("span", {}, "edited")] : []), ...lock, time,
    ...(own ? [h("span", { class: "unseen" }, `, ${status}`), ...(sign ? [icon(sign)] : [])] : []));
}

/** Return the elements of a text: code, links and mentions, those of `name` highlighted. */
function readable(text, name) {
  const elements = [];
  let plain = "";
  const flush = () => {
    elements.push(...pieces(plain).flatMap(({ text: piece, link }) =>
      link ? [h("a", { href: link, target: "_blank", rel: "noopener noreferrer" }, showText(piece))] : withMentions(piece, name)));
    plain = "";
  };
  for (const { kind, text: piece, language } of parseMarkup(text)) {
    if (kind !== "code" && kind !== "block") {
      plain += piece; // a link can contain an @
      continue;
    }
    flush();
    elements.push(h("code", { class: kind === "block" ? "block" : undefined, "data-language": language || undefined, dir: "ltr" }, showText(piece)));
  }
  flush();
  return elements;
}

const withMentions = (text, name) => splitMentions(text).map((piece) =>
  piece.kind === "mention" ? h(name && isNamed(piece, name) ? "mark" : "b", {}, showText(piece.text)) : showText(piece.text));

function notice(event, previous, when, room) {
  const { kind, counter, sender, text, problems } = event;
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
    ...Object.fromEntries([EventKind.EDIT, EventKind.DELETE, EventKind.REACTION].map((each) =>
      [each, () => [who(), ` ${showText(describeAnnotation(kind, text))}`]])),
  }[kind]?.() ?? [`unknown event of kind ${kind}`];
  for (const problem of problems ?? []) content.push(h("span", { class: "seal-problem", role: "alert" }, ` ${sentence(showText(problem))}`));
  return h("p", { class: "notice", title: fullTime(when) }, ...content,
    h("time", { class: isSameMinute(event, previous) ? "unseen" : undefined, datetime: when.toISOString() }, clock(when)));
}
