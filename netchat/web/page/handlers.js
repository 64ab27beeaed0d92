// Handlers for the server's messages, one function per message type.
// Counterpart of netchat/chat/client_handlers.py.

import { FEATURE_ANNOTATIONS } from "./annotations.js";
import { FEATURE_SEALED } from "./client.js";
import { newView, skeleton } from "./outbox.js";
import { describe, MODERATION_KINDS, parseNotice } from "./moderation_text.js";
import { ErrorCode, EventKind, MESSAGES, ModeratorAction, RoomKind } from "./protocol.js";

// Errors after which reconnecting is pointless.
const FINAL = [ErrorCode.BAD_FRAME, ErrorCode.UNEXPECTED, ErrorCode.SESSION_MOVED, ErrorCode.REMOVED];

// Modes of a room, and the actions that set (true) or end them.
const LOCKED = 1, READ_ONLY = 2;
const FLAGS = {
  [ModeratorAction.LOCK]: [LOCKED, true],
  [ModeratorAction.UNLOCK]: [LOCKED, false],
  [ModeratorAction.READ_ONLY]: [READ_ONLY, true],
  [ModeratorAction.WRITABLE]: [READ_ONLY, false],
};

// Types of the messages about transfers, and of those that the outbox keeps.
const TRANSFERS = ["UPLOAD", "CHUNK", "DOWNLOAD"].map((name) => MESSAGES[name].type);
const MESSAGES_SENT = ["SEND", "ANNOTATE", "SEALED_SEND", "OFFER"].map((name) => MESSAGES[name].type);

// The smallest code of an error after which the server does not close the connection.
const FIRST_REFUSAL = 100;

// Events buffered per room while an earlier one is missing.
const MAX_AHEAD = 4096;

/** Handle one frame from the server. */
export function handleFrame(client, { name, fields }) {
  const handler = HANDLERS[name];
  if (!handler) throw new Error(`a server must not send ${name}`);
  handler(client, fields);
}

function read(client, { room, seq }) {
  const view = client.memory.rooms.get(room);
  if (!view || seq <= (view.read ?? 0n)) return;
  view.read = seq;
  client.report("read", { room, seq });
}

function found(client, { request, room, searched, messages }) {
  client.requests.delete(request);
  client.report("found", { request, room, searched, messages, isComplete: searched <= 1n });
}

/** Give up what an older server would end the connection for. */
function dropAnnotations(client) {
  for (const [counter, send] of client.memory.outbox) {
    if (!send.kind) continue;
    client.memory.outbox.delete(counter);
    client.report("undelivered", { ...send, why: "this server is too old to edit, delete, answer or react" });
  }
  for (const [number, asked] of client.requests) {
    if (asked.name !== "SEARCH") continue;
    client.requests.delete(number);
    const error = { code: ErrorCode.NOT_POSSIBLE, about: MESSAGES.SEARCH.type, reference: number,
      text: "This server is too old to search.", suggestion: "" };
    client.report("declined", { error, request: asked });
  }
}

function welcome(client, message) {
  if (client.online) throw new Error("WELCOME was sent twice");
  client.online = true;
  client.name = client.memory.name = message.name;
  client.device = message.device;
  client.maxText = message.max_text;
  client.maxFrame = message.max_frame;
  client.hasAccounts = (message.features & 2) !== 0;
  client.hasAnnotations = (message.features & FEATURE_ANNOTATIONS) !== 0;
  if (!client.hasAnnotations) dropAnnotations(client);
  const { memory } = client;
  memory.token = message.token;
  const resumed = message.resumed === 1;
  client.report("online", { name: message.name, resumed, server: message.software });
  if (client.sealing) {
    client.sealing.isActive = false;
    if (message.features & FEATURE_SEALED) client.sealing.online();
  }
  const listed = new Set(message.rooms.map((membership) => membership.room));
  const missing = [...memory.rooms.values()].filter((view) => !listed.has(view.code));
  const pending = client.requests;
  client.requests = new Map();
  for (const membership of message.rooms) {
    const request = { [RoomKind.ROOM]: "CREATE", [RoomKind.SEALED]: "CREATE_SEALED" }[membership.kind];
    const unknown = request && !memory.rooms.has(membership.room);
    const created = unknown ? find(pending, (asked) => asked.name === request) : undefined;
    // The server carried out this CREATE, and only its answer was lost.
    if (created !== undefined) pending.delete(created);
    enter(client, membership, 0, created !== undefined, created);
  }
  for (const view of missing) {
    if (resumed || view.kind === RoomKind.PRIVATE) {
      forget(client, view, "the conversation is over");
    } else { // a new session: rejoin, and continue from the last position
      client.ask("JOIN", { log: view.log, after: view.last, room: view.code });
    }
  }
  for (const [number, asked] of pending) {
    const { room } = asked.fields;
    const isDone =
      (asked.name === "JOIN" && memory.rooms.has(room)) ||
      (asked.name === "LEAVE" && !memory.rooms.has(room));
    if (isDone) continue;
    client.requests.set(number, asked);
    client.send(asked.name, asked.fields);
  }
  const requestedNames = new Set();
  for (const asked of client.requests.values()) {
    if (asked.name === "PRIVATE") requestedNames.add(skeleton(asked.fields.name));
  }
  for (const name of memory.private.keys()) {
    if (!requestedNames.has(name)) client.ask("PRIVATE", { name }); // an earlier page was closed before requesting it
  }
  client.files.online(message.features);
  if (client.goodbye) client.out.push(client.goodbye);
}

function joined(client, message) {
  if (message.membership.length !== 1) {
    throw new Error(`JOINED must name one room, got ${message.membership.length}`);
  }
  const request = client.requests.get(message.request);
  client.requests.delete(message.request);
  const view = enter(client, message.membership[0], message.members, message.request !== 0, message.request);
  if (view.kind !== RoomKind.PRIVATE) return;
  const names = new Set([skeleton(view.peer)]);
  // The peer may have changed their name since the request.
  if (request?.name === "PRIVATE") names.add(skeleton(request.fields.name));
  for (const name of names) {
    const texts = client.memory.private.get(name) ?? [];
    client.memory.private.delete(name);
    for (const text of texts) client.say(view.code, text);
  }
}

/** Add or update a room, and set the position from which this connection continues. */
function enter(client, membership, members, asked, request) {
  const { rooms } = client.memory;
  let view = rooms.get(membership.room);
  const known = view !== undefined && view.log === membership.log;
  if (!known) {
    if (!Object.values(RoomKind).includes(membership.kind)) {
      throw new Error(`a room's kind must be 1 to 4, got ${membership.kind}`);
    }
    view = newView(membership);
    rooms.set(membership.room, view);
  } else if (!view.isPositioned && membership.last > view.last) {
    client.report("missed", { room: view.code, first: view.last + 1n, last: membership.last });
  }
  if (!view.isPositioned) {
    view.isPositioned = true;
    view.last = membership.last;
    view.head = membership.head;
  }
  view.peer = membership.peer || view.peer;
  if (!known || asked) {
    const { code: room, kind, peer } = view;
    client.report("entered", { room, kind, peer, members, asked, known });
  }
  client.sealing?.entered(view, request);
  catchUp(client, view);
  return view;
}

/** Once all events up to the head have arrived, retransmit the messages that have no echo yet. */
function catchUp(client, view) {
  if (view.isCaughtUp || view.last < view.head) return;
  view.isCaughtUp = true;
  if (client.sealing?.handles(view)) {
    client.sealing.transmit(view.code);
    return;
  }
  for (const send of client.memory.outbox.values()) {
    if (send.room === view.code) client.sendWaiting(send);
  }
}

function event(client, roomEvent) {
  const view = client.memory.rooms.get(roomEvent.room);
  if (!view) return;
  if (roomEvent.seq <= view.last) {
    collect(client, roomEvent);
  } else if (roomEvent.seq === view.last + 1n) {
    apply(client, view, roomEvent);
    applyBuffered(client, view);
  } else if (view.ahead.size < MAX_AHEAD) {
    if (!view.ahead.size) {
      const gap = { first: view.last + 1n, last: roomEvent.seq - 1n, room: view.code };
      client.gaps.add(client.ask("HISTORY", gap));
    }
    view.ahead.set(roomEvent.seq, roomEvent);
  }
}

/** Apply the buffered events that are now next in order. */
function applyBuffered(client, view) {
  for (let next; (next = view.ahead.get(view.last + 1n)); ) {
    view.ahead.delete(next.seq);
    apply(client, view, next);
  }
  catchUp(client, view);
}

/** Add a past event to the HISTORY request that it answers. */
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
  const late = roomEvent.seq <= view.head;
  client.report("roomEvent", { event: roomEvent, kind, peer, own, late });
  if (MODERATION_KINDS.includes(roomEvent.kind)) followModeration(client, view, roomEvent, late);
  if (kind !== RoomKind.PRIVATE || roomEvent.sealed) return;
  if (roomEvent.kind === EventKind.RENAME && roomEvent.sender === peer) {
    view.peer = roomEvent.text;
  } else if (roomEvent.kind === EventKind.LEAVE && roomEvent.sender !== client.name) {
    // The conversation has ended: another user may take the name next.
    view.peer = "";
    const leaving = (asked) => asked.name === "LEAVE" && asked.fields.room === view.code;
    if (find(client.requests, leaving) === undefined) client.leave(view.code);
  }
}

/** Follow a moderator's change of a room. */
function followModeration(client, view, roomEvent, late) {
  const notice = parseNotice(roomEvent);
  if (roomEvent.kind === EventKind.REMOVED) {
    if (roomEvent.sender === client.name) view.removal = describe(notice);
  } else if (roomEvent.kind === EventKind.ROOM_CHANGED && !late) { // otherwise, ROOM_STATE was later
    if (notice.action === ModeratorAction.CLOSE) view.removal = describe(notice);
    else if (notice.action === ModeratorAction.TITLE) view.title = notice.text;
    else if (FLAGS[notice.action]) {
      const [flag, isSet] = FLAGS[notice.action];
      view.flags = isSet ? view.flags | flag : view.flags & ~flag;
    } else return;
    reportState(client, view);
  }
}

function reportState(client, { code: room, title, role, flags }) {
  client.report("roomState", { room, title, role, locked: Boolean(flags & LOCKED), readOnly: Boolean(flags & READ_ONLY) });
}

function roomState(client, { room, title, role, modes: flags }) {
  const view = client.memory.rooms.get(room);
  if (!view) return;
  Object.assign(view, { title, role, flags });
  reportState(client, view);
}

function historyEnd(client, { request, first, last, oldest, room }) {
  const events = client.past.get(request);
  const asked = client.requests.get(request);
  if (!events || asked?.name !== "HISTORY") return;
  if (first <= last && last < asked.fields.last) { // the answer was truncated: request the rest
    asked.fields = { ...asked.fields, first: last + 1n };
    client.send("HISTORY", asked.fields);
    return;
  }
  client.requests.delete(request);
  client.past.delete(request);
  if (client.gaps.delete(request)) skipGap(client, room);
  else client.report("past", { request, room, events, oldest });
}

/** Skip the events that the server no longer has, and continue after the gap. */
function skipGap(client, room) {
  const view = client.memory.rooms.get(room);
  if (!view?.ahead.size) return;
  const following = [...view.ahead.keys()].reduce((least, seq) => (seq < least ? seq : least));
  client.report("missed", { room, first: view.last + 1n, last: following - 1n });
  view.last = following - 1n;
  applyBuffered(client, view);
}

function left(client, message) {
  client.requests.delete(message.request);
  const view = client.memory.rooms.get(message.room);
  if (view) forget(client, view, "you left the room before it was acknowledged", view.removal);
}

/** Remove a room from the client's state; `lost` is the reason reported for its unsent messages. */
function forget(client, view, lost, why = "") {
  const { rooms, outbox } = client.memory;
  rooms.delete(view.code);
  client.sealing?.left(view.code);
  client.files.left(view.code);
  for (const send of [...outbox.values()].filter(({ room }) => room === view.code)) {
    outbox.delete(send.counter);
    client.report("undelivered", { ...send, why: lost });
  }
  client.report("left", { room: view.code, why });
}

function bye(client, message) {
  if (client.goodbye) {
    client.ended = true;
    const { token } = client.memory;
    client.memory.forgetSession();
    if (client.account && !client.isLoggingOut) client.memory.token = token; // it logs in again
    client.report("ended", { why: message.text, wanted: true });
  } else {
    client.byeText = message.text;
  }
}

function accountStatus(client, message) {
  const { request, role, name, token } = message;
  if (client.credentials && !client.online) {
    client.credentials = null;
    client.memory.token = new Uint8Array(0);
    client.account = name;
    client.introduce(name);
    return;
  }
  client.requests.delete(request);
  if (token.length) client.memory.token = token;
  client.account = name;
  client.role = role;
  client.report("account", { name, role, request });
}

/** Handle the refusal of a login or registration before HELLO. */
function entryRefused(client, { code, text, suggestion }) {
  client.credentials = null;
  const old = code === ErrorCode.BAD_FRAME || code === ErrorCode.UNEXPECTED;
  const why = old ? `The server does not support accounts: ${text}` : text;
  client.report("loginFailed", { why, code, suggestion });
  if (code < FIRST_REFUSAL) client.end(why);
  else if (client.memory.token.length) client.introduce(client.name); // the session of before
}

function error(client, message) {
  const { code, about, reference, text } = message;
  const { memory, requests } = client;
  const name = code === ErrorCode.NAME_TAKEN || code === ErrorCode.NAME_NOT_ALLOWED;
  if (code === ErrorCode.BAD_FRAME && client.isNoisy) {
    client.byeText = text; // the server closes the connection, and the next one is tried
  } else if (client.credentials && !client.online) {
    entryRefused(client, message);
  } else if (code === ErrorCode.LOGIN_REQUIRED && !client.online) {
    client.report("loginRequired", { name: client.name, why: text, suggestion: message.suggestion });
  } else if (name && !client.online) {
    client.report("refused", { why: text, suggestion: message.suggestion });
  } else if (FINAL.includes(code) || (code === ErrorCode.SERVER_FULL && !memory.token.length)) {
    client.end(text);
  } else if (TRANSFERS.includes(about)) {
    client.files.refused(message);
  } else if (MESSAGES_SENT.includes(about)) {
    if (client.sealing?.refused(reference, code, text)) return;
    const send = memory.outbox.get(reference);
    if (send) client.sealing?.dropped(send);
    if (memory.outbox.delete(reference)) client.report("undelivered", { ...send, why: text });
  } else if (about) {
    const number = Number(reference);
    const asked = requests.get(number);
    requests.delete(number);
    client.past.delete(number);
    client.gaps.delete(number);
    const queued = asked?.name === "PRIVATE" && memory.private.get(skeleton(asked.fields.name));
    if (queued) {
      memory.private.delete(skeleton(asked.fields.name));
      for (const message of queued) {
        client.report("undelivered", { text: message, why: text, to: asked.fields.name });
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

/** Return the key of the first entry whose value passes a test. */
function find(map, test) {
  for (const [key, value] of map) if (test(value)) return key;
  return undefined;
}

/** The handler of each message. */
export const HANDLERS = {
  WELCOME: welcome,
  JOINED: joined,
  EVENT: event,
  SEALED_EVENT: event,
  DEVICES: (client, message) => {
    if (client.requests.has(message.request)) client.sealing?.listed(message);
  },
  ACK: (client, { counter, room }) => {
    client.memory.outbox.delete(counter);
    client.sealing?.transmit(room);
  },
  HISTORY_END: historyEnd,
  FOUND: found,
  READ: read,
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
  PONG: () => {}, // receiving it is enough
  BYE: bye,
  ERROR: error,
  ACCOUNT_STATUS: accountStatus,
  ROOM_STATE: roomState,
  MODERATED: (client, { request, action, room }) => {
    client.requests.delete(request);
    client.report("moderated", { room, action });
  },
  BAN_LIST: (client, { request, room, bans, more }) => {
    client.requests.delete(request);
    client.report("banList", { request, room, bans, more: more === 1 });
  },
  UPLOAD_STATE: (client, message) => client.files.state(message),
  CHUNK: (client, message) => client.files.chunk(message),
  SERVERS: (client, { servers }) => { client.servers = servers; },
};
