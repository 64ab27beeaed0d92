// What a client does with what the server sends: one function a message.
// The counterpart of netchat/chat/client_handlers.py.

import { newView, skeleton } from "./memory.js";
import { ErrorCode, EventKind, MESSAGES, RoomKind } from "./protocol.js";

// Errors behind which another try makes no sense.
const FINAL = [ErrorCode.BAD_FRAME, ErrorCode.UNEXPECTED, ErrorCode.SESSION_MOVED];

// Events that are kept while one in front of them is missing.
const MAX_AHEAD = 4096;

/** Let the client take in one frame of the server's. */
export function answer(client, { name, fields }) {
  const handler = HANDLERS[name];
  if (!handler) throw new Error(`${name} makes no sense from a server`);
  handler(client, fields);
}

function welcome(client, message) {
  if (client.online) throw new Error("WELCOME came twice");
  client.online = true;
  client.name = client.memory.name = message.name;
  client.device = message.device;
  client.maxText = message.max_text;
  const { memory } = client;
  memory.token = message.token;
  const resumed = message.resumed === 1;
  client.report("online", { name: message.name, resumed, server: message.software });
  const told = new Set(message.rooms.map((membership) => membership.room));
  const gone = [...memory.rooms.values()].filter((view) => !told.has(view.code));
  const pending = client.requests;
  client.requests = new Map();
  for (const membership of message.rooms) {
    const unknown = membership.kind === RoomKind.ROOM && !memory.rooms.has(membership.room);
    const created = unknown ? find(pending, (asked) => asked.name === "CREATE") : undefined;
    // If so, it was carried out, and only its answer was lost.
    if (created !== undefined) pending.delete(created);
    enter(client, membership, 0, created !== undefined);
  }
  for (const view of gone) {
    if (resumed || view.kind === RoomKind.PRIVATE) {
      forget(client, view, "that conversation is over");
    } else { // a new session: become a member again, and read on where the old one ended
      client.ask("JOIN", { log: view.log, after: view.last, room: view.code });
    }
  }
  for (const [number, asked] of pending) {
    const { room } = asked.fields;
    const done =
      (asked.name === "JOIN" && memory.rooms.has(room)) ||
      (asked.name === "LEAVE" && !memory.rooms.has(room));
    if (done) continue;
    client.requests.set(number, asked);
    client.send(asked.name, asked.fields);
  }
  const begun = new Set();
  for (const asked of client.requests.values()) {
    if (asked.name === "PRIVATE") begun.add(skeleton(asked.fields.name));
  }
  for (const name of memory.private.keys()) {
    if (!begun.has(name)) client.ask("PRIVATE", { name }); // an earlier page was closed too soon
  }
  if (client.goodbye) client.out.push(client.goodbye);
}

function joined(client, message) {
  if (message.membership.length !== 1) {
    throw new Error(`JOINED names ${message.membership.length} rooms; it must name one`);
  }
  const request = client.requests.get(message.request);
  client.requests.delete(message.request);
  const view = enter(client, message.membership[0], message.members, message.request !== 0);
  if (view.kind !== RoomKind.PRIVATE) return;
  const names = new Set([skeleton(view.peer)]);
  // The other one may be called otherwise by now.
  if (request?.name === "PRIVATE") names.add(skeleton(request.fields.name));
  for (const name of names) {
    const texts = client.memory.private.get(name) ?? [];
    client.memory.private.delete(name);
    for (const text of texts) client.say(view.code, text);
  }
}

/** Learn where a room begins on this connection. */
function enter(client, told, members, asked) {
  const { rooms } = client.memory;
  let view = rooms.get(told.room);
  const known = view !== undefined && view.log === told.log;
  if (!known) {
    if (!Object.values(RoomKind).includes(told.kind)) {
      throw new Error(`${told.kind} is no kind of room in NCP/1`);
    }
    view = newView(told);
    rooms.set(told.room, view);
  } else if (!view.begun && told.last > view.last) {
    client.report("missed", { room: view.code, first: view.last + 1n, last: told.last });
  }
  if (!view.begun) {
    view.begun = true;
    view.last = told.last;
    view.head = told.head;
  }
  view.peer = told.peer || view.peer;
  if (!known || asked) {
    const { code: room, kind, peer } = view;
    client.report("entered", { room, kind, peer, members, asked, known });
  }
  catchUp(client, view);
  return view;
}

/** When everything up to the head has come, send again what has found no echo. */
function catchUp(client, view) {
  if (view.open || view.last < view.head) return;
  view.open = true;
  for (const send of client.memory.outbox.values()) {
    if (send.room === view.code) client.send("SEND", send);
  }
}

function event(client, roomEvent) {
  const view = client.memory.rooms.get(roomEvent.room);
  if (!view) return;
  if (roomEvent.seq <= view.last) {
    collect(client, roomEvent);
  } else if (roomEvent.seq === view.last + 1n) {
    apply(client, view, roomEvent);
    followUp(client, view);
  } else if (view.ahead.size < MAX_AHEAD) {
    if (!view.ahead.size) {
      const gap = { first: view.last + 1n, last: roomEvent.seq - 1n, room: view.code };
      client.holes.add(client.ask("HISTORY", gap));
    }
    view.ahead.set(roomEvent.seq, roomEvent);
  }
}

/** Apply what came too early and is next now. */
function followUp(client, view) {
  for (let next; (next = view.ahead.get(view.last + 1n)); ) {
    view.ahead.delete(next.seq);
    apply(client, view, next);
  }
  catchUp(client, view);
}

/** An event of the past goes to whoever has asked for it. */
function collect(client, roomEvent) {
  const { seq, room } = roomEvent;
  for (const [number, events] of client.past) {
    const asked = client.requests.get(number)?.fields;
    if (asked?.room === room && asked.first <= seq && seq <= asked.last &&
        (!events.length || events.at(-1).seq < seq)) {
      events.push(roomEvent);
      return;
    }
  }
}

function apply(client, view, roomEvent) {
  view.last = roomEvent.seq;
  const own = roomEvent.device !== 0n && roomEvent.device === client.device;
  if (own) client.memory.outbox.delete(roomEvent.counter);
  const { kind, peer } = view;
  client.report("roomEvent", { event: roomEvent, kind, peer, own, late: roomEvent.seq <= view.head });
  if (kind !== RoomKind.PRIVATE) return;
  if (roomEvent.kind === EventKind.RENAME && roomEvent.sender === peer) {
    view.peer = roomEvent.text;
  } else if (roomEvent.kind === EventKind.LEAVE && roomEvent.sender !== client.name) {
    // Nobody is left to talk to; whoever takes that name next is somebody else.
    view.peer = "";
    const leaving = (asked) => asked.name === "LEAVE" && asked.fields.room === view.code;
    if (find(client.requests, leaving) === undefined) client.leave(view.code);
  }
}

function historyEnd(client, { request, first, last, oldest, room }) {
  const events = client.past.get(request);
  const asked = client.requests.get(request);
  if (!events || asked?.name !== "HISTORY") return;
  if (first <= last && last < asked.fields.last) { // cut short by its size: ask for the rest
    asked.fields = { ...asked.fields, first: last + 1n };
    client.send("HISTORY", asked.fields);
    return;
  }
  client.requests.delete(request);
  client.past.delete(request);
  if (client.holes.delete(request)) giveUpHole(client, room);
  else client.report("past", { request, room, events, oldest });
}

/** What the answer to a hole has not brought is gone for good: read on behind it. */
function giveUpHole(client, room) {
  const view = client.memory.rooms.get(room);
  if (!view?.ahead.size) return;
  const following = [...view.ahead.keys()].reduce((least, seq) => (seq < least ? seq : least));
  client.report("missed", { room, first: view.last + 1n, last: following - 1n });
  view.last = following - 1n;
  followUp(client, view);
}

function left(client, message) {
  client.requests.delete(message.request);
  const view = client.memory.rooms.get(message.room);
  if (view) forget(client, view, "you left the room before its echo came");
}

/** Be in a room no longer; `lost` is why what waited for it is not delivered. */
function forget(client, view, lost, why = "") {
  const { rooms, outbox } = client.memory;
  rooms.delete(view.code);
  for (const send of [...outbox.values()].filter(({ room }) => room === view.code)) {
    outbox.delete(send.counter);
    client.report("undelivered", { ...send, why: lost });
  }
  client.report("left", { room: view.code, why });
}

function bye(client, message) {
  if (client.goodbye) {
    client.ended = true;
    client.memory.forgetSession();
    client.report("ended", { why: message.text, wanted: true });
  } else {
    client.byeText = message.text;
  }
}

function error(client, message) {
  const { code, about, reference, text } = message;
  const { memory, requests } = client;
  const name = code === ErrorCode.NAME_TAKEN || code === ErrorCode.NAME_NOT_ALLOWED;
  if (name && !client.online) {
    client.report("refused", { why: text, suggestion: message.suggestion });
  } else if (FINAL.includes(code) || (code === ErrorCode.SERVER_FULL && !memory.token.length)) {
    client.end(text);
  } else if (about === MESSAGES.SEND.type) {
    const send = memory.outbox.get(reference);
    if (memory.outbox.delete(reference)) client.report("undelivered", { ...send, why: text });
  } else if (about) {
    const number = Number(reference);
    const asked = requests.get(number);
    requests.delete(number);
    client.past.delete(number);
    client.holes.delete(number);
    const waiting = asked?.name === "PRIVATE" && memory.private.get(skeleton(asked.fields.name));
    if (waiting) {
      memory.private.delete(skeleton(asked.fields.name));
      for (const said of waiting) {
        client.report("undelivered", { text: said, why: text, to: asked.fields.name });
      }
    } else if (asked?.name === "JOIN" && memory.rooms.has(asked.fields.room)) {
      const why = code === ErrorCode.NO_SUCH_ROOM ? "" : text;
      forget(client, memory.rooms.get(asked.fields.room), text, why);
    } else {
      client.report("declined", { error: message, request: asked });
    }
  } else {
    client.report("warned", { error: message });
  }
}

/** The key of the first entry whose value passes a test. */
function find(map, test) {
  for (const [key, value] of map) if (test(value)) return key;
  return undefined;
}

/** Which function takes which message. */
export const HANDLERS = {
  WELCOME: welcome,
  JOINED: joined,
  EVENT: event,
  ACK: (client, { counter }) => client.memory.outbox.delete(counter),
  HISTORY_END: historyEnd,
  ROSTER: (client, message) => {
    client.requests.delete(message.request);
    const { request, room, total, members, more } = message;
    client.report("people", { request, room, total, members, more: more === 1 });
  },
  RENAMED: (client, { request, name }) => {
    client.requests.delete(request);
    client.name = client.memory.name = name;
    client.report("renamed", { name });
  },
  LEFT: left,
  PING: (client, { time }) => client.send("PONG", { time }),
  PONG: () => {}, // a sign of life
  BYE: bye,
  ERROR: error,
};
