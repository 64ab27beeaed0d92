// A strip of cells on a canvas. One button, which moves with the arrow keys, stands for the focused cell.

import { h } from "../dom.js";
import { colours, drawCell } from "./cell_art.js";
import { cellAt, layout, verticalNeighbour } from "./line_model.js";

const LONG_PRESS = 450; // ms
const MOVED = 8; // pixels, from which a press is a movement

export class BitsView {
  /**
   * @param host the element to fill
   * @param options.name of the strip, for screen readers
   * @param options.describe returns the words for a cell
   * @param options.touch called with (cells, "flip" or "erase"); without it, the cells only get the focus
   * @param options.focused called with a cell when it gets the focus or the pointer
   */
  constructor(host, { name, describe, touch, focused, limits = () => ({}) }) {
    Object.assign(this, { host, describe, touch, focused, limits });
    this.canvas = h("canvas", { "aria-hidden": "true" });
    this.cursor = h("button", { type: "button", class: "bit-cursor", "aria-label": name, hidden: true });
    this.host.classList.add("bits");
    this.host.append(this.canvas, this.cursor);
    this.name = name;
    this.paint = this.canvas.getContext("2d");
    this.sprites = new Map();
    this.codes = new Uint16Array(0);
    this.drawn = null; // codes on the canvas
    this.at = 0; // the focused cell
    this.marked = new Set();
    this.reveal = 1; // part of the cells that is visible, while the line plays
    this.listen();
  }

  /** Show cells. @param lengths of the groups, such as codewords */
  show(codes, lengths) {
    const key = `${lengths.join()} ${devicePixelRatio}`;
    this.codes = codes;
    if (key !== this.key) { // reading the width makes the browser lay out the page
      this.key = key;
      const width = this.host.clientWidth || this.width || 300;
      this.width = width;
      this.place(layout(lengths, width, this.limits(codes.length)));
    }
    this.at = Math.max(0, Math.min(this.at, codes.length - 1));
    this.cursor.hidden = !codes.length;
    this.draw();
    this.moveCursor();
  }

  place(places) {
    this.places = places;
    const scale = Math.max(1, devicePixelRatio);
    this.canvas.width = Math.ceil(places.width * scale);
    this.canvas.height = Math.ceil(places.height * scale);
    this.canvas.style.width = `${places.width}px`;
    this.canvas.style.height = `${places.height}px`;
    this.forget();
  }

  /** Draw everything again, with the current colours. */
  forget() {
    this.drawn = null;
    this.sprites.clear();
    this.palette = null;
  }

  draw() {
    const { paint, codes, places: { x, y, cell } } = this;
    const scale = Math.max(1, devicePixelRatio);
    this.palette ??= colours(this.host);
    if (this.drawn?.length !== codes.length) {
      this.drawn = new Uint16Array(codes.length);
      paint.setTransform(1, 0, 0, 1, 0, 0);
      paint.clearRect(0, 0, this.canvas.width, this.canvas.height);
    }
    paint.setTransform(scale, 0, 0, scale, 0, 0);
    const visible = Math.round(this.reveal * codes.length);
    for (let i = 0; i < codes.length; i += 1) {
      // 0 is an empty cell, so that all others are moved by one.
      const code = i < visible ? codes[i] + 1 + (this.marked.has(i) ? 1024 : 0) : 0;
      if (code === this.drawn[i]) continue;
      this.drawn[i] = code;
      paint.clearRect(x[i], y[i], cell, cell);
      if (code) paint.drawImage(this.sprite(code, scale), x[i], y[i], cell, cell);
    }
  }

  sprite(code, scale) {
    const known = this.sprites.get(code);
    if (known) return known;
    const { cell } = this.places;
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = Math.ceil(cell * scale);
    const paint = canvas.getContext("2d");
    paint.scale(canvas.width / cell, canvas.height / cell);
    const isMarked = code > 1024, plain = (code - 1) % 1024;
    if (isMarked) {
      paint.fillStyle = this.palette.ink;
      paint.fillRect(0, cell - 2, cell, 2);
    }
    const kind = plain % 32;
    drawCell(paint, Math.floor(kind / 3), kind % 3, Math.floor(plain / 32), cell, this.palette);
    this.sprites.set(code, canvas);
    return canvas;
  }

  /** Mark cells with a line below them: those that belong to the focused one. */
  mark(cells) {
    this.marked = new Set(cells);
    if (this.places) this.draw();
  }

  moveCursor() {
    if (!this.places || !this.codes.length) return;
    const { x, y, cell } = this.places;
    this.cursor.style.transform = `translate(${x[this.at]}px, ${y[this.at]}px)`;
    this.cursor.style.width = this.cursor.style.height = `${cell}px`;
    this.cursor.setAttribute("aria-label", this.describe(this.at));
  }

  /** Give the focus to a cell, and tell about it. */
  focus(at, isQuiet = false) {
    this.at = Math.max(0, Math.min(at, this.codes.length - 1));
    this.moveCursor();
    if (!isQuiet) this.focused?.(this.at);
  }

  listen() {
    const { canvas, cursor } = this;
    const find = (event) => {
      const box = canvas.getBoundingClientRect();
      return this.places ? cellAt(this.places, event.clientX - box.left, event.clientY - box.top) : -1;
    };
    let pressed = null;
    this.host.addEventListener("pointerdown", (event) => {
      const at = find(event);
      if (at < 0 || (event.button && event.button !== 2)) return;
      if (event.pointerType === "mouse") event.preventDefault(); // the cursor gets the focus instead
      cursor.focus({ preventScroll: true });
      pressed = { at, x: event.clientX, y: event.clientY, type: event.pointerType, button: event.button };
      this.focus(at);
      if (this.touch) {
        pressed.timer = setTimeout(() => {
          this.touch([at], "erase");
          navigator.vibrate?.(20);
          pressed = null;
        }, LONG_PRESS);
      }
    });
    this.host.addEventListener("pointermove", (event) => {
      const at = find(event);
      if (!pressed) {
        if (event.pointerType === "mouse" && at >= 0) this.hover?.(at);
        return;
      }
      const isMoved = Math.hypot(event.clientX - pressed.x, event.clientY - pressed.y) > MOVED;
      if (!isMoved) return;
      clearTimeout(pressed.timer);
      if (pressed.type !== "mouse") pressed = null; // the page scrolls
      else if (at >= 0 && this.touch) this.mark(between(pressed.at, at));
    });
    this.host.addEventListener("pointerup", (event) => {
      if (!pressed) return;
      clearTimeout(pressed.timer);
      const at = find(event);
      const cells = pressed.type === "mouse" && at >= 0 ? between(pressed.at, at) : [pressed.at];
      const what = event.shiftKey || pressed.button === 2 ? "erase" : "flip";
      pressed = null;
      this.mark([]);
      this.touch?.(cells, what);
    });
    for (const kind of ["pointercancel", "pointerleave"]) {
      this.host.addEventListener(kind, () => {
        clearTimeout(pressed?.timer);
        if (pressed) this.mark([]);
        pressed = null;
        if (kind === "pointerleave") this.hover?.(-1);
      });
    }
    this.host.addEventListener("contextmenu", (event) => this.touch && event.preventDefault());
    cursor.addEventListener("focus", () => this.focused?.(this.at));
    cursor.addEventListener("keydown", (event) => this.key_(event));
  }

  key_(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.places) return;
    const { at, codes } = this;
    const go = {
      ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: codes.length - 1,
      ArrowDown: event.key === "ArrowDown" && verticalNeighbour(this.places, at, 1),
      ArrowUp: event.key === "ArrowUp" && verticalNeighbour(this.places, at, -1),
    }[event.key];
    const act = { Enter: "flip", " ": "flip", f: "flip", Delete: "erase", Backspace: "erase", e: "erase" }[event.key];
    if (go !== undefined) this.focus(go);
    else if (act && this.touch) this.touch([at], act);
    else if (event.key === "b" && this.touch) this.touch(between(at, Math.min(at + 7, codes.length - 1)), "flip");
    else return;
    event.preventDefault();
  }
}

function between(one, other) {
  const first = Math.min(one, other);
  return Array.from({ length: Math.abs(other - one) + 1 }, (_, i) => first + i);
}
