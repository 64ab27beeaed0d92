// The message field: grows with its text, sends on Enter, and shows what is wrong with it.

import { literally, parse, UsageError } from "./commands.js";
import { NameCompletion } from "./completion.js";
import { $ } from "./dom.js";
import { brief } from "./log_line.js";
import { EncodeError, EventKind, LIMITS } from "./protocol.js";
import { sendable, showText, textProblem } from "./text.js";

const COUNT_FROM = 0.8; // share of the size limit from which the size is checked while typing
const KEPT = 200_000; // characters of a draft saved across reloads
const NUMBERED = /^\s*\/(edit|delete|reply|react)\b/i; // commands that may name a message by its number

export class Composer {
  /** @param perform runs a command; returns an error message, or an empty string. */
  constructor(chat, perform) {
    this.chat = chat;
    this.perform = perform;
    this.form = $("composer");
    this.field = $("text");
    this.problem = $("text-problem");
    this.about = null; // {kind, event}: the message that the user edits or answers
    this.stash = ""; // what was in the field before an edit
    $("about-cancel").addEventListener("click", () => this.endAbout());
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
    this.field.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.about) {
        event.preventDefault();
        this.endAbout();
      }
      if (event.key === "ArrowUp" && !this.field.value && !event.altKey) this.editLast(event);
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.send();
    });
    this.field.addEventListener("input", () => this.typed());
    this.completion = new NameCompletion(this.field, () => this.names);
  }

  /** The names of the other members, sorted. */
  get names() {
    const { chat, room } = this;
    const names = room.private ? [room.peer] : [...room.people.keys()];
    return names.filter((name) => name !== chat.name).sort((one, other) => one.localeCompare(other));
  }

  /** Switch to a room and show its draft. */
  open(room) {
    this.endAbout();
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

  /** Begin to edit (EventKind.EDIT) or answer (EventKind.REPLY) a message of the room. */
  begin(kind, event) {
    this.endAbout();
    this.about = { kind, event };
    const isEdit = kind === EventKind.EDIT;
    if (isEdit) {
      this.stash = this.field.value;
      this.field.value = literally(this.room.view(event).text);
    }
    $("about").hidden = false;
    $("about-what").textContent = isEdit ? "Editing your message" : `Replying to ${showText(event.sender)}: ${brief(event, this.room)}`;
    this.typed();
    this.field.focus();
  }

  /** Write a new message again. */
  endAbout() {
    const { about } = this;
    this.about = null;
    $("about").hidden = true;
    if (about?.kind !== EventKind.EDIT) return;
    this.field.value = this.stash;
    this.typed();
  }

  /** Edit the user's last message. */
  editLast(event) {
    const last = this.room.entries.findLast((each) => each.event && this.chat.canEdit(this.room, each.event))?.event;
    if (!last) return;
    event.preventDefault();
    this.begin(EventKind.EDIT, last);
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
    if (draft !== room.kept.draft && this.about?.kind !== EventKind.EDIT) {
      room.kept.draft = draft;
      this.chat.keep();
    }
    $("logs").classList.toggle("numbered", NUMBERED.test(field.value));
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
      return this.about ? this.sendAbout(text) : this.perform(parse(text));
    } catch (error) {
      if (!(error instanceof UsageError || error instanceof EncodeError)) throw error;
      return error.message;
    }
  }

  /** Send the edit or the answer. Returns an error message, or an empty string. */
  sendAbout(text) {
    const { about: { kind, event }, room } = this;
    const { verb, words } = parse(text);
    if (verb !== "say") throw new UsageError("A command cannot edit or answer a message. To send it as text, begin it with //.");
    const problem = textProblem(words[0], this.limit);
    if (problem) return problem;
    if (kind !== EventKind.EDIT || words[0] !== room.view(event).text) this.chat.annotate(room, kind, event.seq, words[0]);
    return "";
  }

  send() {
    const text = sendable(this.field.value);
    if (!text) return;
    if (this.about) {
      const refused = this.run(text);
      if (refused) return this.showProblem(refused);
      if (this.about.kind === EventKind.REPLY) this.field.value = "";
      this.endAbout();
      return this.typed();
    }
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
