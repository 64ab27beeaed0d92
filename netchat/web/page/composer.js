// The message field: grows with its text, sends on Enter, and shows what is wrong with it.

import { literally, parse, UsageError } from "./commands.js";
import { $ } from "./dom.js";
import { EncodeError, LIMITS } from "./protocol.js";
import { sendable, showText, textProblem } from "./text.js";

const COUNT_FROM = 0.8; // share of the size limit from which the size is checked while typing
const KEPT = 200_000; // characters of a draft saved across reloads

export class Composer {
  /** @param perform runs a command; returns an error message, or an empty string. */
  constructor(chat, perform) {
    this.chat = chat;
    this.perform = perform;
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

  /** Switch to a room and show its draft. */
  open(room) {
    this.room = room;
    this.field.value = room.kept.draft;
    this.form.hidden = room.over;
    this.label(room);
    this.typed();
  }

  label(room) {
    const to = room.private ? `Message ${showText(room.peer)}` : "Message everyone";
    this.field.placeholder = to;
    this.field.setAttribute("aria-label", to);
  }

  /** Put an undelivered text back into the field. */
  edit(undelivered) {
    const text = literally(undelivered);
    this.field.value = this.field.value ? `${text}\n${this.field.value}` : text;
    this.typed();
    this.field.focus();
  }

  typed() {
    const { field, room } = this;
    const draft = field.value.slice(0, KEPT);
    if (draft !== room.kept.draft) {
      room.kept.draft = draft;
      this.chat.keep();
    }
    field.style.height = "auto"; // follow the text, up to the style sheet's max-height
    field.style.height = `${field.scrollHeight}px`;
    const text = sendable(field.value);
    const isNearLimit = text.length * 3 > this.limit * COUNT_FROM;
    this.showProblem(isNearLimit ? textProblem(text, this.limit) : "");
    $("send").disabled = !text;
  }

  /** Maximum message size in bytes; the protocol's default until WELCOME arrives. */
  get limit() { return this.chat.core.maxText || LIMITS.MAX_TEXT; }

  showProblem(problem) {
    this.problem.textContent = problem;
    this.field.setAttribute("aria-invalid", problem ? "true" : "false");
  }

  /** Send a text or run a command. Returns an error message, or an empty string. */
  run(text) {
    try {
      return this.perform(parse(text));
    } catch (error) {
      if (!(error instanceof UsageError || error instanceof EncodeError)) throw error;
      return error.message;
    }
  }

  send() {
    const text = sendable(this.field.value);
    if (!text) return;
    const { value } = this.field;
    this.field.value = ""; // first: a command may switch to another room, which shows its own draft
    this.typed();
    const problem = this.run(text);
    if (!problem) return;
    this.field.value = value;
    this.typed();
    this.showProblem(problem);
  }
}
