// Folds runs of joins and leaves in a room's log into one line: "12 people joined, 3 left".

import { h } from "./dom.js";
import { EventKind } from "./protocol.js";

const LEAST = 4; // shorter runs stay as they are

const people = (count) => `${count} ${count === 1 ? "person" : "people"}`;

/** Return the line for a run. */
export function summary(joined, left) {
  if (!left) return `${people(joined)} joined`;
  return joined ? `${people(joined)} joined, ${left} left` : `${people(left)} left`;
}

/**
 * Add an entry to the run of joins and leaves before it.
 *
 * @param run the run that the entry before belongs to, or null
 * @returns the run that the entry belongs to, or null if it is anything else
 */
export function fold(run, entry, item) {
  const kind = entry.event?.kind;
  if (kind !== EventKind.JOIN && kind !== EventKind.LEAVE) return null;
  const isNewDay = Boolean(item.querySelector(".day"));
  if (!run || isNewDay) run = { items: [], joined: 0, left: 0, isOpen: false };
  run.items.push(item);
  if (kind === EventKind.JOIN) run.joined += 1;
  else run.left += 1;
  if (run.items.length >= LEAST) show(run);
  return run;
}

function show(run) {
  const { items, joined, left } = run;
  const toggle = () => {
    run.isOpen = !run.isOpen;
    show(run);
  };
  run.line ??= h("p", { class: "notice" }, h("button", { class: "fold", type: "button", onclick: toggle }));
  const [button] = run.line.children;
  button.textContent = summary(joined, left);
  button.setAttribute("aria-expanded", String(run.isOpen));
  if (!run.line.isConnected) items[0].lastElementChild.before(run.line);
  items[0].lastElementChild.hidden = !run.isOpen;
  for (const item of items.slice(1)) item.classList.toggle("folded", !run.isOpen);
}
