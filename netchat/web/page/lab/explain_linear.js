// Hamming, SECDED, Golay and other linear codes: the parity equations, the syndrome, the matrix H, and for (7,4) the circles.

import { h } from "../dom.js";
import { brief, drawing, label, s } from "./svg.js";

const MOST_EQUATIONS = 12;

/** Return the 3-bit pattern of circles that each of 7 bits lies in, or null if these are no circles. */
export function circlesOf(matrix) {
  if (matrix.length !== 3 || matrix[0].length !== 7) return null;
  const patterns = matrix[0].map((_, j) => matrix.map((row) => row[j]).join(""));
  return new Set(patterns).size === 7 && !patterns.includes("000") ? patterns : null;
}

/** Return the equations of H with the received bits: positions and their sum. */
export const equationsOf = (matrix, received) => matrix.map((row) => {
  const positions = row.flatMap((bit, j) => (bit ? [j] : []));
  return { positions, sum: positions.reduce((sum, j) => sum ^ (received[j] === "1" ? 1 : 0), 0) };
});

const PLACES = {
  100: [96, 108], "010": [304, 108], "001": [200, 300], 110: [200, 92], 101: [132, 208], "011": [268, 208], 111: [200, 170],
};
const CENTRES = [[145, 140], [255, 140], [200, 235]];

export function view(explain, context) {
  const { H: matrix, syndrome = [] } = explain;
  if (!matrix?.length) return [];
  const received = explain.received ? explain.received.map(String) : [...context.received];
  const equations = explain.equations ?? equationsOf(matrix, received);
  const circles = circlesOf(matrix);
  const culprits = explain.position === null || explain.position === undefined ? [] : [explain.position].flat();
  const parts = [];
  if (circles) {
    parts.push(h("div", {}, h("h3", {}, "Three circles: each must hold an even number of ones"),
      circleDiagram({ circles, equations, received, culprits, context })));
  }
  parts.push(h("div", {}, h("h3", {}, "The parity equations, and the syndrome"), list(equations, received)));
  if (explain.candidates?.length) parts.push(h("div", {}, h("h3", {}, "The likeliest codewords"), candidates(explain.candidates)));
  const title = h("h3", {}, "The matrix H: a row for each equation, a column for each bit");
  const key = h("p", { class: "chart-note" }, `1: the equation counts this bit; dark: and it is 1 now. s: the syndrome${culprits.length === 1 ? ", equal to one column" : ""}. ⊕ adds bits: 0 if the number of ones is even, 1 if it is odd.`);
  const drawn = matrixDrawing(matrix, received, syndrome, culprits, context);
  if (circles) {
    parts[0].append(h("p", { class: "chart-note" }, "Dashed: odd, so the equation fails. Blue diamond: the bit that the decoder suspects."));
    parts.at(-1).append(title, drawn, key);
    return [h("div", { class: "side" }, ...parts)];
  }
  return [h("div", { class: "side" }, ...parts), title, drawn, key];
}

/** List the codewords that fit the received values best: a soft decoder compares these. */
function candidates(found) {
  return h("table", { class: "figures" }, h("thead", {}, h("tr", {}, ...["", "message", "correlation", "differs in bits"].map((title) => h("th", { scope: "col" }, title)))),
    h("tbody", {}, ...found.map(({ message, correlation, differs }, i) => h("tr", { class: i ? "" : "chosen" }, h("td", {}, i ? String(i + 1) : "chosen"),
      h("td", { class: "mono" }, message.join("")), h("td", {}, brief(correlation, 2)), h("td", {}, differs.map((at) => at + 1).join(", ") || "none")))));
}

function list(equations, received) {
  const shown = equations.slice(0, MOST_EQUATIONS);
  return h("ol", { class: "equations" }, ...shown.map(({ positions, sum }, i) => {
    const terms = positions.length > 10 ? `${positions.slice(0, 9).map((at) => received[at]).join("⊕")}⊕ … (${positions.length} bits)`
      : positions.map((at) => received[at]).join(" ⊕ ");
    const names = positions.length > 10 ? "" : positions.map((at) => `b${at + 1}`).join(" ⊕ ");
    return h("li", { class: sum ? "fails" : "" }, h("span", {}, `s${i + 1} = `, names && `${names} = `, terms), h("b", {}, `= ${sum} ${sum ? "✗ odd" : "✓ even"}`));
  }), equations.length > shown.length && h("li", {}, `and ${equations.length - shown.length} more, in H below`));
}

function circleDiagram({ circles, equations, received, culprits, context }) {
  const failing = equations.flatMap(({ sum }, i) => (sum ? [i + 1] : []));
  const words = failing.length ? `Circles ${failing.join(", ")} are odd. Only bit ${culprits.map((at) => at + 1)} lies in exactly these.` : "All three circles are even.";
  return s("svg", { viewBox: "0 0 400 345", width: 440, height: 380, class: "drawing circles", role: "group", "aria-label": `Circle diagram. ${words}` },
    ...CENTRES.map(([x, y], i) => s("circle", { cx: x, cy: y, r: 104, class: `circle circle-${i}${equations[i].sum ? " fails" : ""}` })),
    ...CENTRES.map((_, i) => label([2, 398, 398][i], [24, 24, 322][i], `s${i + 1} = ${equations[i].sum}${equations[i].sum ? " ✗" : " ✓"}`,
      { class: equations[i].sum ? "bad" : "good", "font-weight": 700, "font-size": 17, "text-anchor": ["start", "end", "end"][i] })),
    ...circles.map((pattern, j) => bit(j, PLACES[pattern], { received, culprits, context })));
}

function bit(j, [x, y], { received, culprits, context }) {
  const press = () => context.flip(j);
  const isCulprit = culprits.includes(j);
  const shape = context.data[j] ? s("rect", { x: x - 19, y: y - 19, width: 38, height: 38, rx: 7, class: "data-fill" })
    : s("circle", { cx: x, cy: y, r: 20, class: "parity-fill" });
  return s("g", {
    role: "button", tabindex: 0, "data-focus": `bit${j}`, "aria-label": `Bit ${j + 1} is ${received[j]}${isCulprit ? ": the decoder flips it" : ""}. Press to flip`,
    onclick: press, onkeydown: (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      press();
    },
  }, s("rect", { x: x - 23, y: y - 23, width: 46, height: 46, fill: "transparent" }),
  isCulprit && s("path", { class: "on", d: `M${x} ${y - 31}l31 31l-31 31l-31 -31z` }),
  shape, label(x, y - 3, received[j], { "font-weight": 700, "font-size": 19 }), label(x, y + 12, `b${j + 1}`, { "font-size": 10 }));
}

function matrixDrawing(matrix, received, syndrome, culprits, context) {
  const n = matrix[0].length, m = matrix.length;
  const cell = Math.max(7, Math.min(34, Math.floor(1000 / (n + 3)), Math.floor(520 / (m + 2))));
  const hasDigits = cell >= 15;
  const top = cell * 1.8, width = (n + 2.6) * cell, height = top + m * cell + 6;
  const words = `Parity check matrix, ${m} rows and ${n} columns; the syndrome is ${syndrome.join("")}`;
  const parts = [];
  for (let j = 0; j < n; j += 1) {
    const x = j * cell;
    if (culprits.includes(j)) parts.push(s("rect", { x, y: 0, width: cell, height, class: "accent-fill", "fill-opacity": 0.22 }));
    parts.push(context.data[j] ? s("rect", { x: x + 1, y: 1, width: cell - 2, height: cell - 2, rx: cell / 8, class: "data-fill" })
      : s("circle", { cx: x + cell / 2, cy: cell / 2, r: cell / 2 - 1, class: "parity-fill" }));
    if (hasDigits) parts.push(label(x + cell / 2, cell / 2, received[j], { "font-weight": 700, "font-size": cell * 0.55 }));
  }
  matrix.forEach((row, i) => {
    const y = top + i * cell, isOdd = Boolean(syndrome[i]);
    row.forEach((one, j) => {
      if (!one) return;
      const isOn = received[j] === "1";
      parts.push(s("rect", { x: j * cell + 1, y: y + 1, width: cell - 2, height: cell - 2, rx: cell / 8, class: isOn ? "soft-fill" : "soft-fill", "fill-opacity": isOn ? 0.75 : 0.22 }));
      if (hasDigits) parts.push(label(j * cell + cell / 2, y + cell / 2, 1, { "font-size": cell * 0.5, class: isOn ? "on-strong" : "" }));
    });
    parts.push(label(n * cell + cell, y + cell / 2, syndrome[i] ?? "", { "font-weight": 700, "font-size": Math.max(9, cell * 0.6), class: isOdd ? "bad" : "good" }));
  });
  parts.push(label(n * cell + cell, cell / 2, "s", { "font-style": "italic", "font-size": Math.max(9, cell * 0.6) }));
  return h("div", { class: "wide-drawing fits" }, drawing(width, height, words, {}, ...parts));
}
