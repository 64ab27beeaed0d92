// What the user can do with a message: the buttons beside the one under the pointer, and the menu.

import { $, copy, h, icon, touch } from "./dom.js";
import { brief } from "./log_line.js";
import { reactionProblem } from "./annotations.js";
import { skeleton } from "./outbox.js";
import { EventKind } from "./protocol.js";
import { showText } from "./text.js";

// What does something else when it is pressed in a message.
const OTHERS = "a, button, img, .file, .hosted .other .name";
const REACTIONS = ["👍", "❤️", "😂", "🎉", "😮", "👀"];

export class MessageMenu {
  /** @param screen the Screen. */
  constructor(screen) {
    this.screen = screen;
    this.event = null; // the message that the menu or the buttons are about
    // One set of buttons for all messages, which moves to the one under the pointer.
    const button = (name, label, action) => h("button", { class: "round", type: "button", "aria-label": label, title: label, onclick: action }, icon(name));
    this.replyButton = button("reply", "Reply", () => this.reply());
    this.favourite = REACTIONS[0]; // the last reaction that the user has added
    this.quickButton = h("button", { class: "round", type: "button", onclick: () => this.react(this.favourite) });
    this.bar = h("div", { class: "beside" }, this.quickButton, this.replyButton, button("more", "More about this message", () => this.open()));
    const press = (id, action) => $(id).addEventListener("click", () => {
      $("message-menu").close();
      action();
    });
    press("message-reply", () => this.reply());
    press("message-edit", () => screen.composer.begin(EventKind.EDIT, this.event));
    press("message-copy", () => copy(this.room.view(this.event).text));
    press("message-delete", () => $("deleting").showModal());
    press("message-frame", () => screen.showFrame(this.room, this.event.seq));
    $("delete-yes").addEventListener("click", () => {
      $("deleting").close();
      this.annotate(EventKind.DELETE);
    });
    $("message-react").addEventListener("submit", (event) => {
      event.preventDefault();
      this.react($("message-reaction").value.trim());
    });
    const logs = $("logs");
    if (!touch.matches) logs.addEventListener("pointerover", ({ target }) => this.follow(target));
    logs.addEventListener("keydown", (event) => this.pressed(event));
    logs.addEventListener("click", ({ target }) => this.clicked(target));
  }

  get chat() { return this.screen.chat; }
  get room() { return this.chat.current; }

  /** Return the event of a message on the screen; undefined if it has no menu. */
  eventOf(element) {
    const seq = element.closest?.(".item")?.dataset.seq;
    const event = element.closest?.(".message") && seq !== "undefined" && seq ? this.room.find(BigInt(seq)) : undefined;
    return event && !this.room.view(event).isDeleted ? event : undefined;
  }

  /** Put the buttons beside the message under the pointer. */
  follow(target) {
    const event = this.eventOf(target);
    if (event) this.attach(event, target.closest(".message"));
  }

  attach(event, message) {
    this.event = event;
    this.quickButton.hidden = this.replyButton.hidden = !this.chat.canAnnotate(this.room);
    this.quickButton.textContent = this.favourite;
    const label = `React with ${showText(this.favourite)}`;
    Object.assign(this.quickButton, { title: label, ariaLabel: label });
    const bubble = message.querySelector(".bubble");
    if (this.bar.parentNode !== bubble) bubble.append(this.bar);
  }

  /** In the log, Enter selects the newest message; the arrow keys then move. */
  pressed(event) {
    const { key, target } = event;
    const isLog = key === "Enter" && target.classList.contains("log");
    const step = { ArrowUp: -1, ArrowDown: 1 }[key];
    if (!isLog && !(step && target.closest(".beside"))) return;
    event.preventDefault();
    const messages = [...document.querySelectorAll(".log:not([hidden]) .lines .message")].filter((each) => this.eventOf(each));
    const at = isLog ? messages.length - 1 : messages.indexOf(target.closest(".message")) + step;
    const message = messages[at];
    if (!message) return;
    this.attach(this.eventOf(message), message);
    this.bar.lastElementChild.focus();
    message.scrollIntoView({ block: "nearest" });
  }

  clicked(target) {
    const quoted = target.closest(".quote");
    const reaction = target.closest(".reaction");
    const event = this.eventOf(target);
    if (quoted) this.screen.revealMessage(this.room, BigInt(quoted.dataset.answers));
    else if (event && reaction) this.react(reaction.dataset.reaction, event);
    else if (event && touch.matches && target.closest(".bubble") && !target.closest(OTHERS) && !String(getSelection())) this.open(event);
  }

  open(event = this.event) {
    const { chat, room } = this;
    this.event = event;
    const can = chat.canAnnotate(room);
    const { reactions } = room.view(event);
    $("message-brief").textContent = `${showText(event.sender)}: ${brief(event, room)}`;
    $("message-react").hidden = !can;
    $("message-reply").hidden = !can;
    $("message-copy").hidden = event.kind === EventKind.FILE;
    $("message-edit").hidden = !chat.canEdit(room, event);
    $("message-delete").hidden = !chat.canDelete(room, event);
    $("message-reaction").value = "";
    $("message-reactions").replaceChildren(...REACTIONS.map((reaction) => h("button", {
      class: "reaction", type: "button", "aria-pressed": String(this.isMine(reactions.get(reaction))),
      onclick: () => this.react(reaction),
    }, reaction)));
    $("message-menu").showModal();
  }

  isMine(names = []) { return names.some((name) => skeleton(name) === skeleton(this.chat.name)); }

  reply() { this.screen.composer.begin(EventKind.REPLY, this.event); }

  /** Add the user's reaction, or take it back. */
  react(reaction, event = this.event) {
    const isMine = this.isMine(this.room.view(event).reactions.get(reaction));
    const text = `${isMine ? "-" : "+"}${reaction}`;
    const problem = reactionProblem(text);
    if (!isMine && !problem) this.favourite = reaction;
    $("message-menu").close();
    if (problem) this.screen.status.toast(problem);
    else this.annotate(EventKind.REACTION, text, event);
  }

  annotate(kind, text = "", event = this.event) {
    try {
      this.chat.annotate(this.room, kind, event.seq, text);
    } catch ({ message }) {
      this.screen.status.toast(message);
    }
  }
}
