// Received symbols around the points that the modulator sends.

import { h } from "../dom.js";
import { count } from "./line_model.js";
import { drawing, label, s } from "./svg.js";

const SIZE = 300, MOST = 1200;

export function constellation(line) {
  const { symbols, points = [], bits_per_symbol: bits = 1 } = line;
  const reach = 1.15 * Math.max(0.5, ...[...symbols, ...points].flatMap(([i, q]) => [Math.abs(i), Math.abs(q)]).filter(Number.isFinite));
  const at = (value) => SIZE / 2 + (value / reach) * (SIZE / 2 - 8);
  const isHit = (index) => {
    for (let bit = index * bits; bit < (index + 1) * bits; bit += 1) if (line.received[bit] !== line.coded[bit]) return true;
    return false;
  };
  const hits = symbols.filter((_, i) => isHit(i)).length;
  const words = `Constellation: ${count(symbols.length, "symbol")} of ${count(bits, "bit")}; ${hits} with a wrong bit`;
  const shown = symbols.slice(0, MOST).map(([i, q], index) => (isHit(index)
    ? s("path", { class: "warm-fill", d: `M${at(i)} ${at(-q) - 5}l5 5l-5 5l-5 -5z` })
    : s("circle", { class: "soft-fill", "fill-opacity": 0.7, cx: at(i), cy: at(-q), r: 2.6 })));
  return h("figure", {},
    drawing(SIZE, SIZE, words, {},
      s("path", { class: "axis", d: `M0 ${SIZE / 2}H${SIZE}M${SIZE / 2} 0V${SIZE}` }),
      ...shown,
      ...points.map(([i, q]) => s("circle", { class: "strong", cx: at(i), cy: at(-q), r: 5 })),
      ...(points.length <= 16 ? points.map(([i, q, text]) => label(at(i), at(-q) - 12, text ?? "", { "font-size": 11 })) : [])),
    h("figcaption", { class: "hint" }, `${words}. Rings: what the sender sends. Diamonds: a bit is wrong.`));
}
