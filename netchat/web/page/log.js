// The list of a room's messages.
//
// The scroll container is a reversed column with its origin at the newest message. It therefore
// stays at the end when older messages load or a keyboard opens. Messages are grouped into blocks of
// BLOCK items, and the browser lays out only those near the viewport (`content-visibility`).

import { h, icon } from "./dom.js";
import { fold } from "./crowd.js";
import { shownText } from "./chat.js";
import { line, missedLine } from "./log_line.js";
import { showText } from "./text.js";

const BLOCK = 50;
const NEAR = 600; // px from the oldest message at which older ones are requested
const AT_END = 60; // px from the newest message that count as the end

export class LogView {
  /** @param head an element to show before the room's first message. */
  constructor(chat, room, head, hooks) {
    this.chat = chat;
    this.room = room;
    this.hooks = hooks;
    this.head = h("div", { class: "head", hidden: true }, head);
    this.former = h("div", { class: "former" }); // messages from before the server lost the room's history
    this.more = h("p", { class: "more", hidden: true }, "Loading older messages…");
    this.lines = h("div", { role: "log", "aria-label": `Messages in ${showText(room.title)}`, class: "lines" });
    this.tail = h("div", { class: "tail" });
    this.unread = h("div", { class: "unread", role: "separator" }, h("span", {}, "New messages"));
    const inner = h("div", { class: "inner" }, this.head, this.former, this.more, this.lines, this.tail);
    this.element = h("div", { class: "log", tabindex: 0, "aria-label": "Messages", role: "region" }, inner);
    this.element.addEventListener("scroll", () => this.scrolled(), { passive: true });
    this.show(room.entries);
    this.showTail();
  }

  get atEnd() { return this.element.scrollTop > -AT_END; }

  /** Replace all entries. */
  show(entries) {
    this.lines.replaceChildren();
    this.run = null;
    this.first = this.last = undefined;
    this.append(entries);
    this.quietly(() => {});
    this.afterPast();
  }

  /** Start over with a new log of the room; the earlier messages stay readable above it. */
  restart() {
    this.unread.remove();
    for (const item of this.lines.querySelectorAll("[data-seq]")) delete item.dataset.seq;
    if (this.lines.childElementCount) {
      this.former.append(...this.lines.children,
        h("p", { class: "notice" }, "The server has restarted without its history. Only this page still has the messages above."));
    }
    this.show(this.room.entries);
  }

  /** Remove the oldest items, whose entries were dropped. */
  trim() {
    const [first] = this.room.entries;
    this.unread.remove();
    for (const item of this.lines.querySelectorAll(".item")) {
      if (BigInt(item.dataset.seq) >= first.seq) {
        item.replaceWith(this.render(first)); // no entry precedes it now
        break;
      }
      if (item.parentNode.childElementCount === 1) item.parentNode.remove();
      else item.remove();
    }
    this.first = first;
    this.markUnread();
    this.afterPast();
  }

  append(entries) {
    const { element } = this;
    const before = this.atEnd ? 0 : element.scrollHeight;
    let block = this.lines.lastElementChild;
    for (const entry of entries) {
      if (!block || block.childElementCount >= BLOCK) {
        block = h("div", { class: "block" });
        this.lines.append(block);
      }
      const item = this.render(entry, this.last);
      block.append(item);
      this.run = fold(this.run, entry, item);
      this.first ??= entry;
      this.last = entry;
    }
    this.showTail();
    this.markUnread();
    if (before) element.scrollTop -= element.scrollHeight - before; // keep the visible messages in place
  }

  /** Insert older entries at the top, unannounced by screen readers. */
  prepend(entries) {
    this.quietly(() => {
      this.unread.remove();
      const blocks = [];
      for (let end = entries.length; end > 0; end -= BLOCK) {
        const part = entries.slice(Math.max(0, end - BLOCK), end);
        const from = Math.max(0, end - BLOCK);
        const lines = part.map((entry, i) => this.render(entry, entries[from + i - 1]));
        for (let run = null, i = 0; i < part.length; i += 1) run = fold(run, part[i], lines[i]);
        blocks.unshift(h("div", { class: "block" }, ...lines));
      }
      // The former first message now has a predecessor.
      if (this.first && entries.length) {
        this.element.querySelector(".item")?.replaceWith(this.render(this.first, entries.at(-1)));
      }
      this.lines.prepend(...blocks);
      this.first = entries[0] ?? this.first;
      this.last ??= entries.at(-1);
      this.markUnread();
    });
    this.afterPast();
  }

  /** Change the list without announcing it to screen readers. */
  quietly(change) {
    this.lines.setAttribute("aria-live", "off");
    change();
    clearTimeout(this.announceTimer);
    this.announceTimer = setTimeout(() => this.lines.removeAttribute("aria-live"), 500);
  }

  afterPast() {
    this.head.hidden = !this.room.begins;
    this.more.hidden = !this.room.asked;
    requestAnimationFrame(() => this.scrolled());
  }

  render(entry, previous) {
    const { chat, room } = this;
    if (entry.missed !== undefined) return missedLine(entry);
    return line(entry.event, previous?.event, chat.own(entry.event), room);
  }

  /** Show the pending and the undelivered messages. */
  showTail() {
    const { chat, room } = this;
    const own = { sender: chat.name, device: -1n, kind: 1 };
    const pending = chat.pending(room).map((send, i) =>
      line({ ...own, text: shownText(send) }, i ? own : this.last?.event, true, room, "pending"));
    const failed = room.failed.map((failure) => this.failure(failure, own));
    const warnings = room.warnings.map((text) => h("p", { class: "notice warning", role: "alert" }, icon("alert"), showText(text)));
    this.tail.replaceChildren(...pending, ...failed, ...warnings);
  }

  failure(failure, own) {
    const { room, hooks } = this;
    const done = () => {
      room.failed.splice(room.failed.indexOf(failure), 1);
      this.showTail();
    };
    const retry = () => {
      done();
      hooks.edit(failure.text);
    };
    const item = line({ ...own, text: failure.text }, own, true, room, "failed");
    item.append(
      h("p", { class: "why", role: "alert" }, icon("alert"), `Not delivered: ${showText(failure.why)} `,
        h("span", {}, h("button", { class: "textual", onclick: retry }, "Edit"),
          h("button", { class: "textual", onclick: done }, "Discard"))),
    );
    return item;
  }

  markUnread() {
    const { line: lastRead, entries } = this.room;
    if (this.unread.isConnected && lastRead === this.marked) return; // new messages are below the separator
    this.marked = lastRead;
    this.unread.remove();
    if (lastRead === null) return;
    // Search from the end: unread messages are the last ones.
    let seq = null;
    for (let i = entries.length - 1; i >= 0 && entries[i].seq > lastRead; i -= 1) seq = entries[i].seq;
    const first = seq === null ? null : this.lines.querySelector(`[data-seq="${seq}"]`);
    first?.before(this.unread);
  }

  /** Scroll to the first unread message, or to the end, when the user opens the room. */
  arrive() {
    if (this.room.kept.unread && this.unread.isConnected) {
      const top = this.unread.getBoundingClientRect().top - this.element.getBoundingClientRect().top;
      if (top < 0) this.element.scrollTop += top - 40;
    }
    this.scrolled();
  }

  toEnd() {
    this.element.scrollTo({ top: 0, behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  }

  scrolled() {
    const { element, chat, room } = this;
    if (!element.isConnected || element.hidden) return;
    room.scrolledUp = !this.atEnd;
    const left = element.scrollHeight - element.clientHeight + element.scrollTop;
    if (left < NEAR && chat.core.online) {
      chat.loadOlder(room);
      this.more.hidden = !room.asked;
    }
    this.hooks.scrolled();
  }
}
