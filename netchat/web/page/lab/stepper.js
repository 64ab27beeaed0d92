// Buttons and a slider for the steps of a decoder.

import { h, icon } from "../dom.js";

/**
 * Build a stepper.
 *
 * @param steps how many steps there are: 0 to steps - 1
 * @param at the first step shown
 * @param draw called with a step; returns its caption
 * @param remember called with the step that the user has stopped at
 */
export function stepper(name, steps, at, draw, remember) {
  let now = Math.max(0, Math.min(at, steps - 1)), timer = 0;
  const caption = h("p", { "aria-live": "polite" });
  const range = h("input", { type: "range", min: 0, max: steps - 1, value: now, "aria-label": name, "data-focus": "range" });
  const play = h("button", { type: "button", "data-focus": "play" }, icon("play"), "Play");
  const show = (step, isQuiet) => {
    now = Math.max(0, Math.min(step, steps - 1));
    range.value = now;
    caption.textContent = draw(now);
    range.setAttribute("aria-valuetext", caption.textContent);
    if (!isQuiet) remember(now);
  };
  const stop = () => {
    clearInterval(timer);
    timer = 0;
    play.lastChild.textContent = "Play";
  };
  const go = (step) => {
    stop();
    show(step);
  };
  range.addEventListener("input", () => show(Number(range.value), true));
  range.addEventListener("change", () => go(Number(range.value)));
  play.addEventListener("click", () => {
    if (timer) return go(now);
    if (now >= steps - 1) show(0, true);
    play.lastChild.textContent = "Pause";
    timer = setInterval(() => {
      if (!range.isConnected || now >= steps - 1) return range.isConnected ? go(now) : stop();
      return show(now + 1, true);
    }, steps > 40 ? 250 : 800);
    return undefined;
  });
  show(now, true);
  if (steps < 2) return h("div", { class: "stepper" }, caption);
  return h("div", { class: "stepper", role: "group", "aria-label": name },
    h("button", { type: "button", "aria-label": "One step back", "data-focus": "back", onclick: () => go(now - 1) }, icon("back")),
    play,
    h("button", { type: "button", "data-focus": "step", onclick: () => go(now + 1) }, icon("step"), "Step"),
    range, caption);
}
