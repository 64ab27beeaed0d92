// The people in a room; clicking a name opens a private conversation.

import { avatar } from "./log_line.js";
import { $, drawScheduler, h, icon } from "./dom.js";
import { isHost } from "./host_tools.js";
import { skeleton } from "./outbox.js";
import { EventKind } from "./protocol.js";
import { showText } from "./text.js";

const SHOWN = 500;
const REFRESH = 15_000; // ms; no event reports that a member has lost the connection

export class People {
  constructor(chat, hooks) {
    this.chat = chat;
    this.hooks = hooks;
    this.scheduleDraw = drawScheduler($("people-list"), () => this.draw());
    for (const topic of ["people", "opened", "renamed", "described"]) chat.on(topic, this.scheduleDraw);
    chat.on("appended", ({ entries }) => {
      if (entries.some(({ event }) => event?.kind !== EventKind.CHAT)) this.scheduleDraw();
    });
    setInterval(() => {
      if (chat.current && !document.hidden && !$("people").hidden) chat.askWho(chat.current);
    }, REFRESH);
  }

  draw() {
    const { current: room, name: me } = this.chat;
    if (!room) return;
    const people = room.private
      ? [[me, false], ...(room.over ? [] : [[room.peer, false]])]
      : [...room.people].sort(([one], [other]) => one.localeCompare(other));
    const total = room.private ? people.length : room.total;
    $("people-count").textContent = String(total || "");
    $("people-title").textContent = `${total} ${total === 1 ? "person" : "people"}`;
    const focused = document.activeElement?.dataset.name;
    $("people-list").replaceChildren(
      ...people.slice(0, SHOWN).map(([name, away]) => this.row(name, away, skeleton(name) === skeleton(me))),
      ...(total > SHOWN ? [h("li", { class: "notice" }, `and ${total - SHOWN} more`)] : []),
    );
    if (focused) $("people-list").querySelector(`[data-name="${CSS.escape(focused)}"]`)?.focus();
  }

  row(name, away, mine) {
    const state = mine ? "you" : away ? "connection lost" : "online";
    const content = [avatar(name), h("span", { class: "two" }, h("bdi", {}, showText(name)), h("span", { class: "said" }, state))];
    content[0].classList.add(away ? "away" : "here");
    if (mine) return h("li", { class: "row" }, ...content);
    const hasMenu = isHost(this.chat.current);
    const menu = hasMenu && h("button", {
      class: "round menu", type: "button", "aria-label": `Moderate ${showText(name)}`, title: `Moderate ${showText(name)}`,
      onclick: () => this.hooks.moderate(name),
    }, icon("more"));
    return h("li", { class: hasMenu ? "with-menu" : undefined }, h("button", {
      class: "row", "data-name": name, title: `Send ${showText(name)} a private message`,
      onclick: () => this.hooks.write(name),
    }, ...content), menu);
  }
}
