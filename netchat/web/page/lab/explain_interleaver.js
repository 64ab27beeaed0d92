// The interleaver: where each bit of the codewords goes on the line.

import { h } from "../dom.js";
import { drawing, s } from "./svg.js";

const MOST = 240; // bits for which lines are drawn
const SERIES = 6;

export function view(line, block) {
  const size = line.coded.length, chosen = line.blocks[block];
  const blockOf = new Uint32Array(size);
  line.blocks.forEach(({ from, to }, i) => blockOf.fill(i, from, to));
  const words = `Bits ${chosen.from + 1} to ${chosen.to} of the codewords go to positions `
    + `${line.order.flatMap((coded, at) => (coded >= chosen.from && coded < chosen.to ? [at + 1] : [])).join(", ")} of the line`;
  return [h("h2", {}, "The interleaver: where each bit goes"),
    h("p", {}, "Bits that are neighbours on the line belong to different codewords, so a burst hits each codeword only a little."),
    h("div", { class: "wide-drawing fits" }, size <= MOST ? threads(line, blockOf, block, words) : plot(line, blockOf, block, words))];
}

function threads(line, blockOf, block, words) {
  const size = line.coded.length, wide = Math.max(5, Math.min(22, 1080 / size)), width = size * wide, height = 190;
  const x = (at) => (at + 0.5) * wide;
  const hit = (at) => line.received[at] !== line.coded[at];
  const parts = [];
  line.order.forEach((coded, at) => {
    const isChosen = blockOf[coded] === block;
    parts.push(s("path", { class: isChosen ? "on" : "faint", "stroke-width": isChosen ? 2 : 1, d: `M${x(coded)} 26C${x(coded)} 95 ${x(at)} 95 ${x(at)} 164` }));
  });
  line.order.forEach((coded, at) => {
    const fill = `f${blockOf[coded] % SERIES}`;
    parts.push(s("rect", { x: x(coded) - wide * 0.42, y: 8, width: wide * 0.84, height: 18, rx: 2, class: fill }));
    parts.push(hit(at) ? s("path", { class: "bad-fill", d: `M${x(at)} 160l${wide * 0.5} 11l${-wide * 0.5} 11l${-wide * 0.5} -11z` })
      : s("rect", { x: x(at) - wide * 0.42, y: 164, width: wide * 0.84, height: 18, rx: 2, class: fill }));
  });
  return drawing(width, height, words, {}, ...parts);
}

function plot(line, blockOf, block, words) {
  const size = line.coded.length, side = 420;
  const path = (choose) => line.order.map((coded, at) => (choose(blockOf[coded]) ? `M${(coded / size) * side} ${(at / size) * side}h1.6v1.6h-1.6z` : "")).join("");
  return drawing(side, side, words, {}, s("rect", { width: side, height: side, class: "line" }),
    s("path", { class: "soft-fill", d: path((each) => each !== block) }), s("path", { class: "warm-fill", d: path((each) => each === block) }));
}
