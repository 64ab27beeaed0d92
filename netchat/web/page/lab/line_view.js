// The screen "The line": six stages from the text to the text, and the bar about the selected bit.

import { $, h, touch as isTouch } from "../dom.js";
import { showText } from "../text.js";
import { BitsView } from "./bits_view.js";
import { colours, sample } from "./cell_art.js";
import { disable } from "./controls.js";
import {
  blockAt, captions, count, dataMask, describeBit, describeBlock, describeShortly, groups, KINDS, linePlaces, shownOrder, stageCells, verdict,
} from "./line_model.js";
import { Player, STAGES } from "./player.js";

const BIT_STAGES = ["coded", "channel", "decoder"];
const MOST_WORDS = 300; // codewords in the text form
const MOST_CHARACTERS = 64; // of the text, with their bytes
const TOUCHABLE = 96; // cells that are large enough for a finger, at most

const narrow = matchMedia("(max-width: 760px)");
const isFinger = () => isTouch.matches || narrow.matches;

export class LineView {
  /**
   * @param touch called with positions of the line, and "flip" or "erase"
   * @param explain called with the index of a codeword
   */
  constructor({ touch, explain }) {
    this.touch = touch;
    this.at = 0; // selected position of the line
    this.views = Object.fromEntries(BIT_STAGES.map((stage) => [stage, new BitsView($(`${stage}-bits`), {
      name: { coded: "Sent bits", channel: "Received bits", decoder: "Decoded bits" }[stage],
      describe: (cell) => (this.line ? describeBit(this.line, this.order[stage][cell], this.mask) : ""),
      touch: stage === "channel" ? (cells, what) => this.touch(cells.map((cell) => this.order.channel[cell]), what) : undefined,
      focused: (cell) => this.select(this.order[stage][cell]),
      limits: (size) => this.limits(stage, size),
    })]));
    for (const [stage, view] of Object.entries(this.views)) view.hover = (cell) => this.link(cell < 0 ? null : this.order[stage][cell]);
    this.player = new Player((stage, part) => this.drawStage(stage, part));
    $("bit-flip").addEventListener("click", () => touch([this.at], "flip"));
    $("bit-erase").addEventListener("click", () => touch([this.at], "erase"));
    $("bit-burst").addEventListener("click", () => touch(this.burst(), "flip"));
    $("bit-previous").addEventListener("click", () => this.select(this.at - 1, true));
    $("bit-next").addEventListener("click", () => this.select(this.at + 1, true));
    $("bit-explain").addEventListener("click", () => explain(blockAt(this.line, this.at)));
    let width = innerWidth;
    addEventListener("resize", () => {
      if (innerWidth !== width) this.redraw();
      width = innerWidth;
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.redraw());
    $("words-box").addEventListener("toggle", () => this.words());
    if (narrow.matches) $("legend-box").open = false;
    this.legend();
  }

  limits(stage, size) {
    if (isFinger()) {
      const isSmall = size <= TOUCHABLE && stage === "channel";
      return { least: isSmall ? 44 : 9, most: isSmall ? 48 : 28, height: stage === "channel" ? 420 : 240, gap: 4 };
    }
    const isProjector = innerWidth >= 1600;
    return { least: 6, most: isProjector ? 46 : 34, height: isProjector ? 560 : 460, gap: 6, unwrapped: isProjector ? 24 : 13 };
  }

  burst() {
    const last = Math.min(this.at + 7, this.line.coded.length - 1);
    return Array.from({ length: last - this.at + 1 }, (_, i) => this.at + i);
  }

  show(line, state) {
    const isLonger = this.line?.coded.length !== line.coded.length;
    this.line = line;
    this.state = state;
    this.mask = dataMask(line);
    this.order = Object.fromEntries(BIT_STAGES.map((stage) => [stage, shownOrder(line, stage)]));
    this.cellOf = null;
    if (isLonger) this.at = 0;
    this.captions = captions(line, state);
    this.fillText();
    for (const stage of BIT_STAGES) this.views[stage].show(stageCells(line, stage, this.mask), groups(line, stage));
    this.select(Math.min(this.at, line.coded.length - 1), false);
    this.drawStage(this.player.stage, 1);
    this.signal();
    this.words();
  }

  redraw() {
    for (const view of Object.values(this.views)) view.forget();
    for (const view of Object.values(this.views)) view.key = "";
    this.legend();
    if (this.line) this.show(this.line, this.state);
  }

  fillText() {
    const { line, state } = this;
    $("text-in").textContent = showText(state.text);
    $("text-out").replaceChildren(...damaged(state.text, line.text));
    $("verdict").textContent = verdict(line, state).words;
    $("verdict").classList.toggle("bad", !line.ok);
    $("summary").textContent = showText(line.summary ?? "");
    this.fillFields();
    const [block] = line.blocks;
    const total = (key) => line.outcome.reduce((sum, one) => sum + one[key], 0);
    const flips = total("flips"), left = total("left");
    $("coded-note").textContent = block ? `${line.blocks.length} × ${block.to - block.from} bits` : "";
    $("channel-note").textContent = `${count(flips, "hit")} of ${line.coded.length}`;
    $("decoder-note").textContent = left ? `${left} wrong` : "all right";
    const touched = Object.keys(state.touched).length;
    if (!touched && document.activeElement === $("untouch")) $("rerun").focus();
    $("untouch").hidden = !touched;
    $("untouch").querySelector("span").textContent = `Undo ${touched} ${touched === 1 ? "touch" : "touches"}`;
  }

  /** Fill the table of the frame's fields, or of the text's characters; noise does not change them. */
  fillFields() {
    const { line, state } = this;
    const key = `${state.carry} ${state.text}`;
    if (this.fieldsOf === key) return;
    this.fieldsOf = key;
    $("fields").classList.toggle("characters", state.carry === "text");
    $("frame-title").textContent = state.carry === "frame" ? "SEND frame" : "Bytes";
    $("fields").tBodies[0].replaceChildren(...(state.carry === "frame" ? line.frame.fields : charactersOf(state.text)).map(({ name, bytes, from, to, value, about }) => {
      const hex = (bytes ?? line.frame.bytes.slice(2 * from, 2 * to)).replace(/../g, "$& ").trim();
      return h("tr", about ? { title: about } : {}, h("th", { scope: "row" }, showText(String(name))),
        h("td", {}, h("span", { class: "hex" }, hex.length > 60 ? `${hex.slice(0, 59)}…` : hex), h("bdi", {}, showText(String(value ?? "").slice(0, 80)))));
    }));
  }

  /** Select a position of the line, in all three stages. */
  select(at, isNew = true) {
    const size = this.line.coded.length;
    this.at = Math.max(0, Math.min(at, size - 1));
    if (!size) return;
    $("bit-text").textContent = narrow.matches ? describeShortly(this.line, this.at) : describeBit(this.line, this.at, this.mask);
    for (const stage of BIT_STAGES) this.views[stage].focus(this.cell(stage, this.at), true);
    if (isNew) this.link(this.at);
  }

  /** Return the cell that shows a position in a stage. */
  cell(stage, at) {
    this.cellOf ??= Object.fromEntries(BIT_STAGES.map((each) => {
      const cells = new Uint32Array(this.line.coded.length);
      this.order[each].forEach((position, i) => (cells[position] = i));
      return [each, cells];
    }));
    return this.cellOf[stage][at];
  }

  /** Mark a bit and its codeword in all stages; null marks the selected one. */
  link(at) {
    if (!this.line) return;
    const position = at ?? this.at;
    const block = this.line.blocks[blockAt(this.line, position)];
    if (!block) return;
    const places = this.places();
    const members = places.slice(block.from, block.to);
    for (const stage of BIT_STAGES) this.views[stage].mark([...members].map((place) => this.cell(stage, place)));
  }

  places() {
    if (this.placesOf !== this.line) [this.placesOf, this.placed] = [this.line, linePlaces(this.line)];
    return this.placed;
  }

  /** Show the line up to a stage. */
  drawStage(stage, part) {
    if (!this.line) return;
    document.querySelectorAll(".stage").forEach((element, i) => {
      element.classList.toggle("future", i > stage);
      element.classList.toggle("current", i === stage && !this.player.isWhole);
    });
    BIT_STAGES.forEach((name, i) => {
      const view = this.views[name];
      view.reveal = stage === i + 2 ? part : 1;
      if (view.places) view.draw();
    });
    const text = this.player.isWhole ? `${this.captions[3]} ${this.captions[4]}` : `${stage + 1}. ${this.captions[stage]}`;
    if ($("caption").textContent !== text) $("caption").textContent = text;
    disable($("back"), stage <= 0, $("step"));
    $("pipeline").dataset.stage = STAGES[stage];
  }

  async signal() {
    const hasSymbols = Boolean(this.line.symbols?.length);
    $("signal").hidden = !hasSymbols;
    if (!hasSymbols) return;
    const { constellation } = await import("./constellation.js");
    $("signal").replaceChildren(constellation(this.line));
  }

  /** Fill the text form, if it is open. */
  words() {
    if (!$("words-box").open || !this.line) return;
    const shown = this.line.blocks.slice(0, MOST_WORDS).map((_, i) => {
      const { sent, received, decoded, flips, end } = describeBlock(this.line, i);
      return h("tr", {}, h("th", { scope: "row" }, String(i + 1)),
        ...[sent, received, decoded, `${count(flips, "hit")}, ${end}`].map((text) => h("td", {}, text)));
    });
    const rest = this.line.blocks.length - shown.length;
    if (rest > 0) shown.push(h("tr", {}, h("td", { colspan: 5 }, `and ${rest} more`)));
    $("words").tBodies[0].replaceChildren(...shown);
  }

  legend() {
    const palette = colours(document.body);
    $("legend").replaceChildren(...Object.entries(KINDS).map(([kind, { title }]) =>
      h("li", {}, sample(kind, { erased: 2, lost: 2 }[kind] ?? 1, palette, 24), title)));
  }
}

/** Return the characters of a text as fields: each with its bytes and bits. */
function charactersOf(text) {
  const encoder = new TextEncoder();
  return [...text].slice(0, MOST_CHARACTERS).map((character) => {
    const bytes = [...encoder.encode(character)];
    return {
      name: character === " " ? "space" : character,
      bytes: bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(""),
      value: bytes.map((byte) => byte.toString(2).padStart(8, "0")).join(" "),
    };
  });
}

/** Return the received text, with its wrong characters marked. */
function damaged(sent, got) {
  const parts = [];
  const before = [...sent];
  [...got].forEach((character, i) => {
    const isBad = character !== before[i];
    const last = parts.at(-1);
    if (last && last.isBad === isBad) last.text += character;
    else parts.push({ isBad, text: character });
  });
  return parts.map(({ isBad, text }) => (isBad ? h("span", { class: "bad" }, showText(text)) : showText(text)));
}
