// The sidebar: the user's rooms and name.

import { MESSAGE_KINDS } from "./annotations.js";
import { avatar, brief } from "./log_line.js";
import { $, drawScheduler, h, icon } from "./dom.js";
import { skeleton } from "./outbox.js";
import { inOrder } from "./room.js";
import { LOBBY, showCode, showText } from "./text.js";

export class Sidebar {
  constructor(chat, hooks) {
    this.chat = chat;
    this.hooks = hooks;
    const scheduleDraw = drawScheduler($("side"), () => this.draw());
    for (const topic of ["rooms", "renamed", "online", "opened", "people"]) {
      chat.on(topic, () => {
        this.updateTitle(); // at once: hidden tabs get no animation frames, but their title is visible
        scheduleDraw();
      });
    }
  }

  /** Update the tab's title and the menu badge with the unread count. */
  updateTitle() {
    const { current, unread } = this.chat;
    const title = current ? `${showText(current.title)} · netchat` : "netchat";
    document.title = unread ? `(${unread}) ${title}` : title;
    const elsewhere = unread - (current?.kept.unread ?? 0);
    $("menu-count").textContent = elsewhere ? count(elsewhere) : "";
  }

  draw() {
    const { chat } = this;
    const rooms = inOrder([...chat.rooms.values()]);
    this.fill($("rooms"), rooms.filter((room) => !room.private));
    const private_ = rooms.filter((room) => room.private && (room.hasContent || room === chat.current));
    this.fill($("privates"), private_);
    $("privates-title").hidden = !private_.length;
    $("me").replaceChildren(avatar(chat.name), h("bdi", {}, showText(chat.name)));
  }

  fill(list, rooms) {
    const focused = list.contains(document.activeElement) && document.activeElement.dataset.room;
    list.replaceChildren(...rooms.map((room) => this.row(room)));
    if (focused) list.querySelector(`[data-room="${CSS.escape(focused)}"]`)?.focus();
  }

  row(room) {
    const { unread, isMentioned } = room.kept;
    const isCurrent = room === this.chat.current;
    const picture = room.private ? avatar(room.peer)
      : h("span", { class: "avatar room-mark", "aria-hidden": "true" }, icon(room.code === LOBBY ? "home" : room.sealed ? "lock" : "hash"));
    const last = room.entries.findLast(({ event }) => MESSAGE_KINDS.includes(event?.kind))?.event;
    const people = room.isNamedByPeople ? peopleIn(room, this.chat.name) : "";
    const name = h("bdi", { class: room.isNamedByPeople && !people ? "code" : "" }, people || showText(room.title));
    const text = last ? `${this.chat.own(last) ? "You" : showText(last.sender)}: ${brief(last, room)}`
      : room.over ? "ended" : "";
    // The header shows the code of the current room; it is once on the screen.
    const code = people && !isCurrent ? [h("span", { class: "code" }, showCode(room.code)), text ? " · " : ""] : [];
    const badge = unread
      ? h("span", { class: `badge ${isMentioned ? "named" : ""}` }, isMentioned ? "@ " : "", count(unread),
        h("span", { class: "unseen" }, isMentioned ? " unread, one names you" : " unread")) : "";
    return h("li", {},
      h("button", {
        class: "row", "data-room": room.code,
        "aria-current": isCurrent ? "true" : undefined,
        onclick: () => this.hooks.open(room),
      }, picture, h("span", { class: "two" }, name, h("span", { class: "said" }, ...code, text)), badge));
  }
}

const NAMED = 2; // members named in a room's row, if there are more than NAMED + 1 others

/** Return the members of a room without a title, or an empty string if they are unknown. */
function peopleIn(room, me) {
  if (!room.people.size) return "";
  const others = [...room.people.keys()].filter((name) => skeleton(name) !== skeleton(me));
  if (!others.length) return "Only you";
  const named = others.slice(0, others.length > NAMED + 1 ? NAMED : NAMED + 1).map((name) => showText(name));
  const more = room.total - 1 - named.length;
  return more > 0 ? `${named.join(", ")} and ${more} more` : named.join(", ");
}

export const count = (number) => (number > 99 ? "99+" : String(number));
