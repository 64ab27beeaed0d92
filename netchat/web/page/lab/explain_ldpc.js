// LDPC codes: the Tanner graph of a small code, the dots of H of a large one, iteration by iteration.

import { h } from "../dom.js";
import { count } from "./line_model.js";
import { stepper } from "./stepper.js";
import { brief, drawing, label, s } from "./svg.js";

const SMALL = 40; // bits, up to which the graph is drawn

export function view(explain, context) {
  const { iterations = [], n, m } = explain;
  if (!iterations.length) return [];
  const edges = explain.edges ?? explain.dots ?? [];
  const isSmall = n <= SMALL && Boolean(explain.edges);
  const truth = []; // the bit that was sent for each variable; some variables are not sent
  explain.sent?.forEach((variable, i) => (truth[variable] = context.sent[i]));
  const { element, draw } = (isSmall ? tanner : dots)({ ...explain, n: explain.variables ?? n }, edges, truth);
  const progress = curve(explain);
  const parts = [stepper("Iterations", iterations.length, context.at ? context.at - 1 : iterations.length - 1, (now) => {
    draw(now);
    progress.draw(now);
    const { unsatisfied, hard } = iterations[now];
    const wrong = [...(hard ?? "")].filter((bit, i) => truth[i] !== undefined && bit !== truth[i]).length;
    const when = now ? `After iteration ${now}` : "Before the first iteration";
    return `${when}: ${count(unsatisfied.length, "check")} of ${m} fail${unsatisfied.length === 1 ? "s" : ""}, ${count(wrong, "bit")} wrong`
      + `${unsatisfied.length ? "." : ": a codeword, so the decoder stops."}`;
  }, (now) => context.remember(now === iterations.length - 1 ? 0 : now + 1))];
  const title = isSmall ? "The Tanner graph: bits above, checks below" : `The ${m} × ${n} matrix H: one dot for each bit of a check`;
  return [...parts, h("h3", {}, title), h("div", { class: `wide-drawing${isSmall ? "" : " fits"}`, tabindex: 0, role: "region", "aria-label": title }, element),
    h("h3", {}, "Failed checks by iteration"), progress.element];
}

function tanner({ n, m, iterations }, edges, truth) {
  const across = Math.max(46, Math.min(74, 1000 / n)), width = Math.max(n, m) * across + 20, height = 340;
  const vx = (i) => (width * (i + 0.5)) / n, cx = (i) => (width * (i + 0.5)) / m, top = 92, bottom = 290;
  const lines = edges.map(([check, variable]) => s("path", { d: `M${vx(variable)} ${top}L${cx(check)} ${bottom}`, class: "line" }));
  const bars = [], values = [], rings = [], hits = [];
  for (let i = 0; i < n; i += 1) {
    bars.push(s("rect", { x: vx(i) - 7, width: 14, class: "soft-fill" }));
    values.push(label(vx(i), 14, "", { "font-size": 12 }));
    rings.push(s("circle", { cx: vx(i), cy: top, r: 17, class: "node", "stroke-width": 2.5 }));
    hits.push(label(vx(i), top, "", { "font-weight": 700, "font-size": 16 }));
  }
  const squares = Array.from({ length: m }, (_, i) => s("rect", { x: cx(i) - 16, y: bottom - 16, width: 32, height: 32, rx: 4, class: "node", "stroke-width": 2.5 }));
  const signs = squares.map((_, i) => label(cx(i), bottom, "", { "font-weight": 700, "font-size": 17 }));
  const element = drawing(width, height, "Tanner graph", {}, s("path", { class: "axis", d: `M0 46H${width}` }), ...lines, ...bars, ...values, ...rings, ...hits, ...squares, ...signs,
    ...squares.map((_, i) => label(cx(i), bottom + 30, `c${i + 1}`, { class: "muted" })));
  const most = Math.max(1, ...iterations.flatMap(({ llr }) => (llr ?? []).map(Math.abs).filter(Number.isFinite)));
  const draw = (now) => {
    const { llr = [], hard, unsatisfied } = iterations[now];
    for (let i = 0; i < n; i += 1) {
      const part = Number.isFinite(llr[i]) ? llr[i] / most : Math.sign(llr[i] ?? 0), tall = Math.abs(part) * 24;
      bars[i].setAttribute("y", part >= 0 ? 46 - tall : 46);
      bars[i].setAttribute("height", tall);
      values[i].textContent = llr.length ? brief(llr[i]) : "";
      hits[i].textContent = hard?.[i] ?? "";
      const isWrong = truth[i] !== undefined && hard?.[i] !== truth[i];
      rings[i].setAttribute("class", `node ${isWrong ? "bad" : ""}`);
      rings[i].setAttribute("stroke-dasharray", isWrong ? "5 3" : "none");
    }
    const failing = new Set(unsatisfied);
    squares.forEach((square, i) => {
      square.setAttribute("class", `node ${failing.has(i) ? "bad" : "good"}`);
      signs[i].textContent = failing.has(i) ? "✗" : "✓";
      signs[i].setAttribute("class", failing.has(i) ? "bad" : "good");
    });
    lines.forEach((line, i) => line.setAttribute("class", failing.has(edges[i][0]) ? "line bad" : "line"));
    element.setAttribute("aria-label", `Tanner graph: checks ${unsatisfied.map((check) => check + 1).join(", ") || "none"} fail`);
  };
  return { element, draw };
}

/** Draw H on a canvas; failed checks are rows in another colour, wrong bits marks above their columns. */
function dots({ n, m, iterations }, edges, truth) {
  const scale = Math.max(1, devicePixelRatio), wide = Math.min(1100, document.querySelector("#explain").clientWidth - 30 || 800);
  const step = wide / n, top = 26, tall = Math.max(120, step * m);
  const canvas = h("canvas", { role: "img" });
  canvas.width = wide * scale;
  canvas.height = (tall + top) * scale;
  canvas.style.width = `${wide}px`;
  const paint = canvas.getContext("2d");
  const draw = (now) => {
    const { hard = "", unsatisfied, llr } = iterations[now];
    const style = getComputedStyle(document.body);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    paint.setTransform(scale, 0, 0, scale, 0, 0);
    paint.clearRect(0, 0, wide, tall + top);
    const failing = new Uint8Array(m);
    for (const check of unsatisfied) failing[check] = 1;
    const down = tall / m, dot = Math.max(1.2, Math.min(step, down) * 0.9);
    paint.fillStyle = colour("cell-wrong");
    paint.globalAlpha = 0.16;
    for (const check of unsatisfied) paint.fillRect(0, top + check * down, wide, Math.max(1, down));
    paint.globalAlpha = 1;
    for (const [isBad, name] of [[0, "soft"], [1, "cell-wrong"]]) {
      paint.fillStyle = colour(name);
      for (const [check, variable] of edges) {
        if (failing[check] === isBad) paint.fillRect(variable * step, top + check * down, dot, dot);
      }
    }
    const most = Math.max(1, ...(llr ?? []).slice(0, 4096).map(Math.abs).filter(Number.isFinite));
    for (let i = 0; i < n; i += 1) {
      const isWrong = truth[i] !== undefined && hard[i] !== truth[i];
      paint.fillStyle = colour(isWrong ? "cell-wrong" : "cell-bar");
      const size = llr?.length ? 3 + (17 * Math.min(most, Math.abs(llr[i]))) / most : 10;
      paint.fillRect(i * step, isWrong ? 0 : 22 - size, Math.max(1, step * 0.85), isWrong ? 22 : size);
    }
    canvas.setAttribute("aria-label", `Matrix H with ${edges.length} ones; ${count(unsatisfied.length, "failed check")}. Bars above: how sure the decoder is of each bit; full red bars are wrong bits.`);
  };
  return { element: canvas, draw };
}

function curve({ iterations, m }) {
  const width = Math.max(240, Math.min(560, iterations.length * 40)), height = 130;
  const most = Math.max(1, ...iterations.map(({ unsatisfied }) => unsatisfied.length));
  const wide = (width - 30) / iterations.length;
  const bars = iterations.map(({ unsatisfied }, i) => {
    const tall = (unsatisfied.length / most) * 86;
    return s("rect", { x: 24 + i * wide + 2, y: 100 - tall, width: Math.max(2, wide - 4), height: Math.max(tall, 1.5), class: "soft-fill" });
  });
  const texts = iterations.map(({ unsatisfied }, i) => (wide > 22 ? [label(24 + (i + 0.5) * wide, 116, i, { class: "muted", "font-size": 12 }),
    label(24 + (i + 0.5) * wide, 92 - (unsatisfied.length / most) * 86, unsatisfied.length, { "font-size": 12 })] : [])).flat();
  const element = drawing(width, height, `Failed checks of ${m}: ${iterations.map(({ unsatisfied }) => unsatisfied.length).join(", ")}`, {}, s("path", { class: "axis", d: `M24 100H${width}` }), ...bars, ...texts);
  return { element, draw: (now) => bars.forEach((bar, i) => bar.setAttribute("class", i === now ? "accent-fill" : i < now ? "soft-fill" : "parity-fill")) };
}
