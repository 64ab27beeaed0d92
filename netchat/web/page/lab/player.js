// Playing the line: one stage after the other, whose cells appear from left to right.

import { $ } from "../dom.js";

const STAGE_TIME = 1600; // ms for each stage
const SWEEP = 0.55; // part of it in which the cells appear
export const STAGES = ["text", "frame", "coded", "channel", "decoder", "out"];

export class Player {
  /** @param draw called with (stage, part of its cells that is visible) */
  constructor(draw) {
    this.draw = draw;
    this.stage = STAGES.length - 1; // all of the line
    this.timer = 0;
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
    $("play").addEventListener("click", () => (this.timer ? this.pause() : this.play()));
    $("step").addEventListener("click", () => this.step(1));
    $("back").addEventListener("click", () => this.step(-1));
  }

  get isWhole() { return this.stage === STAGES.length - 1; }

  step(by) {
    this.pause();
    const next = this.stage + by;
    this.show(next >= STAGES.length ? 0 : Math.max(0, next));
  }

  /** Play from the start, or from the stage where it was paused. */
  play() {
    if (this.isWhole) this.stage = -1;
    this.button("pause", "Pause");
    let began = -Infinity;
    const frame = (now) => {
      let part = (now - began) / STAGE_TIME;
      if (part >= 1) {
        if (this.isWhole) return this.pause();
        this.stage += 1;
        began = now;
        part = 0;
      }
      this.draw(this.stage, this.still.matches ? 1 : Math.min(1, part / SWEEP));
      return (this.timer = requestAnimationFrame(frame));
    };
    this.timer = requestAnimationFrame(frame);
  }

  pause() {
    if (!this.timer) return;
    cancelAnimationFrame(this.timer);
    this.timer = 0;
    this.button("play", "Play");
    this.draw(this.stage, 1);
  }

  show(stage) {
    this.stage = stage;
    this.draw(stage, 1);
  }

  button(icon, text) {
    $("play").querySelector("use").setAttribute("href", `#i-${icon}`);
    $("play").querySelector("span").textContent = text;
  }
}
