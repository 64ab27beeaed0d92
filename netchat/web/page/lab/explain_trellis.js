// Convolutional codes: the trellis with its metrics and survivors, the traceback, and the state diagram.

import { h } from "../dom.js";
import { stepper } from "./stepper.js";
import { brief, drawing, label, s } from "./svg.js";

/** Write a received value: that of a hard decision as a bit. */
export const shownValue = (value, isHard) => (value === null || value === undefined || (isHard && value === 0) ? "?" : isHard ? (value > 0 ? "0" : "1") : brief(value));

const bits = (state, memory) => state.toString(2).padStart(memory, "0");

export function view(explain, context) {
  const { stages = [], states, diagram = [] } = explain;
  const memory = Math.max(1, Math.round(Math.log2(states)));
  const parts = stages.length && !stages[0].metrics ? [h("h3", {}, `${states} states are too many to draw: the path alone`), pathOnly(explain)] : [];
  if (stages.length && stages[0].metrics) {
    const { element, draw, steps } = trellis(explain, memory);
    parts.push(h("h3", {}, `The trellis: ${stages.length} of its steps`),
      stepper("Steps of the Viterbi decoder", steps, context.at ? context.at - 1 : steps - 1, draw,
        (now) => context.remember(now === steps - 1 ? 0 : now + 1)),
      h("div", { class: "wide-drawing", tabindex: 0, role: "region", "aria-label": "The trellis" }, element));
  }
  if (diagram.length && states <= 16) {
    parts.push(h("div", { class: "side" },
      h("div", {}, h("h3", {}, "The state diagram"), stateDiagram(diagram, states, memory)),
      h("div", {}, h("h3", {}, "The encoder"), encoder(explain, memory))));
  }
  return parts;
}

/** Draw the chosen path through many states. */
function pathOnly(explain) {
  const way = path(explain), wide = Math.max(4, Math.min(16, 1080 / way.length)), height = 220;
  const y = (state) => 10 + (state / (explain.states - 1)) * 200;
  return h("div", { class: "wide-drawing fits" }, drawing(way.length * wide, height, `The path through ${explain.states} states, with metric ${explain.cost}`, {},
    s("path", { class: "axis", d: `M0 10V210H${way.length * wide}` }), s("path", { class: "on", "stroke-width": 2, d: way.map((state, i) => `${i ? "L" : "M"}${i * wide} ${y(state)}`).join("") })));
}

/** Return the states of the traceback at times 0 to T. */
export function path({ traceback = [], stages }) {
  return traceback.length === stages.length ? [0, ...traceback] : traceback;
}

function trellis(explain, memory) {
  const { stages, states, diagram = [] } = explain;
  const room = (document.querySelector("#explain")?.clientWidth ?? 0) - 190;
  const across = Math.max(46, Math.min(84, room / stages.length)), down = states > 8 ? 34 : 56, left = 96, top = 56;
  const width = left + across * stages.length + 60, height = top + down * (states - 1) + 44;
  const x = (time) => left + across * time, y = (state) => top + down * state;
  const way = path(explain);
  const isHard = stages.every(({ received }) => received.every((value) => value === null || Math.abs(value) <= 1));
  const starts = explain.end === "tailbiting" ? Array(states).fill(0) : Array.from({ length: states }, (_, i) => (i ? null : 0));
  const branches = [], survivors = [], nodes = [], marks = [];
  for (let time = 0; time < stages.length; time += 1) {
    const reachable = time ? stages[time - 1].metrics : starts;
    for (const { from, input, to } of diagram) {
      if (!isReal(reachable[from]) || !isReal(stages[time].metrics[to])) continue;
      branches.push(s("path", { class: "faint", d: `M${x(time)} ${y(from)}L${x(time + 1)} ${y(to)}`, ...(input ? { "stroke-dasharray": "5 4" } : {}) }));
    }
    survivors.push(stages[time].survivors.map((before, state) => (before === null || before === undefined || !isReal(stages[time].metrics[state]) ? null
      : s("path", { class: "strong", d: `M${x(time)} ${y(before)}L${x(time + 1)} ${y(state)}`, ...(stages[time].input?.[state] ? { "stroke-dasharray": "6 4" } : {}) }))).filter(Boolean));
    const received = stages[time].received.map((value) => shownValue(value, isHard));
    marks.push(label(x(time) + across / 2, 18, received.join(isHard ? "" : " "), { "font-weight": 700, "font-size": received.join("").length > 4 ? 11 : 15 }));
  }
  for (let time = 0; time <= stages.length; time += 1) {
    nodes.push(Array.from({ length: states }, (_, state) => {
      const metric = time ? stages[time - 1].metrics[state] : starts[state];
      if (!isReal(metric)) return s("circle", { cx: x(time), cy: y(state), r: 3, class: "node" });
      const text = brief(metric);
      return s("g", {}, s("rect", { x: x(time) - 15, y: y(state) - 11, width: 30, height: 22, rx: 11, class: "node" }),
        label(x(time), y(state), text, { "font-size": text.length > 3 ? 10 : 13 }));
    }));
  }
  const traced = s("path", { class: "on", "stroke-opacity": 0.85, d: way.map((state, time) => `${time ? "L" : "M"}${x(time)} ${y(state)}`).join("") });
  const decided = way.slice(1).map((state, time) => label(x(time) + across / 2, height - 12, stages[time].input?.[state] ?? "", { "font-weight": 700, "font-size": 16 }));
  const cursor = s("rect", { y: 2, width: across, height: height - 4, rx: 8, class: "accent-fill", "fill-opacity": 0.1 });
  const element = drawing(width, height, "", {}, cursor, s("g", {}, ...branches), ...survivors.flat(), traced, ...nodes.flat(), ...marks, ...decided,
    label(left - 16, 18, "received", { class: "muted", "text-anchor": "end" }), label(left - 16, height - 12, "decoded", { class: "muted", "text-anchor": "end" }),
    ...Array.from({ length: states }, (_, state) => label(left - 24, y(state), bits(state, memory), { "text-anchor": "end", "font-weight": 700 })));
  const alive = aliveSurvivors(stages, starts);
  const draw = (now) => {
    const isDone = now > stages.length;
    nodes.forEach((group, time) => group.forEach((node) => node.setAttribute("visibility", time <= now ? "visible" : "hidden")));
    survivors.forEach((group, time) => group.forEach((line) => {
      line.setAttribute("visibility", time < now ? "visible" : "hidden");
      line.setAttribute("stroke-opacity", isDone ? 0.3 : 1);
    }));
    traced.setAttribute("visibility", isDone ? "visible" : "hidden");
    decided.forEach((text) => text.setAttribute("visibility", isDone ? "visible" : "hidden"));
    cursor.setAttribute("x", x(Math.max(0, Math.min(now, stages.length) - 1)));
    cursor.setAttribute("visibility", now && !isDone ? "visible" : "hidden");
    requestAnimationFrame(() => {
      const box = element.parentElement;
      box?.scrollTo({ left: isDone ? 0 : x(now) - box.clientWidth * 0.6 });
    });
    const words = caption(now);
    element.setAttribute("aria-label", `Trellis. ${words}`);
    return words;
  };
  const caption = (now) => {
    if (!now) return `Start in state ${bits(0, memory)} with metric 0. Solid: input 0, dashed: input 1.`;
    if (now > stages.length) return `Traceback: from the best end back to the start, the path reads ${way.slice(1).map((state, time) => stages[time].input?.[state] ?? "").join("")}.`;
    const { received, metrics } = stages[now - 1];
    const real = metrics.flatMap((metric, state) => (isReal(metric) ? [{ metric, state }] : []));
    const best = real.reduce((one, other) => (explain.better === "larger" ? other.metric > one.metric : other.metric < one.metric) ? other : one, real[0]);
    const shown = received.map((value) => shownValue(value, isHard)).join(" ");
    return `Step ${now}: received ${shown}. Every state keeps its better way in. Best so far: state ${best ? bits(best.state, memory) : "–"}, metric ${brief(best?.metric)}${alive[now - 1] > 1 ? `; all survivors agree on the first ${alive[now - 1]} steps` : ""}.`;
  };
  return { element, draw, steps: stages.length + 2 };
}

const isReal = (metric) => metric !== null && metric !== undefined && Number.isFinite(metric);

/** Return, after each step, on how many first steps all surviving paths agree. */
export function aliveSurvivors(stages, starts) {
  let paths = starts.map((metric, state) => (metric === null ? null : [state]));
  return stages.map(({ survivors, metrics }) => {
    paths = survivors.map((before, state) => (before === null || before === undefined || !isReal(metrics[state]) || !paths[before] ? null : [...paths[before], state]));
    const real = paths.filter(Boolean);
    let same = 0;
    while (real.length && same < real[0].length - 1 && real.every((each) => each[same + 1] === real[0][same + 1])) same += 1;
    return same;
  });
}

/** Return the states in an order in which each can follow the one before: input 1 where possible (a de Bruijn cycle). */
export function ringOf(diagram, states) {
  const ring = [0];
  while (ring.length < states) {
    const next = diagram.filter(({ from, to }) => from === ring.at(-1) && !ring.includes(to)).sort((one, other) => other.input - one.input)[0];
    ring.push(next ? next.to : Array.from({ length: states }, (_, i) => i).find((state) => !ring.includes(state)));
  }
  return ring;
}

function stateDiagram(diagram, states, memory) {
  const size = states > 8 ? 440 : 370, middle = size / 2, radius = middle - 78;
  const ring = ringOf(diagram, states);
  const at = (state) => {
    const angle = (2 * Math.PI * ring.indexOf(state)) / states + Math.PI;
    return [middle + radius * Math.cos(angle), middle + radius * Math.sin(angle), angle];
  };
  const words = diagram.map(({ from, input, to, output }) => `${bits(from, memory)} to ${bits(to, memory)} with ${input}, sends ${[output].flat().join("")}`).join("; ");
  const parts = diagram.flatMap(({ from, input, to, output }) => {
    const [x1, y1, angle] = at(from), [x2, y2] = at(to);
    const text = states <= 8 ? `${input}/${[output].flat().join("")}` : "";
    const dash = input ? { "stroke-dasharray": "6 4" } : {};
    if (from === to) {
      const cx = x1 + 30 * Math.cos(angle), cy = y1 + 30 * Math.sin(angle);
      return [s("circle", { cx, cy, r: 18, class: "line strong", ...dash }), label(x1 + 70 * Math.cos(angle), y1 + 60 * Math.sin(angle), text, { "font-size": 12 })];
    }
    // Bent to the right of its direction, so that both directions can be seen.
    const mx = (x1 + x2) / 2 + (y2 - y1) * 0.13, my = (y1 + y2) / 2 - (x2 - x1) * 0.13;
    const [tx, ty] = [x2 - mx, y2 - my], far = Math.hypot(tx, ty), ex = x2 - (tx / far) * 23, ey = y2 - (ty / far) * 23;
    const [ux, uy] = [tx / far, ty / far];
    return [s("path", { class: "strong", d: `M${x1} ${y1}Q${mx} ${my} ${ex} ${ey}`, ...dash }),
      s("path", { fill: "currentColor", d: `M${ex + ux * 4} ${ey + uy * 4}L${ex - ux * 7 - uy * 5} ${ey - uy * 7 + ux * 5}L${ex - ux * 7 + uy * 5} ${ey - uy * 7 - ux * 5}z` }),
      label(...beside([x1, y1], [mx, my], [x2, y2]), text, { "font-size": 12 })];
  });
  for (let state = 0; state < states; state += 1) {
    const [x, y] = at(state);
    parts.push(s("circle", { cx: x, cy: y, r: 20, class: "node" }), label(x, y, bits(state, memory), { "font-weight": 700 }));
  }
  return drawing(size, size, `State diagram: ${words}`, { class: "drawing diagram" }, ...parts);
}

/** Return a place outside the middle of a bent line. */
function beside([x1, y1], [mx, my], [x2, y2]) {
  const x = (x1 + 2 * mx + x2) / 4, y = (y1 + 2 * my + y2) / 4, far = Math.hypot(x2 - x1, y2 - y1);
  // A third of the way along, where crossing lines are apart.
  return [x + ((y2 - y1) / far) * 17 - (x2 - x1) * 0.12, y - ((x2 - x1) / far) * 12 - (y2 - y1) * 0.12];
}

function encoder({ K, generators = [] }, memory) {
  const cell = 44, left = 70, width = left + (memory + 1) * cell + 110, height = 70 + generators.length * 44;
  const tap = (octal) => [...parseInt(String(octal).replace("-", ""), 8).toString(2).padStart(memory + 1, "0")];
  return drawing(width, height, `Shift register with ${memory} cells; generators ${generators.join(", ")} in octal`, {},
    label(34, 32, "input", { class: "muted" }),
    ...Array.from({ length: memory + 1 }, (_, i) => s("g", {},
      s("rect", { x: left + i * cell, y: 12, width: cell - 6, height: 40, rx: 8, class: i ? "node" : "data-fill" }),
      label(left + i * cell + cell / 2 - 3, 32, i ? `s${i}` : "u"))),
    ...generators.flatMap((octal, row) => {
      const y = 84 + row * 44;
      return [...tap(octal).map((one, i) => one === "1" && s("path", { class: "strong", d: `M${left + i * cell + cell / 2 - 3 + row * 5 - 3} 52V${y}` })).filter(Boolean),
        s("path", { class: "strong", d: `M${left} ${y}H${left + (memory + 1) * cell + 12}` }),
        s("circle", { cx: left + (memory + 1) * cell + 12, cy: y, r: 11, class: "node" }), label(left + (memory + 1) * cell + 12, y, "⊕"),
        label(left + (memory + 1) * cell + 32, y, octal, { "text-anchor": "start", "font-weight": 700 })];
    }), label(0, height - 4, K ? `constraint length ${K}` : "", { class: "muted", "text-anchor": "start" }));
}
