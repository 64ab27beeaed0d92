// What each cell of the line shows, its place, and its words. No elements.

/** Kinds of cells, in the order of the legend: each has its own shape and colour. */
export const KINDS = {
  data: { title: "data bit", shape: "square" },
  parity: { title: "parity bit", shape: "circle" },
  flipped: { title: "flipped by the channel or by you", shape: "diamond" },
  erased: { title: "erased: the receiver knows that it is missing", shape: "hollow" },
  corrected: { title: "flipped, and corrected", shape: "hexagon" },
  recovered: { title: "erased, and recovered", shape: "hollow, filled" },
  wrong: { title: "still wrong", shape: "star" },
  lost: { title: "erased, and lost", shape: "hollow, struck" },
  miscorrected: { title: "made wrong by the decoder", shape: "triangle" },
};

const OUTCOME = { f: "corrected", x: "wrong", e: "recovered", E: "lost", n: "miscorrected", ",": "parity", ".": "data" };

/** Return whether the channel gives more than hard decisions: values of its own for each bit or symbol. */
export const isSoft = (line) => Boolean(line.llr && (line.soft || line.symbols));

/** Return the bytes that are encoded, in hexadecimal. */
export const carried = (line, state) => (state.carry === "frame" ? line.frame.bytes
  : [...new TextEncoder().encode(state.text)].map((byte) => byte.toString(16).padStart(2, "0")).join(""));

/** Return whether each position of the line holds a data bit. */
export function dataMask(line) {
  const size = line.coded.length, mask = new Uint8Array(size);
  const place = linePlaces(line);
  for (const { from, to, data, parity } of line.blocks) {
    if (data) for (const at of data) mask[place[at]] = 1;
    else if (!parity) for (let at = from; at < to; at += 1) mask[place[at]] = 1; // not systematic
  }
  return mask;
}

/** Return the position on the line of each coded bit. */
export function linePlaces({ order, coded }) {
  const places = new Uint32Array(coded.length);
  for (let at = 0; at < places.length; at += 1) places[order ? order[at] : at] = at;
  return places;
}

/** Return the kind of the cell at a position, in one of the stages "coded", "channel" and "decoder". */
export function kindAt(line, stage, at, isData) {
  const usual = isData ? "data" : "parity";
  if (stage === "coded") return usual;
  if (stage === "channel") {
    const got = line.received[at];
    return got === "?" ? "erased" : got === line.coded[at] ? usual : "flipped";
  }
  const cell = line.cells[at];
  return cell === "." || cell === "," ? usual : OUTCOME[cell] ?? usual;
}

/** Return the bit that a stage shows at a position: 0, 1, or 2 if it is erased. */
export function digitAt(line, stage, at) {
  const text = stage === "coded" ? line.coded : stage === "channel" ? line.received : line.corrected;
  return text[at] === "1" ? 1 : text[at] === "0" ? 0 : 2;
}

/** Return one number per cell for drawing, in the order in which the stage shows the cells. */
export function stageCells(line, stage, mask) {
  const size = line.coded.length;
  const order = shownOrder(line, stage);
  const kinds = Object.keys(KINDS);
  const most = isSoft(line) ? Math.min(12, Math.max(4, ...line.llr.map(Math.abs))) : 0;
  const codes = new Uint16Array(size);
  for (let i = 0; i < size; i += 1) {
    const at = order[i];
    const kind = kinds.indexOf(kindAt(line, stage, at, mask[at]));
    const level = stage === "channel" && most ? 1 + Math.round(14 * Math.min(1, Math.abs(line.llr[at]) / most)) : 0;
    codes[i] = kind * 3 + digitAt(line, stage, at) + 32 * level;
  }
  return codes;
}

/** Return the position on the line of each cell in the order shown: the channel's own, or that of the codewords. */
export function shownOrder(line, stage) {
  if (stage !== "channel" && line.order) return linePlaces(line);
  const order = new Uint32Array(line.coded.length);
  for (let at = 0; at < order.length; at += 1) order[at] = at;
  return order;
}

/** Return the lengths of the groups of cells: codewords, or the whole line after an interleaver. */
export function groups(line, stage) {
  if (stage === "channel" && line.order) return rowsOf(line);
  return line.blocks.length ? line.blocks.map(({ from, to }) => to - from) : [line.coded.length];
}

/** Cut an interleaved line into pieces as long as its codewords, which are easier to compare than one long piece. */
function rowsOf(line) {
  const size = line.coded.length, piece = line.blocks.length ? line.blocks[0].to - line.blocks[0].from : size;
  return Array.from({ length: Math.ceil(size / piece) }, (_, i) => Math.min(piece, size - i * piece));
}

/** Return the index of the codeword that a position of the line belongs to. */
export function blockAt(line, at) {
  const coded = line.order ? line.order[at] : at;
  return Math.max(0, line.blocks.findIndex(({ from, to }) => from <= coded && coded < to));
}

const WHOLE = 13; // pixels of a cell, down to which codewords are not wrapped

/**
 * Place groups of cells on a grid: the largest cells with which all of them fit.
 *
 * @returns {{cell, gap, height, width, x, y}} x and y of each cell
 */
export function layout(lengths, width, { least = 5, most = 30, height = 480, gap = 6, unwrapped = WHOLE } = {}) {
  const longest = Math.max(1, ...lengths), whole = Math.floor(width / longest);
  let placed;
  // A codeword on a row of its own reads best.
  for (let cell = whole >= Math.max(unwrapped, least) ? Math.min(most, whole) : most; ; cell -= cell > 16 ? 2 : 1) {
    cell = Math.max(cell, least);
    placed = place(lengths, width, cell, cell > 12 ? gap : Math.min(gap, 3));
    if (cell <= least || (placed.height <= height && placed.width <= width)) break;
  }
  return placed;
}

function place(lengths, width, cell, gap) {
  const total = lengths.reduce((sum, length) => sum + length, 0);
  const x = new Float32Array(total), y = new Float32Array(total);
  const columns = Math.max(1, Math.floor(width / cell));
  let at = 0, left = 0, top = 0, widest = 0;
  for (const length of lengths) {
    const isLong = length > columns;
    if (left && (isLong || left + length * cell > width)) {
      left = 0;
      top += cell + gap;
    }
    const rows = Math.ceil(length / columns), wide = Math.ceil(length / rows);
    for (let i = 0; i < length; i += 1, at += 1) {
      x[at] = left + (i % wide) * cell;
      y[at] = top + Math.floor(i / wide) * cell;
      widest = Math.max(widest, x[at] + cell);
    }
    if (isLong) top += rows * cell + gap;
    else left += length * cell + 2 * gap;
  }
  const height = at ? y[at - 1] + cell : 0;
  return { cell, gap, width: widest, height, x, y };
}

/** Return the index of the cell at a point, or -1. */
export function cellAt({ x, y, cell }, left, top) {
  let best = -1;
  for (let i = 0; i < x.length; i += 1) {
    if (left >= x[i] && left < x[i] + cell && top >= y[i] && top < y[i] + cell) best = i;
  }
  return best;
}

/** Return the index of the cell nearest above or below another one, for the arrow keys. */
export function verticalNeighbour({ x, y }, from, direction) {
  let best = from, nearest = Infinity;
  for (let i = 0; i < x.length; i += 1) {
    const down = (y[i] - y[from]) * direction;
    const distance = down * 1000 + Math.abs(x[i] - x[from]);
    if (down > 0 && distance < nearest) [best, nearest] = [i, distance];
  }
  return best;
}

// -- words ------------------------------------------------------------------------------------

const shown = (digit) => ["0", "1", "?"][digit];
const rounded = (value) => (Number.isFinite(value) ? value.toFixed(2) : String(value));

/** Describe a bit: what was sent, received and decoded. */
export function describeBit(line, at, mask) {
  const block = blockAt(line, at);
  const { from } = line.blocks[block] ?? { from: 0 };
  const inBlock = (line.order ? line.order[at] : at) - from;
  const end = kindAt(line, "decoder", at, mask[at]);
  const soft = line.soft ? `, value ${rounded(line.soft[at])}` : "";
  const llr = isSoft(line) ? `, LLR ${rounded(line.llr[at])}` : "";
  const received = line.received[at] === "?" ? "erased" : `received ${line.received[at]}`;
  return `Bit ${at + 1} of the line, bit ${inBlock + 1} of codeword ${block + 1} (${mask[at] ? "data" : "parity"}): `
    + `sent ${line.coded[at]}, ${received}${soft}${llr}, decoded ${shown(digitAt(line, "decoder", at))}`
    + `${end === "data" || end === "parity" ? "" : `: ${KINDS[end].title}`}.`;
}

/** Describe a bit in few words, for a small screen. */
export const describeShortly = (line, at) =>
  `Bit ${at + 1}, codeword ${blockAt(line, at) + 1}: sent ${line.coded[at]}, got ${line.received[at]}, decoded ${shown(digitAt(line, "decoder", at))}`;

/** Describe a codeword in one line, for the text form. */
export function describeBlock(line, index) {
  const { from, to } = line.blocks[index];
  const places = linePlaces(line).slice(from, to);
  const pick = (text) => Array.from(places, (at) => text[at]).join("");
  const { ok, claimed, flips, left } = line.outcome[index] ?? {};
  const end = ok ? (flips ? "corrected" : "no error")
    : claimed === "failed" ? `the decoder reports a failure, and ${count(left, "bit")} ${left === 1 ? "stays" : "stay"} wrong`
    : `decoded to a wrong message without notice, with ${count(left, "wrong bit")}`;
  return { sent: pick(line.coded), received: pick(line.received), decoded: pick(line.corrected), flips, end };
}

export const count = (n, noun) => `${n} ${noun}${n === 1 ? "" : "s"}`;

/** Judge the text that arrived, in few words and in a sentence. */
export function verdict(line, { text }) {
  if (line.ok) return { words: "✓ as it was sent", caption: "The text arrives as it was sent." };
  if (line.received_frame?.problem) return { words: "✗ frame rejected", caption: "The receiver rejects the frame." };
  if (line.text === text) return { words: "✗ right, but reported as failed", caption: "The text is right, but the decoder reports a failure: the receiver cannot know." };
  return { words: "✗ damaged", caption: "The text arrives damaged." };
}

/** Return a sentence for each step of the line, in order. */
export function captions(line, state) {
  const bits = line.coded.length, blocks = line.blocks.length;
  const bytes = carried(line, state).length / 2;
  let flips = 0, erased = 0;
  for (let at = 0; at < bits; at += 1) {
    if (line.received[at] === "?") erased += 1;
    else if (line.received[at] !== line.coded[at]) flips += 1;
  }
  const bad = line.outcome.filter(({ ok }) => !ok).length;
  const silent = line.outcome.filter(({ ok, claimed }) => !ok && claimed !== "failed").length;
  const hit = line.outcome.filter(({ flips: found }) => found).length;
  const extra = bits - line.sent.length;
  return [
    state.carry === "frame" ? "The text goes into a SEND frame." : "The text becomes bytes, in UTF-8.",
    `${count(bytes, "byte")} are ${count(8 * bytes, "bit")}${line.padding ? `; ${count(line.padding, "zero")} fill the last codeword` : ""}.`,
    `The encoder adds ${count(extra, "bit")}: ${count(blocks, "codeword")}, ${count(bits, "bit")} on the line`
      + `${line.order ? ", in the interleaver's order" : ""}.`,
    `The channel ${[flips || !erased ? `flips ${count(flips, "bit")}` : "", erased ? `erases ${count(erased, "bit")}` : ""].filter(Boolean).join(" and ")} of ${bits}.`,
    !hit ? "No codeword was hit: the decoder has nothing to correct."
      : !bad ? `The decoder repairs ${count(hit, "codeword")}.`
      : `${count(bad, "codeword")} of ${blocks} ${bad === 1 ? "is" : "are"} wrong after decoding`
        + `${silent ? `, ${silent === bad ? "" : `${silent} of them `}without the decoder noticing` : ""}.`,
    verdict(line, state).caption,
  ];
}
