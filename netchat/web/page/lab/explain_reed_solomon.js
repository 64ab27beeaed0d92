// Reed-Solomon: from the syndromes to the places and the sizes of the errors.

import { h } from "../dom.js";
import { showText } from "../text.js";
import { hexadecimal, polynomial, writer } from "./field.js";
import { stepper } from "./stepper.js";
import { drawing, label, s } from "./svg.js";

let style = "hex"; // how field elements are written

export function view(explain, context) {
  const host = h("div", { class: "told-in-steps" });
  const draw = () => host.replaceChildren(...steps(explain, context));
  const toggle = h("button", { type: "button", "data-focus": "field", onclick: () => {
    style = style === "hex" ? "power" : "hex";
    toggle.textContent = names();
    draw();
  } }, names());
  draw();
  return [h("p", { class: "actions" }, toggle), host];
}

const names = () => (style === "hex" ? "Write elements as powers of α" : "Write elements as hexadecimal numbers");

function steps(explain, context) {
  const { m = 8, received, syndromes, locator = [], roots = [], positions = [], magnitudes = [], evaluator = [], erasures = [], corrected = [], failed } = explain;
  const write = writer(style, { m, polynomial: explain.polynomial, generator: explain.generator });
  const isClean = syndromes.every((value) => !value);
  const row = (values, classOf = () => "", under) => h("div", { class: "cells" }, ...values.map((value, i) =>
    h("span", { class: classOf(value, i) }, write(value), under ? h("small", {}, under(i)) : undefined)));
  const found = new Set(positions);
  const parts = [
    ["Received", "The codeword arrives. Which symbols are wrong?", () => row(received, (_, i) => (erasures.includes(i) ? "erased" : ""), (i) => i + 1)],
    ["Syndromes", isClean ? "All syndromes are 0: the word is a codeword." : "Syndromes that are not 0 show that there are errors: they depend on the errors alone.",
      () => row(syndromes, (value) => (value ? "fails" : ""), (i) => `S${i}`)],
  ];
  if (!isClean) {
    parts.push(["Error locator", `Λ has degree ${Math.max(0, locator.length - 1)}: that many errors explain the syndromes.`,
      () => h("div", {}, h("p", { class: "mono" }, `Λ(x) = ${polynomial(locator, write)}`),
        evaluator.length ? h("p", { class: "mono" }, `Ω(x) = ${polynomial(evaluator, write)}`) : undefined)]);
    parts.push(["Roots and places", failed ? showText(String(failed)) : `Λ is 0 at ${roots.length} elements. Each names one place.`,
      () => h("div", { class: "side" }, ring(received.length, positions, erasures), roots.length > 0 && h("table", { class: "figures" },
        h("thead", {}, h("tr", {}, ...["root of Λ", "place"].map((title) => h("th", { scope: "col" }, title)))),
        h("tbody", {}, ...roots.map((root, i) => h("tr", {}, h("td", { class: "mono" }, write(root)), h("td", {}, positions[i] === undefined ? "outside the codeword" : String(positions[i] + 1)))))))]);
  }
  if (positions.length && !failed) {
    parts.push(["Magnitudes", "The magnitudes say what to add at each place.",
      () => h("table", { class: "figures" }, h("thead", {}, h("tr", {}, ...["place", "received", "+ magnitude", "= corrected", "bits"].map((title) => h("th", { scope: "col" }, title)))),
        h("tbody", {}, ...positions.map((at, i) => h("tr", {}, h("td", {}, String(at + 1)), ...[received[at], magnitudes[i], received[at] ^ magnitudes[i]].map((value) => h("td", { class: "mono" }, write(value))),
          h("td", { class: "mono" }, magnitudes[i].toString(2).padStart(m, "0"))))))]);
    parts.push(["Corrected", "The result is a codeword again.", () => row(corrected.length ? corrected : received, (_, i) => (found.has(i) ? "good" : ""), (i) => i + 1)]);
  }
  if (failed) parts.push(["Failure", showText(String(failed)), () => h("p", {}, "The decoder returns no codeword, and says so.")]);
  const places = parts.map(([title, , make]) => h("section", {}, h("h3", {}, title), make()));
  const control = stepper("Steps of the decoder", parts.length, context.at ? context.at - 1 : parts.length - 1, (now) => {
    places.forEach((place, i) => (place.hidden = i > now));
    return `${now + 1}. ${parts[now][1]}`;
  }, (now) => context.remember(now === parts.length - 1 ? 0 : now + 1));
  return [control, ...places, h("p", { class: "hint" }, `Field GF(2${"⁰¹²³⁴⁵⁶⁷⁸⁹"[m % 10]}${m > 9 ? "⁰" : ""}), polynomial 0x${hexadecimal(Number(explain.polynomial) || 0, 12)}.`)];
}

/** Draw the places of the codeword on a ring, with those that the locator names. */
function ring(n, positions, erasures) {
  const size = 260, middle = size / 2, radius = 96;
  const at = (i, r) => {
    const angle = (2 * Math.PI * i) / n - Math.PI / 2;
    return [middle + r * Math.cos(angle), middle + r * Math.sin(angle)];
  };
  const parts = [];
  for (let i = 0; i < n; i += 1) {
    const [x, y] = at(i, radius);
    const isFound = positions.includes(i);
    parts.push(isFound ? s("path", { class: "warm-fill", d: `M${x} ${y - 9}l9 9l-9 9l-9 -9z` })
      : s("circle", { cx: x, cy: y, r: Math.min(7, 280 / n), class: erasures.includes(i) ? "strong" : "data-fill" }));
    if (n <= 31 || isFound) parts.push(label(...at(i, radius + 19), i + 1, { class: isFound ? "" : "muted", "font-weight": isFound ? 700 : 400 }));
  }
  return drawing(size, size, `Places 1 to ${n}; the locator names ${positions.map((place) => place + 1).join(", ") || "none"}`, {}, ...parts,
    label(middle, middle, `${positions.length} found`, { "font-weight": 700 }));
}
