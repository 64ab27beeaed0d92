// Helpers for drawings.

const SVG = "http://www.w3.org/2000/svg";

/** Create an SVG element with attributes, listeners (`onclick`) and children. */
export function s(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== undefined && child !== false && child !== null));
  return element;
}

/** Create a drawing with a size in its own units. Its text form is `label`. */
export const drawing = (width, height, label, attributes = {}, ...children) =>
  s("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label, class: "drawing", ...attributes },
    ...children);

/** Write text into a drawing. */
export const label = (x, y, text, attributes = {}) =>
  s("text", { x, y, "text-anchor": "middle", "dominant-baseline": "central", ...attributes }, String(text));

/** Return a number with a true minus sign and few digits. */
export function brief(value, digits = 1) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  return value.toFixed(Number.isInteger(value) ? 0 : digits).replace("-", "−");
}
