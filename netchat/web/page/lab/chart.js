// The chart of error rates: measured points with intervals, theory, published curves and limits.

import { brief, drawing, label, s } from "./svg.js";

const LEFT = 78, RIGHT = 20, TOP = 18, BOTTOM = 58;
const LOWEST = 1e-9;
const MARKS = [
  (x, y) => `M${x - 5.5} ${y}a5.5 5.5 0 1 0 11 0a5.5 5.5 0 1 0 -11 0z`, (x, y) => `M${x - 5} ${y - 5}h10v10h-10z`,
  (x, y) => `M${x} ${y - 7}l6.5 11.5h-13z`, (x, y) => `M${x} ${y - 7}l7 7l-7 7l-7 -7z`,
  (x, y) => `M${x} ${y + 7}l6.5 -11.5h-13z`, (x, y) => `M${x - 6} ${y - 2}h4v-4h4v4h4v4h-4v4h-4v-4h-4z`,
];

/** Return a small mark of a series, for lists. */
export const mark = (series) => s("svg", { viewBox: "0 0 18 18", class: "mark", "aria-hidden": "true" }, s("path", { class: `f${series}`, d: MARKS[series](9, 9) }));

/** Return the scales of a chart: whether x is logarithmic, and the ends of both axes. */
export function scales(xs, ys) {
  const finite = xs.filter(Number.isFinite);
  let least = Math.min(...finite), most = Math.max(...finite);
  const isLog = least > 0 && most / least > 5 && most <= 1;
  if (least === most) [least, most] = isLog || (least > 0 && most <= 1) ? [least / 2, most * 2] : [least - 1, most + 1];
  const smallest = Math.min(0.1, ...ys.filter((y) => y > LOWEST));
  const bottom = Math.max(-9, Math.floor(Math.log10(smallest) - 0.02));
  return { isLog, least, most, bottom };
}

/** Return the places of the marks on the x axis. */
export function ticks({ isLog, least, most }) {
  if (isLog) {
    const found = [];
    for (let power = Math.floor(Math.log10(least)); power <= Math.ceil(Math.log10(most)); power += 1) {
      for (const digit of [1, 2, 5]) {
        const value = Number((digit * 10 ** power).toPrecision(3));
        if (value >= least * 0.999 && value <= most * 1.001) found.push(value);
      }
    }
    return found;
  }
  const rough = (most - least) / 8, size = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * size).find((each) => each >= rough);
  const first = Math.ceil(least / step - 1e-9);
  return Array.from({ length: Math.floor(most / step + 1e-9) - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(6)));
}

const exponent = (power) => `10${[...String(power)].map((c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c])).join("")}`;

/**
 * Draw the chart, `width` pixels wide.
 *
 * @param data {codes: [{spec, title}], points, theory, references, limits, label} @param metric "ber" or "fer"
 */
export function chart(data, metric, width = 900) {
  const height = Math.round(Math.max(340, Math.min(600, width * 0.58)));
  const { codes, points, theory = {}, references = [], limits = {}, bounds = {} } = data;
  const curves = codes.map(({ spec }) => (theory[spec] ?? []).filter((point) => point[metric] > LOWEST));
  const xs = [...points.map(({ x }) => x), ...(data.xs ?? [])];
  const shown = points.flatMap((point) => [point[metric], point[`${metric}_low`]]).filter((y) => y > 0);
  const lowest = Math.min(0.1, ...points.map((point) => point[metric] || point[`${metric}_high`] || 1), ...curves.flat().map((point) => point[metric] * 1).filter((y) => y > 1e-7));
  const scale = scales(xs.length ? xs : [0, 1], [lowest, ...shown.filter((y) => y >= lowest / 10)]);
  const { isLog, least, most, bottom } = scale;
  const pad = isLog ? 1.05 : (most - least) * 0.03;
  const from = isLog ? Math.log(least / pad) : least - pad, to = isLog ? Math.log(most * pad) : most + pad;
  const px = (x) => LEFT + (((isLog ? Math.log(x) : x) - from) / (to - from)) * (width - LEFT - RIGHT);
  const py = (y) => TOP + (Math.log10(Math.max(y, 10 ** bottom)) / bottom) * (height - TOP - BOTTOM);
  const isInside = (x) => px(x) >= LEFT - 1 && px(x) <= width - RIGHT + 1;
  const parts = [];
  for (let power = 0; power >= bottom; power -= 1) {
    parts.push(s("path", { class: "grid", d: `M${LEFT} ${py(10 ** power)}H${width - RIGHT}` }), label(LEFT - 10, py(10 ** power), exponent(power), { "text-anchor": "end" }));
  }
  const step = Math.ceil(ticks(scale).length / ((width - LEFT) / 58));
  for (const x of ticks(scale).filter((_, i) => i % step === 0)) parts.push(s("path", { class: "grid", d: `M${px(x)} ${TOP}V${height - BOTTOM}` }), label(px(x), height - BOTTOM + 18, String(x).replace("-", "−")));
  parts.push(s("path", { class: "frame", d: `M${LEFT} ${TOP}V${height - BOTTOM}H${width - RIGHT}` }),
    label((LEFT + width - RIGHT) / 2, height - 14, data.label ?? ""),
    label(20, (TOP + height - BOTTOM) / 2, metric === "ber" ? "bit error rate" : "frame error rate", { transform: `rotate(-90 20 ${(TOP + height - BOTTOM) / 2})` }));
  codes.forEach(({ spec }, i) => {
    const line = curves[i].filter(({ x }) => isInside(x));
    if (line.length > 1) parts.push(s("path", { class: `theory s${i}`, ...(line.some((point) => point[`${metric}_kind`] !== "exact") ? { "stroke-dasharray": "9 4" } : {}), d: line.map((point, n) => `${n ? "L" : "M"}${px(point.x)} ${py(point[metric])}`).join("") }));
    const bound = metric === "fer" ? (bounds[spec] ?? []).filter(({ x, lower_bound: y }) => isInside(x) && y > 10 ** bottom) : [];
    if (bound.length > 1) parts.push(s("path", { class: `bound s${i}`, d: bound.map((point, n) => `${n ? "L" : "M"}${px(point.x)} ${py(point.lower_bound)}`).join("") }));
    for (const [at, limit] of [limits[spec]].flat().entries()) {
      const x = typeof limit === "object" && limit ? limit.x : limit;
      if (Number.isFinite(x) && isInside(x)) parts.push(s("path", { class: `limit s${i}`, d: `M${px(x)} ${TOP}V${height - BOTTOM}` }), label(px(x) + 4, TOP + 10 + 16 * i + 8 * at, "limit", { "text-anchor": "start", "font-size": 12 }));
    }
    for (const { points: published = [] } of references.filter((each) => each.code === spec)) {
      for (const point of published) {
        if (isInside(point.x) && point[metric] > 10 ** bottom) parts.push(s("circle", { class: `reference s${i}`, cx: px(point.x), cy: py(point[metric]), r: 5 }));
      }
    }
    const own = points.filter((point) => point.code === spec).sort((a, b) => a.x - b.x);
    if (line.length < 2 && own.length > 1) parts.push(s("path", { class: `theory s${i}`, "stroke-dasharray": "2 4", d: own.filter((point) => point[metric] > 0).map((point, n) => `${n ? "L" : "M"}${px(point.x)} ${py(point[metric])}`).join("") }));
    for (const point of own) parts.push(...measured(point, i, metric, px, py, bottom));
  });
  const words = `Error rates of ${codes.length === 1 ? codes[0].title : `${codes.length} codes`}: ${points.length} points; the table below has the figures`;
  return drawing(width, height, words, { class: "drawing plot-area" }, ...parts);
}

/** Draw a point with its interval, or, without errors, an arrow below its upper end. */
function measured(point, series, metric, px, py, bottom) {
  const x = px(point.x), low = point[`${metric}_low`], high = point[`${metric}_high`], rate = point[metric];
  if (!(rate > 0)) {
    if (!(high > 0) || high < 10 ** bottom) return [];
    const y = py(high);
    return [s("path", { class: `measured s${series}`, d: `M${x - 6} ${y}h12M${x} ${y}v16m-4 -5l4 5l4 -5` })];
  }
  return [s("path", { class: `measured s${series}`, d: `M${x} ${py(low)}V${py(high)}M${x - 5} ${py(low)}h10M${x - 5} ${py(high)}h10` }),
    s("path", { class: `f${series}`, d: MARKS[series](x, py(rate)) })];
}

const STYLES = ["fill", "stroke", "stroke-width", "stroke-dasharray", "fill-opacity", "font-family", "font-size", "font-weight"];

/** Return a drawing as a file of its own: with its styles, on the page's background. */
export function standalone(svg) {
  const copy = svg.cloneNode(true);
  const from = svg.querySelectorAll("*"), into = copy.querySelectorAll("*");
  from.forEach((element, i) => {
    const style = getComputedStyle(element);
    for (const name of STYLES) {
      const value = style.getPropertyValue(name);
      if (value) into[i].setAttribute(name, value);
    }
    into[i].removeAttribute("class");
  });
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.removeAttribute("class");
  copy.prepend(s("rect", { width: svg.getAttribute("width"), height: svg.getAttribute("height"), fill: getComputedStyle(document.body).getPropertyValue("--card").trim() }));
  return new XMLSerializer().serializeToString(copy);
}

/** Return a drawing as a PNG file. */
export function picture(svg, scale = 2) {
  return new Promise((resolve, reject) => {
    const address = URL.createObjectURL(new Blob([standalone(svg)], { type: "image/svg+xml" }));
    const image = new Image();
    image.onload = () => {
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = ["width", "height"].map((side) => Number(svg.getAttribute(side)) * scale);
      canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
      URL.revokeObjectURL(address);
      canvas.toBlob(resolve, "image/png");
    };
    image.onerror = reject;
    image.src = address;
  });
}

/** Format a rate for the table. */
export const rate = (value) => (value === 0 ? "0" : !Number.isFinite(value) ? "–" : value >= 0.01 ? brief(value, 3) : value.toExponential(2).replace("e-", " · 10⁻").replace(/⁻(\d+)$/, (_, n) => `⁻${[...n].map((c) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]).join("")}`));
