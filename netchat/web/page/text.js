// Text, codes and names: what may be said, and how it is shown without doing harm.

// As in netchat/wire/shown.py: controls, and what reorders, breaks or hides text. The joiners
// U+200C and U+200D stay: Persian and emoji are written with them.
const HARMFUL =
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/;
const LINK = /https?:\/\/[^\s<>"]+/g;
const EMOJI = /^(?:[\p{Extended_Pictographic}\p{Emoji_Modifier}\p{Regional_Indicator}\u200d\ufe0f]\s?){1,12}$/u;
const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** Text from somebody else: harmful characters as `\x1b` or `\u202e`. */
export const showText = (text) =>
  text.replace(HARMFUL, (character) => {
    if (character === "\r") return "\\r";
    const number = character.charCodeAt(0);
    const [mark, width] = number < 256 ? ["x", 2] : ["u", 4];
    return `\\${mark}${number.toString(16).padStart(width, "0")}`;
  });

/** Text as {text} and {text, link} pieces. */
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

/** A link without the punctuation of the sentence around it; a bracket that it opened stays. */
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

/** What was typed or pasted, as it can be sent. */
export const sendable = (text) =>
  text.replace(/\r\n?/g, "\n").replace(LONE_SURROGATE, "\ufffd").trim();

const byteLength = (text) => new TextEncoder().encode(text).length;

/** What is wrong with a text, or an empty string where nothing is. */
export function textProblem(text, limit) {
  const size = byteLength(text);
  if (limit && size > limit) {
    const [has, takes] = [size, limit].map((n) => n.toLocaleString("en"));
    return `The message has ${has} bytes; this server takes ${takes}. Send it in parts.`;
  }
  const control = CONTROL.exec(text);
  if (!control) return "";
  const number = control[0].charCodeAt(0).toString(16).toUpperCase().padStart(4, "0");
  return `The message holds the control character U+${number} at character ${control.index + 1}; remove it.`;
}

// -- room codes, as in netchat/chat/codes.py ------------------------------------------------

export const LOBBY = "lobby";

/** The code somebody meant, whatever its case, groups and look-alikes; "" if it is none. */
export function readCode(written) {
  const link = /\/r\/([^/?#]+)/.exec(written); // a whole link is as good
  const code = (link ? link[1] : written).trim();
  if (code.toLowerCase() === LOBBY) return LOBBY;
  const read = code.toUpperCase().replace(/[- ]/g, "").replace(/O/g, "0").replace(/[IL]/g, "1");
  return /^[0-9A-HJKMNP-TV-Z]{10}$/.test(read) ? read : "";
}

export const showCode = (code) =>
  code === LOBBY ? "Lobby" : code.length === 10 ? `${code.slice(0, 5)}-${code.slice(5)}` : code;

// -- names ----------------------------------------------------------------------------------

/** One or two characters that stand for a name. */
export function initials(name) {
  const [first = "?", ...rest] = [...name];
  const second = rest.find((c, i) => (/\p{Lu}/u.test(c) || /[-_.]/.test(rest[i - 1] ?? "")) && /\p{L}/u.test(c));
  return (first + (second ?? "")).toUpperCase();
}

/** The hue that a name is shown in, the same on every device (FNV-1a). */
export function hue(name) {
  let hash = 0x811c9dc5;
  for (const character of name.normalize("NFKC").toLowerCase()) {
    hash = Math.imul(hash ^ character.codePointAt(0), 0x01000193);
  }
  return ((hash ^ (hash >>> 15)) >>> 0) % 24 * 15; // steps that the eye can tell apart
}

// -- numbers and times ----------------------------------------------------------------------

const CLOCK = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat([], { weekday: "long", day: "numeric", month: "long" });
const FULL = new Intl.DateTimeFormat([], { dateStyle: "full", timeStyle: "medium" });

const LATEST = 8_640_000_000_000_000n; // ms: the last moment that a Date can be

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
