// The "Under the hood" panel: the last frames sent and received, by field and by byte.

import { $, drawScheduler, h, icon } from "./dom.js";
import { MESSAGES, walk } from "./protocol.js";
import { showText } from "./text.js";

const MAX_FRAMES = 200;
const ROW = 8; // bytes per row
const MAX_BYTES = 2048; // of one frame, shown at most
const TIME = new Intl.DateTimeFormat([], {
  hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, hour12: false,
});

export class FrameInspector {
  constructor() {
    this.frames = []; // oldest first: {out, bytes, spans, when}
    this.list = $("frames");
    this.detail = $("frame");
    this.plaintextOf = () => undefined; // of a sealed message, by room, device (own: 0) and counter; set by app.js
    this.follow = true; // always show the newest frame
    this.scheduleDraw = drawScheduler(this.list, () => this.draw());
    $("hood-clear").addEventListener("click", () => {
      this.frames = [];
      this.chosen = undefined;
      this.draw();
    });
    $("hood-follow").addEventListener("change", ({ target }) => {
      this.follow = target.checked;
      this.draw();
    });
    this.list.addEventListener("keydown", (event) => this.arrow(event));
  }

  get open() { return !$("hood").hidden; }

  record(out, bytes) {
    this.frames.push({ out, bytes: bytes.slice(), when: new Date() });
    if (this.frames.length > MAX_FRAMES) this.frames.shift();
    if (this.open) this.scheduleDraw();
  }

  /** Show the frame that carried an event. Returns whether it is still in the list. */
  reveal(room, seq) {
    const found = this.frames.findLast((frame) => {
      const { name, value } = spans(frame).find((span) => span.name === "seq") ?? {};
      return name && value === seq && nameOf(frame).endsWith("EVENT") && valueOf(frame, "room") === room;
    });
    if (found) this.choose(found);
    return Boolean(found);
  }

  choose(frame) {
    this.follow = $("hood-follow").checked = false;
    this.chosen = frame;
    this.draw();
  }

  draw() {
    if (this.follow || !this.frames.includes(this.chosen)) this.chosen = this.frames.at(-1);
    const focused = this.list.contains(document.activeElement);
    this.list.replaceChildren(...this.frames.toReversed().map((frame) => this.row(frame)));
    if (focused) this.list.querySelector("[aria-selected=true]")?.focus();
    if (this.shown !== this.chosen) {
      this.shown = this.chosen;
      this.detail.replaceChildren(...(this.chosen ? frameDetail(this.chosen, this.plaintextOf) : []));
    }
    $("hood-empty").hidden = this.frames.length > 0;
  }

  row(frame) {
    const { out, bytes, when } = frame;
    const chosen = frame === this.chosen;
    const size = `${bytes.length.toLocaleString("en")} B`;
    return h("li", {
      role: "option", "aria-selected": String(chosen), tabindex: chosen ? 0 : -1,
      class: out ? "out" : "in", onclick: () => this.choose(frame),
    },
    icon(out ? "up" : "down"), h("span", { class: "unseen" }, out ? "sent " : "received "),
    h("b", {}, nameOf(frame)), h("span", { class: "brief" }, summary(frame)),
    h("span", { class: "size" }, size), h("time", {}, TIME.format(when)));
  }

  arrow(event) {
    const step = { ArrowDown: -1, ArrowUp: 1 }[event.key];
    const next = step && this.frames[this.frames.indexOf(this.chosen) + step];
    if (!next) return;
    event.preventDefault();
    this.choose(next);
    this.list.querySelector("[aria-selected=true]")?.focus();
  }
}

// Fields that would let anyone who sees the screen impersonate the user.
const SECRETS = { blob: ["token", "device"], text: ["password", "invitation", "old", "new"] };
const isSecret = ({ name, kind }) => SECRETS[kind]?.includes(name) ?? false;

/** Format an offset as `netchat inspect --hex` does. */
const hexadecimal = (offset) => offset.toString(16).padStart(4, "0");

const spans = (frame) => (frame.spans ??= walk(frame.bytes));
const valueOf = (frame, name) => spans(frame).find((span) => span.name === name)?.value;
const nameOf = (frame) => spans(frame).find((span) => span.name === "type").text;

/** Return a short text that identifies a frame in the list. */
function summary(frame) {
  const text = valueOf(frame, "text") || valueOf(frame, "name") || valueOf(frame, "room");
  return typeof text === "string" ? showText(text.slice(0, 60)).replace(/\s+/g, " ") : "";
}

/** Build the view of one frame; pointing at a field highlights its bytes, and vice versa. */
function frameDetail(frame, plaintextOf) {
  const { bytes, out } = frame;
  const fields = spans(frame).filter(({ length }) => length);
  const cells = [...bytes.subarray(0, MAX_BYTES)].map((byte) =>
    h("span", { class: "byte" }, byte.toString(16).padStart(2, "0")));
  const plain = plaintextOf(valueOf(frame, "room"), valueOf(frame, "device") ?? 0, valueOf(frame, "counter"));
  const rows = fields.map((field) => fieldRow(field, field.name.endsWith(".ciphertext") ? plain : undefined));
  const letters = []; // the same bytes as characters
  const fieldOf = []; // index of the field that each byte belongs to
  fields.forEach((field, i) => {
    for (let at = field.offset; at < field.offset + field.length && at < MAX_BYTES; at += 1) {
      fieldOf[at] = i;
      cells[at].classList.add(field.offset < 16 ? "header" : i % 2 ? "odd" : "even");
      if (isSecret(field) && at >= field.offset + field.prefix) cells[at].textContent = "••";
    }
  });
  const highlight = (i, scroll) => {
    for (const lit of [...rows, ...cells, ...letters]) lit.classList.remove("lit");
    if (i === undefined) return;
    rows[i].classList.add("lit");
    const { offset, length } = fields[i];
    for (const part of [cells, letters]) {
      for (const cell of part.slice(offset, offset + length)) cell.classList.add("lit");
    }
    if (scroll) rows[i].scrollIntoView({ block: "nearest" });
    else cells[offset]?.scrollIntoView({ block: "nearest" });
  };
  const pick = (event, scroll) => {
    const at = scroll ? fieldOf[cells.indexOf(event.target.closest(".byte"))] : rows.indexOf(event.target.closest("tr"));
    if (at !== undefined && at !== -1) highlight(at, scroll);
  };
  const dump = h("div", { class: "dump", "aria-hidden": "true" });
  for (let at = 0; at < cells.length; at += ROW) {
    const part = bytes.subarray(at, at + ROW);
    const shown = [...part].map((byte, i) => {
      const isHidden = cells[at + i].textContent === "••" || byte < 32 || byte > 126;
      return (letters[at + i] = h("span", {}, isHidden ? "·" : String.fromCharCode(byte)));
    });
    dump.append(h("div", { class: "dump-row" },
      h("span", { class: "at" }, hexadecimal(at)), h("span", { class: "bytes" }, ...cells.slice(at, at + ROW)),
      h("span", { class: "ascii" }, ...shown)));
  }
  if (bytes.length > MAX_BYTES) dump.append(h("p", {}, `… ${bytes.length - MAX_BYTES} more bytes`));
  dump.addEventListener("pointerover", (event) => pick(event, true));
  dump.addEventListener("click", (event) => pick(event, true));
  const table = h("table", {},
    h("caption", { class: "unseen" }, "Fields of the frame"),
    h("thead", {}, h("tr", {}, ...["offset", "field", "value"].map((title) => h("th", { scope: "col" }, title)))),
    h("tbody", {}, ...rows));
  for (const kind of ["pointerover", "focusin", "click"]) table.addEventListener(kind, (event) => pick(event, false));
  const name = nameOf(frame);
  return [
    h("h3", {}, `${name} `, h("small", {}, out ? "client to server" : "server to client")),
    h("p", { class: "doc" }, MESSAGES[name].doc, ...labLink(frame)),
    dump, h("div", { class: "fields scroll" }, table),
  ];
}

/** Return a link to the channel lab. */
function labLink(frame) {
  const text = valueOf(frame, "text");
  if (!text || text.length > 80) return [];
  const state = new URLSearchParams({ text, carry: "frame" });
  return [" ", h("a", { href: `/lab#${state}`, target: "_blank" }, "Send the text through a noisy channel")];
}

function fieldRow(field, plain) {
  const { name, kind, offset, length, value, text, doc, depth } = field;
  const shown = isSecret(field) ? (length > field.prefix ? "hidden (secret)" : "empty")
    : kind === "text" ? `“${showText(text.slice(0, 300))}”` : String(text).slice(0, 80);
  const number = typeof value === "number" && shown !== String(value) ? ` = ${value}` : "";
  const row = h("tr", { tabindex: 0, class: offset < 16 ? "header" : "" },
    h("td", {}, hexadecimal(offset), h("small", {}, `+${length}`)),
    h("th", { scope: "row" }, name.split(".").at(-1), h("small", {}, kind)),
    h("td", {}, h("bdi", {}, shown + number), h("small", {}, doc),
      ...(plain ? [h("p", { class: "plaintext" }, icon("lock"), "opens to name ", h("bdi", {}, `“${showText(plain.name)}”`),
        ", text ", h("bdi", {}, `“${showText(plain.text.slice(0, 300))}”`))] : [])));
  row.style.setProperty("--depth", depth);
  return row;
}
