// The screen "A thousand times": the same code and channel, measured by the bench while the user watches.

import { copy, drawScheduler, h, icon } from "../dom.js";
import { showText } from "../text.js";
import { channelOf } from "./controls.js";
import { chart, mark, picture, rate, standalone } from "./chart.js";
import { MAX_CODES } from "./state.js";
import { commandFor } from "./notebook.js";

/** Channels to measure for the channel of the line: from useless to nearly perfect. */
export function sweepOf(channel) {
  const [name, rest = ""] = channel.split(/:(.*)/s);
  const options = rest.includes(",") ? rest.slice(rest.indexOf(",")) : "";
  const range = { bsc: "0.2:0.005:x0.6", bec: "0.05:0.5:0.05", awgn: "0:8:1", rayleigh: "0:24:3", "gilbert-elliott": "0.1:0.002:x0.5" }[name];
  return range ? `${name}:${name === "awgn" && /qam/.test(options) ? "2:16:1" : range}${options}` : channel;
}

export class Thousand {
  constructor(host, engine, change, lists) {
    Object.assign(this, { host, engine, change, lists });
    this.metric = "ber";
    this.data = null;
    this.build();
  }

  build() {
    this.chips = h("ul", { class: "chips", "aria-label": "Codes" });
    this.add = h("select", { id: "add-code", "aria-label": "Add a code" });
    this.add.addEventListener("change", () => {
      this.addCode(this.add.value);
      this.add.value = "";
    });
    this.own = h("input", { id: "own-code", placeholder: "or any specification", "aria-label": "Specification of a code to add", autocomplete: "off", autocapitalize: "off", spellcheck: "false", maxlength: 80 });
    this.sweep = h("input", { id: "sweep", autocomplete: "off", autocapitalize: "off", spellcheck: "false", maxlength: 80, "aria-describedby": "sweep-hint" });
    this.sweep.addEventListener("change", () => this.change({ sweep: this.sweep.value.trim() }));
    this.errors = h("select", { id: "errors" }, ...[20, 50, 100, 200, 400, 1000].map((n) => h("option", { value: n }, `${n} wrong codewords`)));
    this.errors.addEventListener("change", () => this.change({ errors: Number(this.errors.value) }));
    this.start = h("button", { type: "submit", class: "primary" }, icon("play"), h("span", {}, "Run a thousand times"));
    this.problem = h("p", { class: "problem", role: "alert" });
    const form = h("form", { class: "panel-box", novalidate: true }, h("h2", {}, "What to measure"), this.chips,
      h("div", { class: "lab-field" }, h("label", { for: "add-code" }, "Add a code"), this.add),
      h("div", { class: "side-by-side" }, this.own, h("button", { type: "button", "aria-label": "Add this code", onclick: () => {
        this.addCode(this.own.value.trim());
        this.own.value = "";
      } }, icon("plus"))),
      h("div", { class: "lab-field" }, h("label", { for: "sweep" }, "Channels"), this.sweep,
        h("p", { class: "chart-note", id: "sweep-hint" }, "START:STOP:STEP takes the place of the noise, as in awgn:0:6:0.5; a step of x0.5 halves.")),
      h("div", { class: "lab-field" }, h("label", { for: "errors" }, "A point ends after"), this.errors), this.start, this.problem);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.stop) this.finish("stopped");
      else this.run();
    });
    this.status = h("p", { role: "status", class: "chart-note" }, "Press the button: the points appear while they are measured, and their intervals shrink.");
    this.drawing = h("div", { class: "wide-drawing fits", tabindex: 0, role: "region", "aria-label": "Chart of error rates" });
    this.drawSoon = drawScheduler(this.drawing, () => this.draw()); // however fast the points arrive
    const choose = (metric) => h("button", { type: "button", "aria-pressed": String(this.metric === metric), onclick: () => {
      this.metric = metric;
      for (const [each, button] of Object.entries(this.choices)) button.setAttribute("aria-pressed", String(each === metric));
      this.draw();
    } }, metric === "ber" ? "Bits" : "Frames");
    this.choices = { ber: choose("ber"), fer: choose("fer") };
    this.table = h("table", { class: "figures" });
    this.command = h("p", { class: "command", tabindex: 0 });
    this.files = h("p", { class: "actions" }, ...["png", "svg", "csv", "json"].map((type) =>
      h("button", { type: "button", onclick: () => this.save(type) }, type.toUpperCase())),
    h("button", { type: "button", onclick: async ({ currentTarget }) => this.copied(currentTarget, this.command.textContent) }, icon("copy"), h("span", {}, "Copy the command")));
    this.results = h("div", { id: "chart-box", class: "panel-box" },
      h("div", { class: "actions" }, h("h2", {}, "Error rates"), this.choices.ber, this.choices.fer), this.drawing,
      h("p", { class: "chart-note" }, "Marks: measured, with 95 % intervals. Lines: theory, dashed where it is an upper bound or an approximation; dotted lines only join points. Rings: published figures. Vertical lines: Shannon’s limit for the rate; faint dashed lines: for the length."),
      this.status, h("div", { class: "wide-drawing", tabindex: 0, role: "region", "aria-label": "Table of error rates" }, this.table), this.command, this.files);
    this.host.replaceChildren(form, this.results);
  }

  get codes() { return [...new Set([this.state.code, ...this.state.with])].slice(0, MAX_CODES); }

  addCode(spec) {
    if (!spec || this.codes.includes(spec)) return;
    if (this.codes.length >= MAX_CODES) this.problem.textContent = `At most ${MAX_CODES} codes at a time. Remove one first.`;
    else this.change({ with: [...this.state.with, spec] });
    this.show({ ...this.state, with: this.codes.length < MAX_CODES ? [...this.state.with, spec] : this.state.with });
  }

  show(state) {
    const isOther = this.state && JSON.stringify([state.code, state.with, state.sweep, state.channel]) !== JSON.stringify([this.state.code, this.state.with, this.state.sweep, this.state.channel]);
    this.state = state;
    if (isOther && this.stop) this.finish("stopped");
    const { codes, channels } = this.lists();
    const remove = (spec) => {
      const rest = this.codes.filter((each) => each !== spec);
      const changed = { code: rest[0], with: rest.slice(1), ...(rest[0] === this.state.code ? {} : { block: 0 }) };
      this.change(changed);
      this.show({ ...this.state, ...changed });
    };
    this.chips.replaceChildren(...this.codes.map((spec, i) => h("li", {}, mark(i), showText(spec),
      this.codes.length > 1 ? h("button", { type: "button", "aria-label": `Remove ${showText(spec)}`, onclick: () => remove(spec) }, icon("close")) : h("span"))));
    this.add.replaceChildren(h("option", { value: "" }, "choose …"), ...codes.filter(({ spec, family }) => !this.codes.includes(spec) && family !== "CRC")
      .map(({ spec, title }) => h("option", { value: spec }, showText(`${title} · ${spec}`))));
    this.sweep.value = state.sweep || sweepOf(state.channel);
    if (![...this.errors.options].some(({ value }) => Number(value) === state.errors)) this.errors.append(h("option", { value: state.errors }, `${state.errors} wrong codewords`));
    this.errors.value = state.errors;
    this.axis = channelOf(channels, this.sweep.value)?.parameter ?? "";
    if (!this.data) this.draw();
  }

  run() {
    const { codes } = this;
    const channel = this.sweep.value.trim();
    this.problem.textContent = "";
    this.data = { codes: codes.map((spec) => ({ spec, title: this.lists().codes.find((one) => one.spec === spec)?.title ?? spec })), points: [], theory: {}, references: [], limits: {}, bounds: {}, label: this.axis };
    this.last = null;
    this.note = "";
    this.began = performance.now();
    this.start.lastChild.textContent = "Stop";
    this.command.textContent = commandFor({ codes, channel, interleave: this.state.interleave, seed: this.state.seed, errors: this.state.errors });
    this.stop = this.engine.run({ codes, channel, interleave: this.state.interleave, seed: this.state.seed, target: this.state.errors }, (answer) => this.take(answer));
    this.draw();
  }

  take(answer) {
    if (answer.error) {
      this.problem.textContent = showText(answer.error);
      this.finish("refused");
      return;
    }
    const { data } = this;
    for (const point of answer.points ?? []) {
      const at = data.points.findIndex(({ code, x }) => code === point.code && x === point.x);
      if (at < 0) data.points.push(point);
      else data.points[at] = point;
      if (point.x_label) data.label = point.x_label;
    }
    for (const key of ["theory", "limits", "bounds"]) Object.assign(data[key], answer[key]);
    data.references.push(...(answer.references ?? []));
    if (answer.note) this.note = answer.note;
    if (answer.done) {
      this.last = answer;
      if (answer.command) this.command.textContent = answer.command;
      this.finish("done");
    }
    this.drawSoon();
  }

  finish(how) {
    this.stop?.();
    this.stop = null;
    this.start.lastChild.textContent = "Run a thousand times";
    const seconds = ((performance.now() - this.began) / 1000).toFixed(1);
    this.how = { done: `Done in ${seconds} s.`, stopped: "Stopped.", refused: "" }[how];
    this.drawSoon();
  }

  draw() {
    const data = this.data ?? { codes: [], points: [], label: this.axis };
    this.svg = chart(data, this.metric, Math.max(330, Math.min(1200, this.drawing.clientWidth || 900)));
    this.drawing.replaceChildren(this.svg);
    const frames = data.points.reduce((sum, { blocks }) => sum + (blocks ?? 0), 0);
    if (this.data) this.status.textContent = `${this.stop ? "Measuring … " : `${this.how ?? ""} `}${frames.toLocaleString("en")} codewords sent, ${data.points.length} points.${this.stop ? "" : ` ${this.note ?? ""}`}`;
    this.files.hidden = this.command.hidden = !data.points.length;
    this.table.replaceChildren(h("thead", {}, h("tr", {}, ...["Code", data.label || "Channel", "Codewords", "Wrong", "Frame error rate", "95 %", "Bit error rate", "95 %"].map((title) => h("th", { scope: "col" }, title)))),
      h("tbody", {}, ...data.points.map((point) => h("tr", {}, h("th", { scope: "row" }, showText(point.code)), ...[
        String(point.x), point.blocks?.toLocaleString("en"), point.block_errors?.toLocaleString("en"), rate(point.fer), `${rate(point.fer_low)} – ${rate(point.fer_high)}`,
        rate(point.ber), `${rate(point.ber_low)} – ${rate(point.ber_high)}`].map((text) => h("td", {}, text ?? "–"))))));
    document.documentElement.dataset.points = data.points.length;
    document.documentElement.dataset.running = this.stop ? "yes" : "no";
  }

  async save(type) {
    const content = { svg: () => standalone(this.svg), csv: () => this.last?.csv ?? csvOf(this.data.points), json: () => JSON.stringify(this.last?.json ?? this.data, null, 1) }[type];
    const kind = { png: "image/png", svg: "image/svg+xml", csv: "text/csv", json: "application/json" }[type];
    const file = type === "png" ? await picture(this.svg) : new Blob([content()], { type: kind });
    const address = URL.createObjectURL(file);
    h("a", { href: address, download: `error-rates.${type}` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
  }

  async copied(button, text) {
    const words = button.lastChild, before = words.textContent;
    words.textContent = (await copy(text)) ? "Copied" : "Select the text and copy it";
    setTimeout(() => (words.textContent = before), 2500);
  }
}

const COLUMNS = ["code", "x", "blocks", "block_errors", "fer", "fer_low", "fer_high", "bits", "bit_errors", "ber", "ber_low", "ber_high"];

/** Return points as CSV. A spreadsheet must not take a code's name for a formula. */
export function csvOf(points) {
  const cell = (value) => {
    const text = String(value ?? "");
    return `"${(/^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text).replaceAll('"', '""')}"`;
  };
  return [COLUMNS, ...points.map((point) => COLUMNS.map((name) => point[name]))].map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}
