// Completion of names in the message field: Tab after @, or where a command takes a name.

import { COMMANDS } from "./commands.js";

/** Return the part of a name before the cursor, or null if no name is expected there. */
export function begunName(before) {
  const mentioned = /(?:^|\s)@(\S*)$/.exec(before);
  if (mentioned) return mentioned[1];
  const [, verb, word] = /^\s*\/(\w+)\s+(\S*)$/.exec(before) ?? [];
  return verb && Object.hasOwn(COMMANDS, verb.toLowerCase()) && /^\[?NAME/.test(COMMANDS[verb.toLowerCase()][0]) ? word : null;
}

export class NameCompletion {
  /**
   * @param field the message field
   * @param names returns the names to offer
   */
  constructor(field, names) {
    this.field = field;
    this.names = names;
    this.cycle = null; // {value, start, found, at}: what the last Tab has inserted
    field.addEventListener("keydown", (event) => {
      if (event.key !== "Tab" || event.shiftKey || event.altKey || event.ctrlKey || event.metaKey || event.isComposing) return;
      if (this.complete()) event.preventDefault(); // otherwise Tab moves the focus, as everywhere
    });
  }

  /** Complete the name before the cursor; pressed again, show the next candidate. Returns whether there is one. */
  complete() {
    const { field } = this, { selectionStart: at, selectionEnd: end } = field;
    if (at !== end) return false;
    if (this.cycle?.value !== field.value || this.cycle.end !== at) {
      const begun = begunName(field.value.slice(0, at));
      if (begun === null) return false;
      const found = this.names().filter((name) => name.toLowerCase().startsWith(begun.toLowerCase()));
      if (!found.length) return false;
      this.cycle = { start: at - begun.length, found, at: -1 };
    }
    const { cycle } = this;
    cycle.at = (cycle.at + 1) % cycle.found.length;
    const after = cycle.found.length === 1 ? " " : "";
    field.setRangeText(cycle.found[cycle.at] + after, cycle.start, at, "end");
    field.dispatchEvent(new Event("input", { bubbles: true }));
    Object.assign(cycle, { value: field.value, end: field.selectionStart });
    return true;
  }
}
