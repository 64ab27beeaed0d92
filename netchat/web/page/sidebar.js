// The sidebar: the user's rooms and name.

import { avatar } from "./log_line.js";
import { $, drawScheduler, h, icon } from "./dom.js";
import { inOrder } from "./room.js";
import { LOBBY, showText } from "./text.js";

export class Sidebar {
  constructor(chat, hooks) {
    this.chat = chat;
    this.hooks = hooks;
    const scheduleDraw = drawScheduler($("side"), () => this.draw());
    for (const topic of ["rooms", "renamed", "online", "opened"]) {
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
    const { unread } = room.kept;
    const picture = room.private ? avatar(room.peer)
      : h("span", { class: "avatar room-mark", "aria-hidden": "true" }, icon(room.code === LOBBY ? "home" : room.sealed ? "lock" : "hash"));
    const last = room.entries.findLast(({ event }) => event?.kind === 1)?.event;
    const name = h("bdi", { class: room.joinable && !room.name ? "code" : "" }, showText(room.title));
    const said = h("span", { class: "said" },
      last ? `${this.chat.own(last) ? "You" : showText(last.sender)}: ${showText(last.text.slice(0, 80))}`
        : room.over ? "ended" : "");
    const badge = unread
      ? h("span", { class: "badge" }, count(unread), h("span", { class: "unseen" }, " unread")) : "";
    return h("li", {},
      h("button", {
        class: "row", "data-room": room.code,
        "aria-current": room === this.chat.current ? "true" : undefined,
        onclick: () => this.hooks.open(room),
      }, picture, h("span", { class: "two" }, name, said), badge));
  }
}

export const count = (number) => (number > 99 ? "99+" : String(number));
