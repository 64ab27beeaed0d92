// The drawing of one cell: every kind has its own shape as well as its own colour.

import { KINDS } from "./line_model.js";

const NAMES = Object.keys(KINDS);
const SHOW_DIGIT = 13; // pixels, from which a digit is readable

/** Read the colours of the cells from the style sheet. */
export function colours(element) {
  const style = getComputedStyle(element);
  const get = (name) => style.getPropertyValue(`--${name}`).trim();
  return {
    ...Object.fromEntries(NAMES.map((name) => [name, get(`cell-${name}`)])),
    ink: get("cell-ink"), onStrong: get("cell-on-strong"), card: get("card"), bar: get("cell-bar"), font: get("mono"),
  };
}

const polygon = (paint, points) => {
  paint.beginPath();
  points.forEach(([x, y], i) => (i ? paint.lineTo(x, y) : paint.moveTo(x, y)));
  paint.closePath();
};

const star = (m, s, d) => [[m, m], [s / 2, m + d], [s - m, m], [s - m - d, s / 2], [s - m, s - m], [s / 2, s - m - d], [m, s - m], [m + d, s / 2]];
const diamond = (s, m) => [[s / 2, m], [s - m, s / 2], [s / 2, s - m], [m, s / 2]];

const hexagon = (s, m) => [[s * 0.28, m], [s * 0.72, m], [s - m, s / 2], [s * 0.72, s - m], [s * 0.28, s - m], [m, s / 2]];

function square(paint, m, s) {
  const side = s - 2 * m;
  paint.beginPath();
  if (s > 10 && paint.roundRect) paint.roundRect(m, m, side, side, Math.min(4, s / 6));
  else paint.rect(m, m, side, side);
}

/** How each kind is drawn: returns the colour of the digit. */
const SHAPES = {
  data(paint, s, c) { square(paint, s > 10 ? 1.5 : 0.5, s); paint.fill(); return c.ink; },
  parity(paint, s, c) { paint.beginPath(); paint.arc(s / 2, s / 2, s / 2 - (s > 10 ? 1.5 : 0.5), 0, 7); paint.fill(); return c.ink; },
  flipped(paint, s, c) { polygon(paint, diamond(s, 0)); paint.fill(); return c.onStrong; },
  corrected(paint, s, c) { polygon(paint, hexagon(s, 0.5)); paint.fill(); return c.onStrong; },
  erased(paint, s, c) {
    square(paint, s > 10 ? 2.5 : 1, s);
    paint.lineWidth = s > 10 ? 2 : 1;
    if (s > 10) paint.setLineDash([s / 6, s / 8]);
    paint.stroke();
    paint.setLineDash([]);
    return c.ink;
  },
  recovered(paint, s, c) {
    square(paint, s > 10 ? 2.5 : 1, s);
    paint.lineWidth = s > 10 ? 2.5 : 1.5;
    paint.stroke();
    return c.ink;
  },
  wrong(paint, s, c) { polygon(paint, star(0, s, s * 0.17)); paint.fill(); return c.onStrong; },
  lost(paint, s, c) {
    square(paint, s > 10 ? 2.5 : 1, s);
    paint.lineWidth = s > 10 ? 2.5 : 1.5;
    paint.stroke();
    paint.beginPath();
    paint.moveTo(s * 0.15, s * 0.85);
    paint.lineTo(s * 0.85, s * 0.15);
    paint.stroke();
    return c.ink;
  },
  miscorrected(paint, s, c) { polygon(paint, [[s / 2, 0], [s, s - 0.5], [0, s - 0.5]]); paint.fill(); return c.onStrong; },
};

/**
 * Draw a cell of `size` pixels at the origin.
 *
 * @param level 0 without a bar; else 1 to 15, how sure the receiver is: a bar to the right for 0, to the left for 1
 */
export function drawCell(paint, kind, digit, level, size, palette) {
  const name = NAMES[kind];
  paint.fillStyle = paint.strokeStyle = palette[name];
  if (level && size < SHOW_DIGIT) paint.globalAlpha = 0.35 + (0.65 * level) / 15;
  const colour = SHAPES[name](paint, size, palette);
  paint.globalAlpha = 1;
  if (size < SHOW_DIGIT) return;
  const hasBar = level > 0 && digit < 2;
  paint.fillStyle = colour;
  paint.font = `600 ${Math.round(size * (name === "miscorrected" ? 0.48 : 0.56))}px ${palette.font}`;
  paint.textAlign = "center";
  paint.textBaseline = "middle";
  paint.fillText("01?"[digit], size / 2, size * (name === "miscorrected" ? 0.66 : hasBar ? 0.47 : 0.54));
  if (!hasBar) return;
  const wide = ((size * 0.44) * (level - 1)) / 14;
  paint.fillStyle = palette.bar;
  paint.fillRect(size / 2, size * 0.8, digit ? -wide : wide, Math.max(2, size * 0.1));
  paint.fillRect(size / 2 - 0.5, size * 0.76, 1, size * 0.18);
}

/** Return a small picture of a kind of cell, for the legend. */
export function sample(name, digit, palette, size = 20) {
  const canvas = document.createElement("canvas");
  const scale = Math.max(1, devicePixelRatio);
  canvas.width = canvas.height = size * scale;
  canvas.className = "sample";
  canvas.setAttribute("aria-hidden", "true");
  const paint = canvas.getContext("2d");
  paint.scale(scale, scale);
  drawCell(paint, NAMES.indexOf(name), digit, 0, size, palette);
  return canvas;
}
