// The keyboard: typing anywhere starts a message, and shortcuts.

import { $ } from "./dom.js";
import { inOrder } from "./room.js";

/** Every shortcut, for the list: its keys and its effect. */
export const KEYS = [
  ["any letter", "start a message, wherever the focus is"],
  ["Enter", "send; with Shift, begin a new line"],
  ["Alt + ↑ or ↓", "open the previous or the next room; with Shift, the next one with unread messages"],
  ["Page Up or Down", "scroll the messages"],
  ["↑ in an empty field", "edit your last message"],
  ["Tab after @", "complete a name; again, the next one"],
  ["Enter in the messages", "choose one with ↑ and ↓; Enter again opens its menu"],
  ["Esc", "close what is open; otherwise jump to the newest message"],
  ["Alt + I", "invite others"],
  ["Alt + S", "search the room"],
  ["Alt + P", "show or hide the people"],
  ["Alt + U", "show or hide what is under the hood"],
  ["?", "show this list"],
];

const OPENED = { KeyI: "invite-open", KeyS: "search-open", KeyP: "people-open", KeyU: "hood-open" };
const FIELDS = "input:not([type=checkbox]), textarea, select, [contenteditable]";

export class Keyboard {
  /** @param screen the Screen. */
  constructor(screen) {
    this.screen = screen;
    document.addEventListener("keydown", (event) => this.pressed(event));
  }

  get isActive() { return !$("chat").hidden && !document.querySelector("dialog[open]"); }

  pressed(event) {
    const { key, altKey: alt, ctrlKey: ctrl, metaKey: meta, isComposing, defaultPrevented, target } = event;
    if (!this.isActive || isComposing || defaultPrevented) return;
    const isTyping = target.matches(FIELDS);
    let isDone = true;
    if (key === "Escape") this.escape();
    else if (alt && !ctrl && !meta) isDone = this.withAlt(event);
    else if (key === "PageUp" || key === "PageDown") isDone = this.scroll(key === "PageUp" ? -1 : 1);
    else if (key === "?" && !isTyping && !ctrl && !meta) $("help-open").click();
    else {
      isDone = false;
      const isPaste = (ctrl || meta) && key.toLowerCase() === "v";
      // Space presses buttons, and scrolls.
      const isText = [...key].length === 1 && key !== " " && !ctrl && !meta;
      if (!isTyping && (isText || isPaste)) this.startMessage();
    }
    if (isDone) event.preventDefault();
  }

  /** Move the focus to the message field, which then gets the key. */
  startMessage() {
    const { field, form } = this.screen.composer;
    if (!form.hidden && !$("room").inert) field.focus();
  }

  escape() {
    const { screen } = this;
    if (screen.isOpen) screen.back();
    else screen.logs.get(screen.chat.current)?.toEnd();
  }

  scroll(direction) {
    const log = this.screen.logs.get(this.screen.chat.current)?.element;
    if (!log || $("room").inert) return false;
    log.scrollBy({ top: direction * log.clientHeight * 0.9 });
    return true;
  }

  withAlt({ key, code, shiftKey }) {
    if (key === "ArrowUp" || key === "ArrowDown") this.step(key === "ArrowUp" ? -1 : 1, shiftKey);
    else if (OPENED[code] && !shiftKey) this.open($(OPENED[code]));
    else return false;
    return true;
  }

  open(button) {
    if (!button.hidden && !$("room").inert) button.click();
  }

  /** Open the next or previous room of the list, or of those with unread messages. */
  step(direction, isUnread) {
    const { chat } = this.screen;
    const listed = inOrder([...chat.rooms.values()]).filter((room) => !room.private || room.hasContent || room === chat.current);
    const at = listed.indexOf(chat.current);
    for (let i = 1; i <= listed.length; i += 1) {
      const room = listed[(at + direction * i + listed.length * i) % listed.length];
      if (isUnread && !room.kept.unread) continue;
      if (room !== chat.current) this.screen.go(() => chat.open(room));
      return;
    }
  }
}
