// "My line": noise between this page and the server, and what a link does about it.

import { UNREACHABLE } from "./connection.js";
import { $, h } from "./dom.js";

/** Bit error rates of the slider; 0 is no noise. */
const RATES = [0, 1e-5, 1e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 4e-2];
const BARS = 60; // reports in the chart, of half a second each
const MAX_BLOCKS = 60;
const HEIGHT = 60; // of the chart, in its own units
const ARROWS = { up: "↑ sent", down: "↓ received" };
const RESULTS = {
  intact: "arrived intact", repaired: "repaired", combined: "repaired by more parity or copies",
  failed: "failed: to be retransmitted",
};
const SVG = "http://www.w3.org/2000/svg";

export class MyLine {
  /** @param connection the Connection, which asks the server for the line. */
  constructor(connection) {
    this.connection = connection;
    this.bars = []; // oldest first: {intact, repaired, failed} of a report
    this.blocks = []; // newest first
    $("line-noise").addEventListener("input", () => this.showRate());
    $("line-noise").addEventListener("change", () => this.apply());
    $("line-link").addEventListener("change", () => this.apply());
  }

  get rate() { return RATES[$("line-noise").value]; }

  showRate() {
    const text = this.rate ? `1 in ${Math.round(1 / this.rate).toLocaleString("en")}` : "none";
    $("line-rate").textContent = text;
    $("line-noise").setAttribute("aria-valuetext", text);
  }

  /** Reconnect over the line that the controls describe; nothing is lost by that. */
  apply() {
    this.showRate();
    const link = $("line-link").value;
    const line = this.rate ? { channel: `bsc:${this.rate}`, ...(link && { link }) } : null;
    if (JSON.stringify(line) === JSON.stringify(this.connection.line)) return;
    this.connection.line = line;
    this.connection.core.isNoisy = Boolean(line && !link);
    this.bars = [];
    this.blocks = [];
    $("line-problem").textContent = "";
    $("line-brief").textContent = line ? "connecting …" : "no noise";
    $("line-figures").hidden = true;
    this.connection.restart();
  }

  /** Say why a line without a link has ended; the server's report may not have arrived before. */
  lost(why) {
    const { line } = this.connection;
    if (!line || line.link || why === UNREACHABLE) return;
    $("line-problem").textContent = `The line broke: ${why} Without a link, one flipped bit ends the connection; the page connects again and loses nothing.`;
  }

  /** Take a report of the server. */
  report(report) {
    if (report.refused) {
      this.connection.line = null;
      this.connection.core.isNoisy = false;
      $("line-noise").value = 0;
      this.showRate();
      $("line-brief").textContent = "no noise";
      $("line-problem").textContent = `No noisy line: ${report.refused}.`;
      return;
    }
    if (report.lost) this.lost(report.lost);
    if (!this.connection.line) return; // of the line before
    for (const block of report.blocks ?? []) this.blocks.unshift(block);
    this.blocks.length = Math.min(this.blocks.length, MAX_BLOCKS);
    const count = (...results) => (report.blocks ?? []).filter(({ result }) => results.includes(result)).length;
    this.bars.push({ intact: count("intact"), repaired: count("repaired", "combined"), failed: count("failed") });
    this.bars = this.bars.slice(-BARS);
    this.draw(report);
  }

  draw(report) {
    const { up, down } = report;
    const flipped = up.flipped + down.flipped;
    const repaired = (up.repaired ?? 0) + (down.repaired ?? 0);
    $("line-brief").textContent = report.link
      ? `${flipped.toLocaleString("en")} bits flipped, ${repaired.toLocaleString("en")} symbols repaired`
      : `${flipped.toLocaleString("en")} bits flipped, nothing repaired`;
    $("line-figures").hidden = false;
    $("line-figures").replaceChildren(...(report.link ? [this.chart()] : []), table(report), ...(report.link ? [this.list()] : []));
  }

  chart() {
    const most = Math.max(4, ...this.bars.map(({ intact, repaired, failed }) => intact + repaired + failed));
    const svg = document.createElementNS(SVG, "svg");
    const total = (key) => this.bars.reduce((sum, bar) => sum + bar[key], 0);
    svg.setAttribute("viewBox", `0 0 ${BARS * 4} ${HEIGHT}`);
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", `Blocks of the last reports: ${total("intact")} intact, ${total("repaired")} repaired, ${total("failed")} failed`);
    this.bars.forEach((bar, index) => {
      let top = HEIGHT;
      for (const key of ["intact", "repaired", "failed"]) {
        const height = (bar[key] / most) * HEIGHT;
        if (!height) continue;
        const rect = document.createElementNS(SVG, "rect");
        top -= height;
        for (const [name, value] of Object.entries({ x: (BARS - this.bars.length + index) * 4, y: top, width: 3, height, class: key })) rect.setAttribute(name, value);
        svg.append(rect);
      }
    });
    return svg;
  }

  list() {
    return h("ol", { id: "line-blocks", "aria-label": "Blocks, newest first", tabindex: 0 },
      ...this.blocks.map(({ direction, result, code, size, coded, corrected }) => h("li", { class: result },
        h("span", { class: "result" }, result),
        h("span", {}, `${ARROWS[direction]} ${size} B as ${coded} B, ${code}`,
          corrected ? `, ${corrected} ${corrected === 1 ? "symbol" : "symbols"} corrected` : "",
          h("span", { class: "unseen" }, `: ${RESULTS[result]}`)))));
  }
}

/** The figures of /link, for both directions. */
function table({ link, up, down }) {
  const percent = (value) => (value === null || value === undefined ? "–" : `${(100 * value).toFixed(1)} %`);
  const whole = (value) => (value ?? 0).toLocaleString("en");
  const rows = [["bits", (each) => whole(each.bits)], ["flipped", (each) => whole(each.flipped)]];
  if (link) {
    rows.push(["code", (each) => each.code ?? "–"], ["blocks", (each) => whole(each.blocks)],
      ["symbols repaired", (each) => whole(each.repaired)], ["blocks failed", (each) => whole(each.failed)],
      ["retransmitted", (each) => whole(each.retransmitted)], ["capacity", (each) => percent(each.capacity)],
      ["bytes that got through", (each) => percent(each.efficiency)]);
  }
  return h("table", {},
    h("thead", {}, h("tr", {}, h("td", {}), h("th", { scope: "col" }, "sent"), h("th", { scope: "col" }, "received"))),
    h("tbody", {}, ...rows.map(([name, read]) => h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, read(up)), h("td", {}, read(down))))));
}
