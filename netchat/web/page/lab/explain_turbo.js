// Turbo codes: two decoders that tell each other what they have learned about each bit.

import { h } from "../dom.js";
import { count } from "./line_model.js";
import { stepper } from "./stepper.js";
import { drawing, label, s } from "./svg.js";

const MOST = 256; // bits drawn

export function view(explain, context) {
  const { iterations, k } = explain;
  if (!iterations.length) return [exchange()];
  const size = Math.min(explain.size ?? k, MOST);
  const most = Math.max(1, ...iterations.flatMap(({ extrinsic1, extrinsic2 }) => [...(extrinsic1 ?? []).slice(0, size), ...(extrinsic2 ?? []).slice(0, size)].map(Math.abs).filter(Number.isFinite)));
  const first = bars("Decoder 1", size, most), second = bars("Decoder 2", size, most);
  const control = stepper("Iterations", iterations.length, context.at ? context.at - 1 : iterations.length - 1, (now) => {
    const { extrinsic1, extrinsic2, errors } = iterations[now];
    first.draw(extrinsic1 ?? []);
    second.draw(extrinsic2 ?? []);
    const trend = iterations.slice(0, now + 1).map(({ errors: n }) => n).join(" → ");
    return `Iteration ${now + 1}: ${count(errors, "bit")} wrong${now ? ` (${trend})` : ""}.`;
  }, (now) => context.remember(now === iterations.length - 1 ? 0 : now + 1));
  const top = [h("h3", {}, "Two decoders exchange extrinsic values"), exchange(), control];
  if (!iterations[0].extrinsic1) return top; // too many to send
  return [...top,
    h("h3", {}, "What decoder 1 tells decoder 2"), first.element, h("h3", {}, "What decoder 2 tells decoder 1"), second.element,
    h("p", { class: "hint" }, "A bar up says 0, a bar down says 1; longer bars are surer. Bars grow as the two decoders agree.")];
}

function exchange() {
  const box = (x, text) => [s("rect", { x, y: 40, width: 150, height: 56, rx: 12, class: "node" }), label(x + 75, 68, text, { "font-weight": 700 })];
  const arrow = (d, x, y, side) => [s("path", { class: "strong", d }), s("path", { fill: "currentColor", d: `M${x} ${y}l${-9 * side} -6v12z` })];
  return drawing(560, 136, "Decoder 1 passes its extrinsic values through the interleaver to decoder 2, which returns its own through the inverse interleaver", {},
    ...box(20, "Decoder 1"), ...box(390, "Decoder 2"), ...arrow("M170 54H382", 390, 54, 1), ...arrow("M390 84H178", 170, 84, -1),
    label(280, 36, "interleaved"), label(280, 106, "back in order"));
}

function bars(name, size, most) {
  const wide = Math.max(4, Math.min(20, 1000 / size)), width = size * wide, height = 120;
  const rects = Array.from({ length: size }, (_, i) => s("rect", { x: i * wide + wide * 0.12, width: wide * 0.76 }));
  const chart = drawing(width, height, name, {}, s("path", { class: "axis", d: `M0 60H${width}` }), ...rects);
  const draw = (values) => {
    rects.forEach((rect, i) => {
      const value = values[i] ?? 0, tall = Math.min(1, Math.abs(value) / most) * 56;
      rect.setAttribute("y", value >= 0 ? 60 - tall : 60);
      rect.setAttribute("height", Math.max(0.8, tall));
      rect.setAttribute("class", value >= 0 ? "soft-fill" : "warm-fill");
    });
    chart.setAttribute("aria-label", `${name}: extrinsic values of ${count(size, "bit")}, mean size ${(values.reduce((sum, value) => sum + Math.abs(value), 0) / (values.length || 1)).toFixed(1)}`);
  };
  return { element: h("div", { class: "wide-drawing fits" }, chart), draw };
}
