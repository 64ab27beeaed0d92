// CRCs: the long division of polynomials, written out.

import { h } from "../dom.js";
import { stepper } from "./stepper.js";

const MOST = 400; // lines shown

/** Return the lines of the division, each with its column: the dividend, then by turns the divisor and the rest. */
export function divisionLines(division) {
  if (!division.length) return [];
  const [{ shift, xor, remainder }] = division;
  // The dividend is what the first step subtracted from.
  const first = [...remainder].map((digit, i) => (/\d/.test(digit) && i + 1 < xor.length ? String(digit ^ xor[i + 1]) : digit));
  const lines = [{ at: 0, text: `${"0".repeat(shift)}1${first.join("")}`, kind: "dividend" }];
  for (const step of division) {
    lines.push({ at: step.shift, text: step.xor, kind: "xor" }, { at: step.shift + 1, text: step.remainder, kind: "rest" });
  }
  return lines;
}

/** Write a divisor as a polynomial. */
export function terms(number) {
  const powers = [...number.toString(2)].map((bit, i, all) => (bit === "1" ? all.length - 1 - i : -1)).filter((power) => power >= 0);
  return powers.map((power) => (power === 0 ? "1" : power === 1 ? "x" : `x${[...String(power)].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]).join("")}`)).join(" + ");
}

export function view(explain, context) {
  const lines = divisionLines(explain.division).slice(0, MOST);
  const steps = Math.max(1, Math.ceil((lines.length - 1) / 2) + 1);
  const body = h("pre", { class: "long-form division", tabindex: 0, role: "region", "aria-label": "The division" });
  const draw = (now) => {
    const shown = lines.slice(0, 1 + 2 * now);
    body.textContent = shown.map(({ at, text, kind }) => {
      const written = " ".repeat(at) + text;
      return kind === "xor" ? `⊕ ${written}\n  ${" ".repeat(at)}${"─".repeat(text.length)}` : `  ${written}`;
    }).join("\n");
    if (now < steps - 1) return now ? `Step ${now}: subtract the divisor below the first 1. In binary, subtracting is XOR.` : "The message and a zero for each bit of the check, as a polynomial.";
    return `The remainder gives the check ${explain.remainder}; received was ${explain.received_check}: ${explain.agrees ? "they agree" : "they differ, so there is an error"}.`
      + `${explain.omitted ? ` ${explain.omitted} more steps are not shown.` : ""}`;
  };
  const control = stepper("Steps of the division", steps, context.at ? context.at - 1 : steps - 1, draw,
    (now) => context.remember(now === steps - 1 ? 0 : now + 1));
  return [h("p", { class: "mono" }, `Divisor ${terms(explain.polynomial)}`), control, body];
}
