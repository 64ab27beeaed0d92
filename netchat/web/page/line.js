// One line of a room: a message, a notice, what separates days.

import { h, icon } from "./dom.js";
import { EventKind } from "./protocol.js";
import {
  clock, date, dayName, fullTime, hue, initials, onlyEmoji, pieces, sameDay, showText,
} from "./text.js";

const GROUP = 300_000_000n; // microseconds in which messages of one sender belong together

/** A round picture of a name. */
export function avatar(name) {
  const round = h("span", { class: "avatar", "aria-hidden": "true" }, initials(showText(name)));
  tint(round, name);
  return round;
}

const tint = (element, name) => element.style.setProperty("--hue", hue(name));

/** The line of an event. `previous` is the event in front of it, `state` how its sending went. */
export function line(event, previous, own, room, state = "sent") {
  const when = event.time === undefined ? undefined : date(event.time);
  const newDay = when && !(previous?.time !== undefined && sameDay(when, date(previous.time)));
  const content =
    event.kind === EventKind.CHAT
      ? message(event, newDay ? undefined : previous, own, when, state)
      : notice(event, when, room);
  const item = h("div", { class: "item", "data-seq": event.seq }, content);
  if (newDay) item.prepend(h("div", { class: "day" }, h("span", {}, dayName(when))));
  return item;
}

export const missedLine = ({ seq, missed }) =>
  h("div", { class: "item", "data-seq": seq },
    h("p", { class: "notice" }, `${missed} earlier ${missed === 1n ? "event is" : "events are"} no longer kept by the server`));

function message(event, previous, own, when, state) {
  const follows =
    previous?.kind === EventKind.CHAT &&
    previous.sender === event.sender &&
    (event.time === undefined || event.time - previous.time < GROUP);
  const sender = showText(event.sender);
  const text = h("span", { class: "text" }, ...readable(event.text));
  const bubble = h("div", { class: "bubble", dir: "auto" }, // the text's; a <bdi> does not count
    // Who listens hears the name with each message; who looks sees it once.
    own || follows
      ? h("bdi", { class: "unseen" }, own ? "You: " : `${sender}: `)
      : h("bdi", { class: "name" }, sender),
    text, meta(when, own, state));
  if (onlyEmoji(event.text)) bubble.classList.add("emoji");
  const whole = h("div", { class: `message ${own ? "own" : "other"} ${state}` });
  if (!follows) whole.classList.add("first");
  if (!own) {
    whole.append(follows ? "" : avatar(event.sender));
    tint(bubble, event.sender);
  }
  whole.append(bubble);
  return whole;
}

function meta(when, own, state) {
  const sign = { pending: "clock", sent: "check", failed: "alert" }[state];
  const said = { pending: "sending", sent: "delivered", failed: "not delivered" }[state];
  const time = when && h("time", { datetime: when.toISOString(), title: fullTime(when), dir: "ltr" }, clock(when));
  return h("span", { class: "meta" }, time,
    ...(own ? [h("span", { class: "unseen" }, `, ${said}`), icon(sign)] : []));
}

function readable(text) {
  return pieces(text).map(({ text: piece, link }) =>
    link
      ? h("a", { href: link, target: "_blank", rel: "noopener noreferrer" }, showText(piece))
      : showText(piece));
}

function notice({ kind, sender, text }, when, room) {
  const who = () => h("bdi", {}, showText(sender));
  const told = {
    [EventKind.JOIN]: () => [who(), " joined"],
    [EventKind.LEAVE]: () => [who(), room.private ? " has left; this conversation is over" : " left",
      text ? `: ${showText(text)}` : ""],
    [EventKind.RENAME]: () => [who(), " is now ", h("bdi", {}, showText(text))],
  }[kind]?.() ?? [`something this page does not know happened (${kind})`];
  return h("p", { class: "notice" }, ...told,
    h("time", { datetime: when.toISOString(), title: fullTime(when) }, clock(when)));
}
