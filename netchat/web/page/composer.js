// Where one writes: grows with the text, sends on Enter, and says what cannot be sent.

import { literally, parse, UsageError } from "./commands.js";
import { $ } from "./dom.js";
import { EncodeError, LIMITS } from "./protocol.js";
import { sendable, showText, textProblem } from "./text.js";

const COUNT_FROM = 0.8; // of the bytes a message may have: from here on they are counted
const KEPT = 200_000; // characters of a draft that are kept over a reload

export class Composer {
  /** @param perform does a command; returns what keeps it from being done. */
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

  /** Another room: its draft is shown. */
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

  /** Type a text again that was not delivered. */
  edit(said) {
    const text = literally(said);
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
    field.style.height = "auto"; // grow and shrink with the text, up to what the style sheet allows
    field.style.height = `${field.scrollHeight}px`;
    const text = sendable(field.value);
    const size = text.length * 3 > this.limit * COUNT_FROM ? textProblem(text, this.limit) : "";
    this.say(size);
    $("send").disabled = !text;
  }

  /** Bytes that a message may have; until the server has told, what servers usually take. */
  get limit() { return this.chat.core.maxText || LIMITS.MAX_TEXT; }

  say(problem) {
    this.problem.textContent = problem;
    this.field.setAttribute("aria-invalid", problem ? "true" : "false");
  }

  /** Say a text, or do what it says after a slash. Returns what is wrong with it. */
  obey(text) {
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
    this.field.value = ""; // first: a command can lead to another room, which brings its own draft
    this.typed();
    const problem = this.obey(text);
    if (!problem) return;
    this.field.value = value;
    this.typed();
    this.say(problem);
  }
}
