// A room's log as text, JSON lines, CSV or HTML. Counterpart of netchat/chat/room_export.py.

import { ANNOTATIONS, describeAnnotation } from "./annotations.js";
import { describe, MODERATION_KINDS, parseNotice } from "./moderation_text.js";
import { describeOffer } from "./files.js";
import { EventKind } from "./protocol.js";
import { date, showCode, showText } from "./text.js";

const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/; // a spreadsheet interprets such a cell as a formula
const STYLE = "body{font:16px/1.5 system-ui,sans-serif;max-width:48em;margin:2em auto;padding:0 1em}"
  + "td{padding:.15em .8em .15em 0;vertical-align:top}td:nth-child(3){white-space:pre-wrap;overflow-wrap:anywhere}"
  + "time{color:#666;white-space:nowrap}.notice{color:#666}";

const NAMES = Object.fromEntries(Object.entries(EventKind).map(([name, kind]) => [kind, name.toLowerCase()]));
const stamp = ({ time }) => date(time).toISOString().replace(/\.\d+Z$/, "Z");
const isModeration = ({ kind }) => MODERATION_KINDS.includes(kind);
const escaped = (text) => showText(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

function sentence(event) {
  if (isModeration(event)) return describe(parseNotice(event));
  const why = event.text ? `: ${event.text}` : "";
  return {
    [EventKind.JOIN]: `${event.sender} joined`,
    [EventKind.LEAVE]: `${event.sender} left${why}`,
    [EventKind.RENAME]: `${event.sender} is now ${event.text}`,
    ...Object.fromEntries([...ANNOTATIONS, EventKind.ERASED].map((kind) =>
      [kind, `${event.sender} ${describeAnnotation(kind, event.text)}`])),
    [EventKind.FILE]: `${event.sender} offered a file: ${describeOffer(event.text)}`,
  }[event.kind] ?? `${event.sender}${why}`;
}

const said = (event) => (event.kind === EventKind.CHAT ? event.text : sentence(event));

function cell(text) {
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return `"${safe.replaceAll('"', '""')}"`;
}

const WRITERS = {
  txt: (events, heading) => [`# ${showText(heading)}`, ...events.map((event) => {
    const line = event.kind === EventKind.CHAT ? `${event.sender}: ${event.text}` : `* ${sentence(event)}`;
    return `${stamp(event)}  ${showText(line)}`.replaceAll("\n", "\n    ");
  })].join("\n") + "\n",
  jsonl: (events, _, room) => events.map((event) => `${JSON.stringify({
    room: room.code, title: room.name, seq: Number(event.seq), time: Number(event.time) / 1e6,
    type: NAMES[event.kind] ?? String(event.kind), sender: event.sender,
    text: isModeration(event) ? sentence(event) : event.kind === EventKind.FILE ? describeOffer(event.text) : event.text,
  })}\n`).join(""),
  csv: (events) => [["seq", "time", "type", "sender", "text"], ...events.map((event) =>
    [String(event.seq), stamp(event), NAMES[event.kind] ?? String(event.kind), showText(event.sender), showText(said(event))])]
    .map((row) => `${row.map(cell).join(",")}\r\n`).join(""),
  html: (events, heading) => {
    const rows = events.map((event) => {
      const content = event.kind === EventKind.CHAT
        ? `<td><b>${escaped(event.sender)}</b></td><td>${escaped(event.text)}</td>`
        : `<td></td><td class="notice">${escaped(sentence(event))}</td>`;
      return `<tr><td><time>${stamp(event)}</time></td>${content}</tr>\n`;
    });
    return '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
      + "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
      + '<meta name="viewport" content="width=device-width">\n'
      + `<title>${escaped(heading)}</title>\n<style>${STYLE}</style>\n<h1>${escaped(heading)}</h1>\n<table>\n`
      + `${rows.join("")}</table>\n</html>\n`;
  },
};

/** Return a room's log in one of the formats txt, jsonl, csv and html. */
export function exportLog(events, suffix, room) {
  const heading = room.name ? `${room.name} (${showCode(room.code)})` : showCode(room.code);
  return WRITERS[suffix](events, heading, room);
}
