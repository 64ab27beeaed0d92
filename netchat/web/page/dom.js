// Helpers that create elements. Text always becomes a text node, so markup is never parsed.

const SVG = "http://www.w3.org/2000/svg";

export const $ = (id) => document.getElementById(id);

/** Create an element with attributes, listeners (`onclick`) and children. */
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

/** Create an icon from the sprite in index.html, hidden from screen readers. */
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
 * Return a function that schedules one call of `draw` for the next animation frame. The call waits
 * while an element in `container` is pressed, because replacing it would lose the click.
 */
export function drawScheduler(container, draw) {
  let isScheduled = false;
  const now = () => {
    if (container.matches(":active")) return requestAnimationFrame(now);
    isScheduled = false;
    return draw();
  };
  return () => {
    if (!isScheduled) requestAnimationFrame(now);
    isScheduled = true;
  };
}

/** Touch devices: focusing a field opens the on-screen keyboard. */
export const touch = matchMedia("(pointer: coarse)");

/** Copy text to the clipboard, with a fallback for pages served without TLS. */
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
    const done = document.execCommand("copy"); // deprecated, but the only way without TLS
    area.remove();
    before?.focus();
    return done;
  }
}
