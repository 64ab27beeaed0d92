// CRCs: the long division of polynomials, written out.

import { h } from "/page/dom.js";
import { stepper } from "./stepper.js";

const MOST = 400; // lines shown

/** Return the lines of the division: {text, from} per line; the subtractions of the divisor, then the remainder. */
export function divisionLines({ dividend = "", division = [], divisor = "", remainder = "" }) {
  const lines = [{ at: 0, text: dividend, kind: "dividend" }];
  for (const { shift, xor, remainder: rest } of division) {
    lines.push({ at: shift, text: String(xor ?? divisor), kind: "xor" });
    lines.push({ at: 0, text: String(rest ?? ""), kind: "rest" });
  }
  if (!division.length) lines.push({ at: 0, text: String(remainder), kind: "rest" });
  return lines;
}

export function view(explain, context) {
  const lines = divisionLines(explain).slice(0, MOST);
  const width = Math.max(...lines.map(({ at, text }) => at + text.length));
  const steps = Math.max(1, Math.ceil((lines.length - 1) / 2) + 1);
  const body = h("pre", { class: "long-form division", tabindex: 0, role: "region", "aria-label": "The division" });
  const isZero = !/[1-9a-f]/i.test(String(explain.remainder ?? "").replace(/^0x/i, ""));
  const draw = (now) => {
    const shown = lines.slice(0, 1 + 2 * now);
    body.textContent = shown.map(({ at, text, kind }) => {
      const written = (kind === "rest" ? text.padStart(width) : " ".repeat(at) + text).padEnd(width);
      return kind === "xor" ? `⊕ ${written}\n  ${" ".repeat(at)}${"─".repeat(text.length)}` : `  ${written}`;
    }).join("\n");
    if (!now) return "The received bits, as a polynomial. Each step subtracts the divisor below the first 1.";
    return now < steps - 1 ? `Step ${now}: subtract the divisor. In binary, subtracting is XOR.`
      : isZero ? "The remainder is 0: the checksum is right." : `The remainder is ${explain.remainder}: there is an error.`;
  };
  const control = stepper("Steps of the division", steps, context.at ? context.at - 1 : steps - 1, draw,
    (now) => context.remember(now === steps - 1 ? 0 : now + 1));
  return [h("p", { class: "mono" }, `Divisor ${explain.polynomial ?? ""}`), control, body];
}
