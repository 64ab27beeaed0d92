// Where one writes: grows with the text, sends on Enter, and says what cannot be sent.

import { $ } from "./dom.js";
import { sendable, textProblem } from "./text.js";

const COUNT_FROM = 0.8; // of the bytes a message may have: from here on they are counted

export class Composer {
  constructor(chat) {
    this.chat = chat;
    this.form = $("composer");
    this.field = $("text");
    this.problem = $("text-problem");
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
    this.field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.send();
    });
    this.field.addEventListener("input", () => this.typed());
  }

  /** Another room: its draft is shown. */
  open(room) {
    this.room = room;
    this.field.value = room.kept.draft;
    this.form.hidden = room.over;
    this.label(room);
    this.typed();
  }

  label(room) {
    const to = room.private ? `Message ${room.peer}` : "Message everyone";
    this.field.placeholder = to;
    this.field.setAttribute("aria-label", to);
  }

  edit(text) {
    this.field.value = this.field.value ? `${text}\n${this.field.value}` : text;
    this.typed();
    this.field.focus();
  }

  typed() {
    const { field, room } = this;
    const draft = field.value.length < 20_000 ? field.value : "";
    if (draft !== room.kept.draft) {
      room.kept.draft = draft;
      this.chat.keep();
    }
    field.style.height = "auto"; // grow and shrink with the text, up to what the style sheet allows
    field.style.height = `${field.scrollHeight}px`;
    const text = sendable(field.value);
    const limit = this.chat.core.maxText;
    const size = text.length * 3 > limit * COUNT_FROM ? textProblem(text, limit) : "";
    this.say(size);
    $("send").disabled = !text;
  }

  say(problem) {
    this.problem.textContent = problem;
    this.field.setAttribute("aria-invalid", problem ? "true" : "false");
  }

  send() {
    const text = sendable(this.field.value);
    if (!text) return;
    const problem = textProblem(text, this.chat.core.maxText);
    if (problem) return this.say(problem);
    this.field.value = "";
    this.typed();
    return this.chat.say(this.room, text);
  }
}
