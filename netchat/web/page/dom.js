// The few lines that make elements. Text becomes a text node, always: nothing here reads markup.

const SVG = "http://www.w3.org/2000/svg";

export const $ = (id) => document.getElementById(id);

/** An element with attributes, listeners (`onclick`) and children. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== undefined && child !== false));
  return element;
}

/** A picture from the sprite in index.html; it says nothing to a screen reader. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

/**
 * A function that has `draw` called with the next frame, however often it is called before. Not while
 * something in `place` is pressed: an element that is replaced in the meantime is never clicked.
 */
export function drawing(place, draw) {
  let planned = false;
  const now = () => {
    if (place.matches(":active")) return requestAnimationFrame(now);
    planned = false;
    return draw();
  };
  return () => {
    if (!planned) requestAnimationFrame(now);
    planned = true;
  };
}

/** Touch is the main way in: a keyboard on the screen opens with every focus. */
export const touch = matchMedia("(pointer: coarse)");

/** Put text on the clipboard, also where the page is not served over TLS. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = h("textarea", { class: "unseen", "aria-hidden": "true" });
    area.value = text;
    const host = document.querySelector("dialog[open]") ?? document.body;
    const before = document.activeElement;
    host.append(area);
    area.select();
    const done = document.execCommand("copy"); // old, and the only way without TLS
    area.remove();
    before?.focus();
    return done;
  }
}
