// The same state in Python, for a notebook, and as a command. No elements.

import { linePlaces } from "./line_model.js";

/** Return a text as a literal of Python. */
export function literal(text) {
  const body = [...text].map((character) => {
    const number = character.codePointAt(0);
    if (character === '"' || character === "\\") return `\\${character}`;
    if (character === "\n") return "\\n";
    if (number < 32 || (number >= 127 && number < 160) || (number >= 0xd800 && number < 0xe000) || /[\p{C}\p{Zl}\p{Zp}]/u.test(character)) {
      return number > 0xffff ? `\\U${number.toString(16).padStart(8, "0")}` : `\\u${number.toString(16).padStart(4, "0")}`;
    }
    return character;
  });
  return `"${body.join("")}"`;
}

/** Break a long text of digits into literals on lines of their own. */
function wrapped(digits, width = 80) {
  const lines = digits.match(new RegExp(`.{1,${width}}`, "g")) ?? [""];
  return lines.length === 1 ? `"${lines[0]}"` : `(\n${lines.map((line) => `    "${line}"`).join("\n")}\n)`;
}

function numbers(values) {
  const lines = [];
  for (let i = 0; i < values.length; i += 12) lines.push(`    ${values.slice(i, i + 12).join(", ")},`);
  return `[\n${lines.join("\n")}\n]`;
}

/** Return a cell that encodes, shows what the channel did, and decodes, with the same numbers as the page. */
export function lineCell(line, state) {
  const places = Array.from(linePlaces(line));
  const received = places.map((at) => line.received[at]).join("");
  const isSoft = line.decoder_input === "soft";
  const data = state.carry === "frame" ? `bytes.fromhex("${line.frame.bytes}")  # the SEND frame` : `${literal(state.text)}.encode()`;
  const touched = Object.keys(state.touched).filter((at) => at < places.length).length;
  const noise = `${state.channel}, seed ${state.seed}${touched ? `, and ${touched} touched by hand` : ""}`;
  return [
    "import numpy as np", "", "import netchat", "",
    `code = netchat.get_code(${literal(state.code)})`,
    `data = ${data}`,
    'symbols = np.frombuffer(data, np.uint8)',
    'if code.alphabet == "bit":', "    symbols = np.unpackbits(symbols)",
    "message = np.pad(symbols, (0, -len(symbols) % code.k)).reshape(-1, code.k)",
    "word = code.encode(message)",
    "",
    `# What the channel lab received over ${noise}${line.order ? `, after undoing ${state.interleave}` : ""}.`,
    `received = ${wrapped(received)}`,
    ...(isSoft ? [`ratios = np.array(${numbers(places.map((at) => line.llr[at]))}, np.float32).reshape(len(word), -1)`] : []),
    'erased = np.array([bit == "?" for bit in received]).reshape(len(word), code.n, -1).any(axis=2)',
    'hard = np.array([bit == "1" for bit in received], np.uint8).reshape(len(word), -1)',
    'if code.alphabet == "byte":', "    hard = np.packbits(hard, axis=1)",
    "",
    `decoded = code.decode(hard, erased${isSoft ? ", ratios" : ""})`,
    'print("wrong symbols received:", int((hard != word).sum()))',
    'print("wrong codewords decoded:", int((decoded.message != message).any(axis=1).sum()), "of", len(message))',
    "result = decoded.message.reshape(-1)",
    'octets = result.tobytes() if code.alphabet == "byte" else np.packbits(result).tobytes()',
    `print(octets[: len(data)]${state.carry === "frame" ? "" : '.decode(errors="replace")'})`,
    "",
  ].join("\n");
}

/** Chain an interleaver to a code, as the bench writes it. */
const chained = (code, interleave) => (interleave ? `${code}+${interleave}` : code);

/** Return a cell that measures what "A thousand times" measures. */
export function benchCell({ codes, channel, interleave, seed, errors }) {
  return [
    "import netchat", "",
    "results = netchat.bench.run(",
    `    codes=[${codes.map((code) => literal(chained(code, interleave))).join(", ")}],`,
    `    channels=[${literal(channel)}],`,
    `    errors=${errors}, seed=${seed},`,
    ")",
    "print(results.table())",
    'results.plot("fer", references=True)',
    "",
  ].join("\n");
}

const quoted = (text) => (/^[\w:,./+=@-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

/** Return the command that measures the same. */
export const commandFor = ({ codes, channel, interleave, seed, errors }) => [
  "netchat encode-bench", ...codes.map((code) => `--code ${quoted(chained(code, interleave))}`), `--channel ${quoted(channel)}`, `--errors ${errors}`, `--seed ${seed}`,
].join(" ");
