// Code and mentions in the text of a message. Counterpart of netchat/wire/markup.py, which has the rules.

import { skeleton } from "./outbox.js";

const FENCE = /^```([A-Za-z0-9+#._-]{0,20})$/;
const SOMETHING = /[^\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/; // as Python's strip
const MENTION = /@([\p{L}\p{M}\p{N}_.-]*)/gu;
const WORD_BEFORE = /[\p{L}\p{M}\p{N}_]$/u;

/** Return the pieces of a text: {kind: "text", "code", "block" or "mention", text, language of a block}. */
export function parseMarkup(text) {
  const pieces = [];
  const lines = text.split("\n");
  const closing = closingFences(lines);
  let plain = [];
  for (let at = 0; at < lines.length; at += 1) {
    const fence = FENCE.exec(lines[at]);
    const end = fence ? closing[at + 1] : -1;
    if (end < 0 || !lines.slice(at + 1, end).some((line) => SOMETHING.test(line))) {
      plain.push(lines[at]);
      continue;
    }
    pieces.push(...inline(plain.join("\n")));
    plain = [];
    pieces.push({ kind: "block", text: lines.slice(at + 1, end).join("\n"), language: fence[1] });
    at = end;
  }
  return [...pieces, ...inline(plain.join("\n"))];
}

/** Return, for each line and the end, the number of the first closing fence from there on, or -1. */
function closingFences(lines) {
  const following = new Array(lines.length + 1).fill(-1);
  for (let at = lines.length - 1; at >= 0; at -= 1) following[at] = lines[at] === "```" ? at : following[at + 1];
  return following;
}

/** Return the pieces of a text without blocks. */
function inline(text) {
  const pieces = [];
  let start = 0;
  for (const [opening, closing] of codeSpans(text)) {
    pieces.push(...splitMentions(text.slice(start, opening.index)));
    let code = text.slice(opening.index + opening[0].length, closing.index);
    if (code.startsWith(" ") && code.endsWith(" ") && /[^ ]/.test(code)) code = code.slice(1, -1);
    pieces.push({ kind: "code", text: code });
    start = closing.index + closing[0].length;
  }
  return [...pieces, ...splitMentions(text.slice(start))];
}

/** Return the runs of backticks that open and close inline code. */
function codeSpans(text) {
  const runs = [...text.matchAll(/`+/g)];
  const partner = []; // for each run, the next one of the same length on the same line
  let seen = new Map(), lineEnd = text.length;
  for (let at = runs.length - 1; at >= 0; at -= 1) {
    const { index, 0: { length } } = runs[at];
    const feed = text.slice(index + length, lineEnd).indexOf("\n");
    if (feed >= 0) seen = new Map();
    partner[at] = seen.get(length) ?? -1;
    seen.set(length, at);
    lineEnd = index;
  }
  const spans = [];
  for (let at = 0; at < runs.length; at += 1) {
    if (partner[at] < 0) continue;
    spans.push([runs[at], runs[partner[at]]]);
    at = partner[at];
  }
  return spans;
}

/** Return the pieces of a text without code. */
export function splitMentions(text) {
  const pieces = [];
  let start = 0;
  for (const { index, 1: run } of text.matchAll(MENTION)) {
    const name = run.replace(/[.-]+$/, "");
    // Two code units are enough: the last character before it.
    if (!name || "_.-".includes(name[0]) || WORD_BEFORE.test(text.slice(Math.max(0, index - 2), index))) continue;
    if (start < index) pieces.push({ kind: "text", text: text.slice(start, index) });
    start = index + 1 + name.length;
    pieces.push({ kind: "mention", text: text.slice(index, start) });
  }
  if (start < text.length) pieces.push({ kind: "text", text: text.slice(start) });
  return pieces;
}

/** Whether a text mentions a user. */
export const mentions = (text, name) =>
  text.includes("@") && parseMarkup(text).some((piece) => piece.kind === "mention" && isNamed(piece, name));

/** Whether a mention is of a user. */
export const isNamed = ({ text }, name) => skeleton(text.slice(1)) === skeleton(name);
