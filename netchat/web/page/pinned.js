// The line above the messages that shows, while they scroll, the day and the sender of those at the top.

import { $ } from "./dom.js";
import { dayName, showText } from "./text.js";

export class Pinned {
  constructor() {
    this.line = $("pinned");
    this.isScheduled = false;
  }

  /** Show what has scrolled out of a LogView at its top; at the next frame, as scrolling is frequent. */
  update(view) {
    this.view = view;
    if (this.isScheduled) return;
    this.isScheduled = true;
    requestAnimationFrame(() => {
      this.isScheduled = false;
      this.draw();
    });
  }

  draw() {
    const { view, line } = this;
    const item = view.element.isConnected && !view.element.hidden ? topItem(view) : null;
    const { top } = view.element.getBoundingClientRect();
    // A day that begins there is on the screen already, and so is the sender of its first message.
    line.hidden = !item || item.querySelector(".day")?.getBoundingClientRect().bottom > top;
    if (line.hidden) return;
    const message = item.querySelector(".message.other");
    // The sender's name is in the first message of a run.
    const isNamed = message?.classList.contains("first") && item.getBoundingClientRect().top >= top;
    const [name, day] = line.children;
    name.textContent = message && !isNamed ? showText(message.dataset.sender) : "";
    const time = item.querySelector("time");
    day.textContent = time ? dayName(new Date(time.dateTime)) : "";
  }
}

/** Return the item at the top of the visible messages, unless the first one of the log is visible there. */
function topItem({ element, lines }) {
  const { top, left, width } = element.getBoundingClientRect();
  const first = lines.querySelector(".item");
  if (!first || first.getBoundingClientRect().top >= top) return null;
  for (const y of [2, 20, 40]) { // between two items there is a margin
    const item = document.elementsFromPoint(left + width / 2, top + y).map((each) => each.closest(".item")).find(Boolean);
    if (item) return item;
  }
  return null;
}
