// Text, codes and names: validation and safe display.

// Which characters are escaped, and where ordinary writing needs them: as in netchat/wire/safe_text.py.
const NONCHARACTERS = "\\ufdd0-\\ufdef\\ufffe\\uffff" + Array.from({ length: 16 }, (_, i) => {
  const plane = (i + 1).toString(16);
  return `\\u{${plane}fffe}\\u{${plane}ffff}`;
}).join("");
const INVISIBLE = "\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\xad\\u034f\\u0600-\\u0605\\u061c\\u06dd\\u070f\\u0890\\u0891\\u08e2"
  + "\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164"
  + "\\ud800-\\udfff\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb\\u{110bd}\\u{110cd}"
  + `\\u{13430}-\\u{1343f}\\u{1bca0}-\\u{1bca3}\\u{1d173}-\\u{1d17a}\\u{e0000}-\\u{e0fff}${NONCHARACTERS}`;
const EMOJI_BASE = "\\xa9\\xae\\u203c\\u2049\\u2122\\u2139\\u2190-\\u2bff\\u3030\\u303d\\u3297\\u3299\\u{1f000}-\\u{1faff}";
const HAN = "\\u3400-\\u9fff\\uf900-\\ufaff\\u{20000}-\\u{323af}";
const JOINING = "\\u0620-\\u0dff\\u1000-\\u109f\\u1780-\\u18af\\ufb50-\\ufdcf\\ufe70-\\ufefc";
const FLAGS = ["gbeng", "gbsct", "gbwls"].map((code) =>
  [...code].map((letter) => `\\u{${(0xe0000 + letter.charCodeAt(0)).toString(16)}}`).join(""));
const WRITING = new RegExp(`[${EMOJI_BASE}]\\ufe0f?\\u200d(?=[${EMOJI_BASE}])`
  + `|[${EMOJI_BASE}#*0-9][\\ufe0e\\ufe0f]`
  + `|[${HAN}][\\ufe00-\\ufe02\\u{e0100}-\\u{e01ef}]`
  + `|(?![${INVISIBLE}])[${JOINING}][\\u200c\\u200d]`
  + `|\\u{1f3f4}(?:${FLAGS.join("|")})\\u{e007f}`
  + `|(?<harm>[${INVISIBLE}])`, "gu");
const ONE_INVISIBLE = new RegExp(`^[${INVISIBLE}]$`, "u");
const MAX_MARKS = 8;
const STACK = new RegExp(`([\\p{Mn}\\p{Me}]{${MAX_MARKS}})([\\p{Mn}\\p{Me}]+)`, "gu");
const REFUSED = new RegExp(`[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f${NONCHARACTERS}]`, "u");
const LINK = /https?:\/\/[^\s<>"]+/g;
const EMOJI = /^(?:[\p{Extended_Pictographic}\p{Emoji_Modifier}\p{Regional_Indicator}\u200d\ufe0f]\s?){1,12}$/u;
const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** Return whether a character is invisible, or changes how others are displayed. */
export const isInvisible = (character) => ONE_INVISIBLE.test(character);

/** Escape unsafe characters in text from a peer, as `\x1b`, `\u202e` or `\U000e0041`. */
export const showText = (text) =>
  text
    .replace(WRITING, (found, ...rest) => (rest.at(-1).harm ? escaped(found) : found))
    .replace(STACK, (_, kept, rest) => kept + Array.from(rest, escaped).join(""));

function escaped(character) {
  if (character === "\r") return "\\r";
  const number = character.codePointAt(0);
  const [mark, width] = number < 0x100 ? ["x", 2] : number < 0x10000 ? ["u", 4] : ["U", 8];
  return `\\${mark}${number.toString(16).padStart(width, "0")}`;
}

/** Split text into {text} and {text, link} pieces. */
export function pieces(text) {
  const found = [];
  let at = 0;
  for (const match of text.matchAll(LINK)) {
    const link = trimmed(match[0]);
    if (match.index > at) found.push({ text: text.slice(at, match.index) });
    found.push({ text: link, link });
    at = match.index + link.length;
  }
  if (at < text.length) found.push({ text: text.slice(at) });
  return found;
}

/** Strip trailing punctuation from a link, but keep a bracket that the link itself opened. */
function trimmed(link) {
  let open = link.split("(").length - link.split(")").length;
  let end = link.length;
  for (; end; end -= 1) {
    const last = link[end - 1];
    if (last === ")" && open < 0) open += 1;
    else if (!".,;:!?]}'*_".includes(last)) break;
  }
  return link.slice(0, end);
}

export const onlyEmoji = (text) => text.length < 40 && EMOJI.test(text);

/** Normalize typed or pasted text for sending. */
export const sendable = (text) =>
  text.replace(/\r\n?/g, "\n").replace(LONE_SURROGATE, "\ufffd").trim();

const byteLength = (text) => new TextEncoder().encode(text).length;

/** Return what is wrong with a text, or an empty string. */
export function textProblem(text, limit) {
  const size = byteLength(text);
  if (limit && size > limit) {
    const [actual, allowed] = [size, limit].map((n) => n.toLocaleString("en"));
    return `A message must be at most ${allowed} bytes, got ${actual}. Send it in parts.`;
  }
  const refused = REFUSED.exec(text);
  if (!refused) return "";
  const number = refused[0].codePointAt(0);
  const what = number > 0x9f ? "noncharacter" : "control character";
  const where = `U+${number.toString(16).toUpperCase().padStart(4, "0")} at character ${refused.index + 1}`;
  return `The message contains the ${what} ${where}. Remove it.`;
}

// -- room codes, as in netchat/chat/room_codes.py ------------------------------------------------

export const LOBBY = "lobby";

/** Normalize a typed code: case, grouping and look-alike characters. Returns "" if it is invalid. */
export function readCode(written) {
  const link = /\/r\/([^/?#]+)/.exec(written); // links are accepted too
  const code = (link ? link[1] : written).trim();
  if (code.toLowerCase() === LOBBY) return LOBBY;
  const read = code.toUpperCase().replace(/[- ]/g, "").replace(/O/g, "0").replace(/[IL]/g, "1");
  return /^[0-9A-HJKMNP-TV-Z]{10}$/.test(read) ? read : "";
}

export const showCode = (code) =>
  code === LOBBY ? "Lobby" : code.length === 10 ? `${code.slice(0, 5)}-${code.slice(5)}` : code;

// -- names ----------------------------------------------------------------------------------

/** Return the one or two initials of a name. */
export function initials(name) {
  const [first = "?", ...rest] = [...name];
  const second = rest.find((c, i) => (/\p{Lu}/u.test(c) || /[-_.]/.test(rest[i - 1] ?? "")) && /\p{L}/u.test(c));
  return (first + (second ?? "")).toUpperCase();
}

/** Return the hue for a name, the same on every device (FNV-1a). */
export function hue(name) {
  let hash = 0x811c9dc5;
  for (const character of name.normalize("NFKC").toLowerCase()) {
    hash = Math.imul(hash ^ character.codePointAt(0), 0x01000193);
  }
  return ((hash ^ (hash >>> 15)) >>> 0) % 24 * 15; // 24 distinguishable hues
}

// -- numbers and times ----------------------------------------------------------------------

const CLOCK = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat([], { weekday: "long", day: "numeric", month: "long" });
const FULL = new Intl.DateTimeFormat([], { dateStyle: "full", timeStyle: "medium" });

const LATEST = 8_640_000_000_000_000n; // ms; the latest time a Date can represent

export function date(microseconds) {
  const ms = microseconds / 1000n;
  return new Date(Number(ms < LATEST ? ms : LATEST));
}
export const clock = (when) => CLOCK.format(when);
export const fullTime = (when) => FULL.format(when);

export function dayName(when, today = new Date()) {
  const days = Math.round((midnight(today) - midnight(when)) / 86_400_000);
  return days === 0 ? "Today" : days === 1 ? "Yesterday" : DAY.format(when);
}

export const sameDay = (one, other) => midnight(one) === midnight(other);

const midnight = (when) => new Date(when.getFullYear(), when.getMonth(), when.getDate()).getTime();

/** Split an invitation into a room's code and the secret of a sealed room, as they were written. */
export function readInvitation(written) {
  const text = written.trim();
  const link = /^https?:\/\/[^#]*\/r\/([^/#?]+)(?:#(.*))?$/.exec(text);
  if (link) return { code: link[1], secret: link[2] ?? "" };
  const [, code, secret] = /^([^\s#]+)(?:[\s#]+([^]*))?$/.exec(text) ?? [];
  return { code: code ?? text, secret: (secret ?? "").trim() };
}
