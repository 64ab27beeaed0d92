// The screen "What did the decoder think?": one codeword, and the view of the explanation's kind.

import { $, h } from "../dom.js";
import { showText } from "../text.js";
import { BitsView } from "./bits_view.js";
import { disable } from "./controls.js";
import { count, dataMask, describeBit, describeBlock, linePlaces, stageCells } from "./line_model.js";

/** Module of each kind of explanation. Each exports `view(explain, context)`, which returns elements. */
const MODULES = {
  hamming: "explain_linear", linear: "explain_linear", reed_solomon: "explain_reed_solomon", trellis: "explain_trellis",
  ldpc: "explain_ldpc", polar: "explain_polar", turbo: "explain_turbo", repetition: "explain_repetition", crc: "explain_crc",
};

const FIRST = ["hamming", "linear", "repetition", "none"];

export class DecoderView {
  /** @param touch called with positions of the line, and "flip" or "erase" @param change changes the state */
  constructor({ touch, change }) {
    this.change = change;
    this.bits = new BitsView($("block-bits"), {
      name: "Received bits of the codeword",
      describe: (cell) => describeBit(this.line, this.members[cell], this.mask),
      touch: (cells, what) => touch(cells.map((cell) => this.members[cell]), what),
      limits: (size) => ({
        least: size <= 48 && matchMedia("(max-width: 760px), (pointer: coarse)").matches ? 44 : 8,
        most: 44, height: 150, gap: 4,
      }),
    });
    this.touch = touch;
    for (const [id, by] of [["previous", -1], ["next", 1]]) {
      $(`block-${id}`).addEventListener("click", () => change({ block: this.block + by, at: 0 }));
    }
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.bits.forget();
      this.bits.key = "";
    });
  }

  async show(line, answer, state, block) {
    Object.assign(this, { line, block });
    this.mask = dataMask(line);
    const { from, to } = line.blocks[block];
    this.members = linePlaces(line).slice(from, to);
    const cells = stageCells({ ...line, order: null }, "channel", this.mask);
    this.bits.show(Uint16Array.from(this.members, (at) => cells[at]), [to - from]);
    const { flips, end } = describeBlock(line, block);
    $("block-name").textContent = `Codeword ${block + 1} of ${line.blocks.length}`;
    $("block-end").textContent = `${count(flips, "bit")} hit: ${end}`;
    $("block-next").disabled &&= block === line.blocks.length - 1; // enabled before it may get the focus
    disable($("block-previous"), block === 0, $("block-next"));
    disable($("block-next"), block === line.blocks.length - 1, $("block-previous"));
    await this.explain(answer, state);
    await this.interleaver();
    document.documentElement.dataset.explained = `${block} ${answer.explain?.kind ?? "error"}`;
  }

  async explain({ explain, error }, state) {
    const host = $("explain");
    if (error || !explain) {
      host.replaceChildren(h("p", { class: "problem" }, showText(error ?? "The engine has no explanation for this code.")));
      return;
    }
    const context = {
      at: state.at, data: this.dataInBlock(),
      remember: (at) => this.change({ at }),
      flip: (position) => this.touch([this.members[position]], "flip"),
      sent: Array.from(this.members, (at) => this.line.coded[at]).join(""),
      received: Array.from(this.members, (at) => this.line.received[at]).join(""),
      decoded: Array.from(this.members, (at) => this.line.corrected[at]).join(""),
    };
    const focus = document.activeElement?.closest?.("#explain [data-focus]")?.dataset.focus;
    host.replaceChildren(h("h2", {}, showText(explain.title ?? "")), ...await this.parts(explain, context));
    if (focus) host.querySelector(`[data-focus="${CSS.escape(focus)}"]`)?.focus({ preventScroll: true });
  }

  async parts(explain, context) {
    const module = MODULES[explain.kind];
    const parts = module ? (await import(`./${module}.js`)).view(explain, context) : [];
    const told = explain.steps?.length ? [h("ol", { class: "told" }, ...explain.steps.map((step) => h("li", {}, h("span", {}, showText(step)))))] : [];
    const long = explain.long?.length ? [h("details", {}, h("summary", {}, "The long form"),
      h("pre", { class: "long-form", tabindex: 0, role: "region", "aria-label": "The long form" }, showText(explain.long.join("\n"))))] : [];
    const check = explain.crc && explain.kind !== "crc"
      ? [h("details", {}, h("summary", {}, "The frame’s checksum"), ...await this.parts({ kind: "crc", ...explain.crc }, context))] : [];
    if (explain.note) parts.push(h("p", { class: "hint" }, showText(explain.note)));
    // The story first where there are no steps to play.
    return FIRST.includes(explain.kind) ? [...told, ...parts, ...long, ...check] : [...parts, ...told, ...long, ...check];
  }

  /** Return which bits of the codeword are data bits. */
  dataInBlock() {
    return Array.from(this.members, (at) => this.mask[at] === 1);
  }

  async interleaver() {
    const host = $("interleaver");
    host.hidden = !this.line.order;
    if (this.line.order) host.replaceChildren(...(await import("./explain_interleaver.js")).view(this.line, this.block));
  }
}
