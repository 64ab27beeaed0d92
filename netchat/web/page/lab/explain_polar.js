// Polar codes: the tree of successive cancellation, frozen and information bits, and the paths of a list.

import { h } from "../dom.js";
import { brief, drawing, label, s } from "./svg.js";
import { stepper } from "./stepper.js";

const SMALL = 32; // bits, up to which the tree is drawn

export function view(explain, context) {
  const { kind_of: kind, decisions = [], paths = [] } = explain;
  const n = kind.length, levels = explain.levels ?? [];
  const parts = [];
  if (n <= SMALL && levels.length) {
    const { element, draw } = tree({ n, kind, levels, decisions });
    parts.push(h("h3", {}, "The tree: the channel’s values at the top, one decision after the other at the bottom"),
      stepper("Decisions", n + 1, context.at ? context.at - 1 : n, (now) => {
        draw(now);
        if (!now) return "Nothing is decided yet. The values at the top come from the channel.";
        const i = now - 1;
        const llr = levels.at(-1)?.[i];
        return kind[i] === "frozen" ? `u${i + 1} is frozen: both sides know that it is 0.`
          : `u${i + 1} carries ${kind[i] === "crc" ? "a bit of the CRC" : "information"}: ${llr === null || llr === undefined ? "a shortcut for its node decides" : `its LLR is ${brief(llr, 2)}, so it is decided as`} ${decisions[i]}.`;
      }, (now) => context.remember(now === n ? 0 : now + 1)),
      h("div", { class: "wide-drawing", tabindex: 0, role: "region", "aria-label": "The tree" }, element));
  } else {
    parts.push(h("h3", {}, `${n} channels, from the worst to the best use`), strip({ n, kind, levels, reliability: explain.reliability }));
  }
  const counts = ["information", "crc", "frozen"].map((each) => [each, kind.filter((one) => one === each).length]).filter(([, many]) => many);
  parts.push(h("p", {}, counts.map(([each, many]) => `${many} ${each === "crc" ? "CRC" : each}`).join(", "), ` of ${n} bits. `,
    "Polarisation makes some positions nearly perfect and others nearly useless: the message goes into the best ones."));
  if (paths.length > 1) parts.push(h("h3", {}, "Paths of the list"), list(explain, paths));
  return parts;
}

function tree({ n, kind, levels, decisions }) {
  const depth = Math.round(Math.log2(n)), across = n > 16 ? 40 : 58, down = 74, width = n * across + 10, height = depth * down + 120;
  const most = Math.max(1, ...levels.flat().filter((value) => Number.isFinite(value)).map(Math.abs));
  const centre = (level, block) => ((block + 0.5) * width) / 2 ** level;
  const parts = [], leaves = [];
  for (let level = 0; level < depth; level += 1) {
    for (let block = 0; block < 2 ** level; block += 1) {
      const x = centre(level, block), y = 40 + level * down;
      for (const side of [0, 1]) parts.push(s("path", { class: "line", d: `M${x} ${y}L${centre(level + 1, 2 * block + side)} ${y + down}` }));
    }
  }
  for (let level = 0; level < depth; level += 1) {
    const size = n / 2 ** level;
    for (let block = 0; block < 2 ** level; block += 1) {
      const x = centre(level, block), y = 40 + level * down, room = Math.min(width / 2 ** level - 12, size * 16), wide = room / size;
      parts.push(s("rect", { x: x - room / 2 - 4, y: y - 24, width: room + 8, height: 48, rx: 8, class: "node" }));
      for (let i = 0; i < size; i += 1) {
        const value = levels[level]?.[block * size + i];
        if (value === undefined || value === null) continue;
        const tall = Math.min(1, Math.abs(value) / most) * 20;
        parts.push(s("rect", { x: x - room / 2 + i * wide + wide * 0.15, y: value >= 0 ? y - tall : y, width: wide * 0.7, height: Math.max(1, tall), class: value >= 0 ? "soft-fill" : "warm-fill" }));
      }
    }
  }
  for (let i = 0; i < n; i += 1) {
    const x = centre(depth, i), y = 40 + depth * down, isFrozen = kind[i] === "frozen";
    const value = levels.at(-1)?.[i] ?? undefined;
    leaves.push(s("g", {}, isFrozen ? s("rect", { x: x - 14, y: y - 14, width: 28, height: 28, rx: 4, class: "parity-fill" })
      : s("circle", { cx: x, cy: y, r: 15, class: kind[i] === "crc" ? "node good" : "data-fill" }),
    label(x, y, decisions[i] ?? 0, { "font-weight": 700 }), label(x, y + 26, `u${i + 1}`, { class: "muted", "font-size": 11 }),
    label(x, y + 42, value === undefined ? "" : brief(value), { "font-size": 11 })));
  }
  const element = drawing(width, height, "", {}, ...parts, ...leaves);
  element.setAttribute("aria-label", `Decoding tree. ${kind.map((each, i) => `u${i + 1} ${each}, decided ${decisions[i] ?? 0}`).join("; ")}`);
  return { element, draw: (now) => leaves.forEach((leaf, i) => {
    leaf.setAttribute("opacity", i < now ? 1 : 0.25);
    leaf.setAttribute("class", i === now - 1 ? "current" : "");
  }) };
}

/** Draw many positions as thin bars: how reliable each is, and what it carries. */
function strip({ n, kind, reliability = [], levels = [] }) {
  const width = 1024, height = 190, wide = width / n;
  const leaves = levels.at(-1) ?? [];
  const values = reliability.length === n ? reliability : leaves.map(Math.abs);
  const finite = values.filter(Number.isFinite), least = Math.min(...finite), most = Math.max(...finite);
  const parts = kind.map((each, i) => {
    const part = Number.isFinite(values[i]) ? (values[i] - least) / (most - least || 1) : 0.5;
    const tall = 10 + part * 130;
    return s("rect", { x: i * wide, y: 150 - tall, width: Math.max(0.7, wide * 0.85), height: tall, class: each === "frozen" ? "parity-fill" : each === "crc" ? "good-fill" : "soft-fill" });
  });
  return h("div", { class: "wide-drawing fits" }, drawing(width, height, `Reliability of ${n} positions; ${kind.filter((each) => each !== "frozen").length} carry information`, {},
    ...parts, s("path", { class: "axis", d: `M0 151H${width}` }),
    label(0, 170, "first bit", { "text-anchor": "start", class: "muted" }), label(width, 170, "last bit", { "text-anchor": "end", class: "muted" }),
    label(width / 2, 170, "height: reliability; blue carries information, pale is frozen", { class: "muted" })));
}

function list({ chosen }, paths) {
  return h("table", { class: "figures" }, h("thead", {}, h("tr", {}, ...["", "metric", "CRC", "information bits"].map((title) => h("th", { scope: "col" }, title)))),
    h("tbody", {}, ...paths.map(({ bits, metric, crc_ok: isRight }, i) => h("tr", { class: i === chosen ? "chosen" : "" },
      h("td", {}, i === chosen ? "chosen" : `path ${i + 1}`), h("td", {}, brief(metric, 2)),
      h("td", {}, isRight === null || isRight === undefined ? "–" : isRight ? "✓ holds" : "✗ fails"), h("td", { class: "mono" }, [bits].flat().join("").slice(0, 96))))));
}
