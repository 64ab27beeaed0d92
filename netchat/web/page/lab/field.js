// Symbols of a Galois field GF(2^m): as hexadecimal numbers or as powers of α. No elements.

const SUPERSCRIPT = "⁰¹²³⁴⁵⁶⁷⁸⁹";
const raised = (n) => [...String(n)].map((digit) => SUPERSCRIPT[digit]).join("");

/** Return the logarithm of each element to the base α, from the primitive polynomial. */
export function logarithms(m, polynomial, generator = 2) {
  const size = 2 ** m, logs = new Int32Array(size).fill(-1);
  for (let i = 0, value = 1; i < size - 1 && logs[value] < 0; i += 1) {
    logs[value] = i;
    value = multiply(value, generator, m, polynomial);
  }
  return logs;
}

export function multiply(one, other, m, polynomial) {
  let product = 0;
  for (let a = one, b = other; b; b >>= 1) {
    if (b & 1) product ^= a;
    a <<= 1;
    if (a >> m) a ^= polynomial;
  }
  return product;
}

export const hexadecimal = (value, m) => value.toString(16).toUpperCase().padStart(Math.ceil(m / 4), "0");

/** Return how to write elements: "hex", or "power" of α. */
export function writer(style, { m, polynomial, generator }) {
  if (style === "hex") return (value) => hexadecimal(value, m);
  const logs = logarithms(m, polynomial, generator);
  return (value) => (value === 0 ? "0" : logs[value] === 0 ? "1" : logs[value] === 1 ? "α" : `α${raised(logs[value])}`);
}

/** Write a polynomial with the lowest coefficient first. */
export function polynomial(coefficients, write) {
  const terms = coefficients.flatMap((value, i) => {
    if (!value) return [];
    const power = i === 0 ? "" : i === 1 ? "x" : `x${raised(i)}`;
    const factor = write(value);
    return [power && value === 1 ? power : factor + (power && `·${power}`)];
  });
  return terms.join(" + ") || "0";
}
