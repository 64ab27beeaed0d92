// The lab's state: what the URL holds after the #, and what the engine gets. No elements.

export const VIEWS = ["line", "decoder", "thousand"];
export const MAX_TEXT = 256, MAX_SPEC = 80, MAX_CODES = 6, MAX_TOUCHED = 500, MAX_POSITION = 4999, MAX_SEED = 2 ** 31 - 1;

export const DEFAULTS = Object.freeze({
  text: "Hi!", carry: "text", code: "hamming:7,4", interleave: "", channel: "bsc:0.02", seed: 1,
  touched: Object.freeze({}), block: 0, view: "line",
  at: 0, // step of the explanation
  with: Object.freeze([]), // further codes on the screen "A thousand times"
  sweep: "", // channels of that screen, such as awgn:0:6:0.5; empty for the line's own channel
  errors: 100, // frame errors at which a point ends
});

/** Keys that only the page uses. */
const OWN = ["at", "with", "sweep", "errors", "view"];

/** Read the part of a URL after the #. Whatever is invalid there keeps its default. */
export function readState(hash) {
  const query = new URLSearchParams(hash.replace(/^#/, ""));
  const text = (key, most) => query.get(key)?.slice(0, most) ?? DEFAULTS[key];
  const one = (key, among) => (among.includes(query.get(key)) ? query.get(key) : DEFAULTS[key]);
  const number = (key, most, least = 0) => {
    const written = query.get(key) ?? "";
    return /^\d{1,15}$/.test(written) ? Math.min(most, Math.max(least, Number(written))) : DEFAULTS[key];
  };
  return {
    text: text("text", MAX_TEXT), carry: one("carry", ["text", "frame"]),
    code: text("code", MAX_SPEC), interleave: text("interleave", MAX_SPEC), channel: text("channel", MAX_SPEC),
    seed: number("seed", MAX_SEED), touched: readTouched(query.get("touched") ?? ""),
    block: number("block", MAX_POSITION), view: one("view", VIEWS), at: number("at", 100_000),
    with: query.getAll("with").filter(Boolean).slice(0, MAX_CODES - 1).map((spec) => spec.slice(0, MAX_SPEC)),
    sweep: text("sweep", MAX_SPEC), errors: number("errors", 1000, 1),
  };
}

/** Read touched bits: `3-6.9.e12` flips bits 3 to 6 and 9, and erases bit 12. */
export function readTouched(written) {
  const touched = {};
  for (const part of written.split(".")) {
    const [, erased, first, last] = /^(e?)(\d{1,7})(?:-(\d{1,7}))?$/.exec(part) ?? [];
    if (first === undefined) continue;
    for (let at = Number(first); at <= Math.min(Number(last ?? first), MAX_POSITION); at += 1) {
      if (Object.keys(touched).length >= MAX_TOUCHED) return touched;
      touched[at] = erased ? "erase" : "flip";
    }
  }
  return touched;
}

/** Write touched bits as `readTouched` reads them. */
export function writeTouched(touched) {
  const parts = [];
  const places = Object.keys(touched).map(Number).sort((a, b) => a - b);
  for (let i = 0; i < places.length; i += 1) {
    const first = i, what = touched[places[i]];
    while (places[i + 1] === places[i] + 1 && touched[places[i + 1]] === what) i += 1;
    const run = places[first] === places[i] ? `${places[i]}` : `${places[first]}-${places[i]}`;
    parts.push((what === "erase" ? "e" : "") + run);
  }
  return parts.join(".");
}

/** Write a state as the part of a URL after the #, without the defaults. */
export function writeState(state) {
  const query = new URLSearchParams();
  for (const [key, usual] of Object.entries(DEFAULTS)) {
    const value = state[key];
    if (key === "touched") {
      if (Object.keys(value).length) query.set(key, writeTouched(value));
    } else if (key === "with") value.forEach((spec) => query.append(key, spec));
    else if (value !== usual) query.set(key, value);
  }
  // These are allowed after the #, and readable.
  return query.toString().replaceAll("%3A", ":").replaceAll("%2C", ",").replaceAll("%2F", "/");
}

/** Return the state for the engine, without the keys that only the page uses. */
export const engineState = (state) => Object.fromEntries(Object.entries(state).filter(([key]) => !OWN.includes(key)));

/** Return the next state of a touched bit: a second touch of the same kind undoes the first. */
export function toggled(touched, positions, what) {
  const next = { ...touched };
  const undo = positions.every((at) => next[at] === what);
  for (const at of positions) {
    if (undo) delete next[at];
    else if (positions.length === 1 || next[at] !== "erase") next[at] = what;
  }
  return next;
}

/**
 * Say what became of the touched bits on a line of another length: they keep their positions on the line.
 *
 * @param size bits on the line
 * @param isNews whether another text or code was just chosen; otherwise only bits beyond the end are worth a word
 */
export function keptNote(touched, size, isNews) {
  const places = Object.keys(touched), beyond = places.filter((at) => at >= size).length;
  if (!places.length || (!isNews && !beyond)) return "";
  const bits = places.length === 1 ? "The touched bit keeps its position" : `The ${places.length} touched bits keep their positions`;
  const end = `the end of this line of ${size} bits`;
  if (!beyond) return `${bits} on the line.`;
  if (beyond === places.length) return `${bits}, but ${beyond === 1 ? "it is" : "all are"} beyond ${end}.`;
  return `${bits}; ${beyond} of them ${beyond === 1 ? "is" : "are"} beyond ${end}.`;
}

// -- the noise of a channel ---------------------------------------------------------------------

/** Split a channel's spec into the number that the slider sets and the text around it. */
function split(spec) {
  const [, name, value, rest] = /^([^:]*):([-+.\deE]+)(.*)$/.exec(spec) ?? [];
  return name === undefined ? null : { name, value: Number(value), rest };
}

/** Return the number that the slider sets, or null if the channel has none. */
export function noiseOf(spec) {
  const value = split(spec)?.value;
  return Number.isFinite(value) ? value : null;
}

/** Return the spec with another number in the slider's place. */
export function withNoise(spec, value) {
  const parts = split(spec);
  return parts ? `${parts.name}:${Number(value.toPrecision(6))}${parts.rest}` : spec;
}

const isDecibel = ({ parameter = "", spec = "" }) => /dB|E[bs]\/?N0/i.test(`${parameter} ${spec}`) || /^(awgn|rayleigh)/.test(spec);

/**
 * Convert between a channel's number and the slider, whose right end (1000) is always the noisiest. Probabilities
 * get more room near 0.
 */
export const slider = {
  from(channel, value) {
    const { min, max } = channel;
    const part = Math.min(1, Math.max(0, (value - min) / (max - min)));
    return Math.round(1000 * (isDecibel(channel) ? 1 - part : Math.sqrt(part)));
  },
  to(channel, position) {
    const { min, max, step } = channel;
    const part = position / 1000;
    const exact = min + (max - min) * (isDecibel(channel) ? 1 - part : part ** 2);
    const fine = isDecibel(channel) ? step : Math.min(step, 10 ** Math.floor(Math.log10(Math.max(exact, 1e-4)) - 1));
    return Math.min(max, Math.max(min, Number((Math.round(exact / fine) * fine).toPrecision(6))));
  },
};

/** Return a channel's number with its unit. */
export const noiseText = (channel, value) =>
  isDecibel(channel) ? `${Number(value.toFixed(2))} dB` : `${Number((100 * value).toPrecision(3))} %`;
