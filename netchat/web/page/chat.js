// The model for the views: rooms, messages and members, built from the client's events.
// It touches no elements; views listen for its changes.

import { annotationText, describeAnnotation, MESSAGE_KINDS, parseAnnotation } from "./annotations.js";
import { describeOffer } from "./files.js";
import { mentions } from "./markup.js";
import { EventKind, ModeratorAction, RoomKind } from "./protocol.js";
import { skeleton } from "./outbox.js";
import { Room } from "./room.js";

const PAGE = 60; // events requested at a time when the user scrolls up
const MAX_PEOPLE = 2000; // names listed at most
const MAX_ENTRIES = 12_000; // in a room; above it, the oldest are dropped down to KEPT_ENTRIES
const KEPT_ENTRIES = 10_000;
const READ_DELAY = 3000; // milliseconds between reading a message and telling other devices
const NEW = "*"; // placeholder for the code of a requested room until the server creates it

export class Chat extends EventTarget {
  constructor(core) {
    super();
    this.core = core;
    this.rooms = new Map();
    this.current = null;
    this.awaited = ""; // code of the room to open once the server confirms it
    this.flush = this.keep = () => {}; // set by app.js
    this.whyUnsealed = ""; // why this browser cannot seal here; set by app.js
    const { rooms, roomStates } = core.memory;
    for (const { code, kind, peer } of rooms.values()) this.add(code, kind, peer);
    for (const [code, { peer, draft, failed }] of Object.entries(roomStates)) {
      if (rooms.has(code)) continue;
      if (peer && (draft || failed.length)) this.draft(peer); // a conversation that the server does not know yet
      else delete roomStates[code];
    }
    for (const peer of core.memory.private.keys()) this.draft(peer);
  }

  get name() { return this.core.name; }
  get unread() { return [...this.rooms.values()].reduce((sum, { kept }) => sum + kept.unread, 0); }

  /** The room's messages that the server has not acknowledged yet, in order. */
  pending(room) {
    if (room.draft) return (this.core.memory.private.get(skeleton(room.peer)) ?? []).map((text) => ({ text }));
    return [...this.core.memory.outbox.values()].filter((send) => send.room === room.code);
  }

  /** Whether a message in a room names the user. */
  isMention(room, { kind, text }) {
    if (room.private || ![EventKind.CHAT, EventKind.REPLY].includes(kind)) return false;
    const answered = kind === EventKind.REPLY ? parseAnnotation(kind, text) : null;
    const target = answered && room.find(answered.target);
    return mentions(answered?.text ?? text, this.name) || Boolean(target && this.own(target));
  }

  own(event) { return event.device !== 0n && event.device === this.core.device; }

  emit(topic, detail) { this.dispatchEvent(new CustomEvent(topic, { detail })); }
  on(topic, listener) { this.addEventListener(topic, ({ detail }) => listener(detail)); }

  // -- user actions ---------------------------------------------------------------------------

  open(room) {
    if (this.current === room) return;
    const left = this.current;
    if (left) left.watched = left.scrolledUp = false;
    if (left && !left.kept.unread) left.line = null;
    this.current = room;
    this.core.memory.current = room?.code ?? "";
    if (room && room.entries.length < PAGE) this.loadOlder(room);
    if (room && !room.draft && !room.over) this.askWho(room);
    this.emit("opened", room);
    this.emit("rooms");
  }

  say(room, text) {
    if (room.draft) this.core.tell(room.peer, text);
    else this.core.say(room.code, text);
    room.line = null;
    this.flush();
    this.emit("pending", room);
  }

  /** Edit, delete or answer a message of a room, or react to it; see `ChatClient.annotate`. */
  annotate(room, kind, target, text = "") {
    this.core.annotate(room.code, kind, target, text);
    this.flush();
    this.emit("pending", room);
  }

  /** Whether messages of a room can be answered, and get reactions. */
  canAnnotate(room) { return this.core.hasAnnotations && !room.over && !room.draft && !(room.readOnly && room.role === 0); }

  /** Whether the user can edit a message. */
  canEdit(room, event) {
    return this.canAnnotate(room) && this.own(event) && [EventKind.CHAT, EventKind.REPLY].includes(event.kind) &&
      !room.view(event).isDeleted && (!event.isSealed || event.isReadable);
  }

  /** Whether the user can delete a message: the own ones, and as a moderator those of others. */
  canDelete(room, event) {
    return this.canAnnotate(room) && MESSAGE_KINDS.includes(event.kind) && !room.view(event).isDeleted &&
      (this.own(event) || (room.role > 0 && !room.private));
  }

  /** Open a private conversation; the first message creates its room on the server. */
  openPrivate(name) {
    const wanted = skeleton(name);
    for (const room of this.rooms.values()) {
      if (room.private && !room.over && skeleton(room.peer) === wanted) return this.open(room);
    }
    return this.open(this.draft(name));
  }

  draft(name) {
    const room = this.add(draftCode(name), RoomKind.PRIVATE, name);
    room.draft = room.begins = true;
    room.kept.peer = name;
    return room;
  }

  /** Join a room; of a sealed one, `secret` is its secret, of 16 bytes. */
  join(code, secret = null) {
    const room = this.rooms.get(code);
    if (secret) this.core.sealing?.invite(code, secret);
    if (room && !room.over) {
      this.flush();
      return this.open(room);
    }
    this.awaited = code;
    this.core.join(code);
    return this.flush();
  }

  /** Create a room. Returns a problem, or an empty string. */
  create(isSealed = false) {
    if (isSealed && !this.core.sealing?.isActive) return this.whyUnsealed || "This server does not support sealed rooms.";
    this.awaited = NEW;
    if (isSealed) this.core.sealing.create();
    else this.core.create();
    this.flush();
    return "";
  }

  leave(room) {
    if (room.over || room.draft) return this.remove(room);
    room.leaving = true;
    this.core.leave(room.code);
    return this.flush();
  }

  loadOlder(room, count = PAGE) {
    if (room.asked || room.begins || room.over) return;
    room.asked = this.core.history(room.code, count, room.entries[0]?.seq);
    this.flush();
  }

  /** Search a room; a "found" event follows. Continue with `searched` of the event before. */
  search(room, words, before) {
    const request = this.core.search(room.code, words, before);
    this.flush();
    return request;
  }

  moderate(room, action, fields) {
    this.core.moderate(room.code, action, fields);
    this.flush();
  }

  askBans(room) {
    room.bans = { request: this.core.bans(room.code), list: [] };
    this.flush();
  }

  /** Request all events of a room, and pass them to `done`. */
  exportRoom(room, done) {
    room.export = { events: [], done, request: this.core.range(room.code, 1n, room.last || 1n) };
    this.flush();
  }

  askWho(room) {
    if (room.private || room.over || !this.core.online) return;
    room.roster = { request: this.core.who(room.code), people: new Map() };
    this.flush();
  }

  /** Note whether the user can see the end of the current room. */
  watch(isWatching) {
    const { current: room } = this;
    room.watched = isWatching;
    if (!isWatching || !room.markRead()) return;
    this.shareRead(room);
    this.emit("rooms");
  }

  /** Tell the account's other devices what has been read, once no more follows for a moment. */
  shareRead(room) {
    clearTimeout(this.readTimer);
    this.readTimer = setTimeout(() => {
      this.core.markRead(room.code, room.read);
      this.flush();
    }, READ_DELAY);
    this.readTimer.unref?.();
  }

  // -- client events --------------------------------------------------------------------------

  take(events) {
    const touched = new Map(); // room -> its new entries
    for (const event of events) this[`on_${event.what}`]?.(event, touched);
    for (const [room, entries] of touched) {
      this.emit("appended", { room, entries });
      if (room.entries.length > MAX_ENTRIES && !room.scrolledUp) {
        room.trim(KEPT_ENTRIES);
        this.emit("trimmed", room);
      }
    }
    for (const { what, ...detail } of events) if (what !== "roomEvent") this.emit(what, detail);
    if (touched.size) this.emit("rooms");
  }

  on_online() {
    for (const room of this.rooms.values()) if (room === this.current || room.isNamedByPeople) this.askWho(room);
  }

  on_read({ room: code, seq }) {
    if (this.rooms.get(code)?.readElsewhere(seq)) this.emit("rooms");
  }

  on_entered({ room: code, kind, peer, known }) {
    let room = this.rooms.get(code);
    if (room && !known) { // the code is known, but its log is a different one
      room.entries = [];
      room.begins = false;
      room.asked = 0;
      room.kept.read = "0";
      room.kept.unread = 0;
      room.line = null;
      const isNewLog = !room.over; // otherwise the user rejoined and the same events follow
      room.over = false;
      this.emit("reset", { room, isNewLog });
    }
    room ??= this.add(code, kind, peer);
    const draft = this.rooms.get(draftCode(peer));
    if (draft?.draft) this.replaceDraft(draft, room);
    else if (this.awaited === ([RoomKind.ROOM, RoomKind.SEALED].includes(kind) && !known && this.awaited === NEW ? NEW : code)) {
      this.awaited = "";
      this.open(room);
    }
    if (!known && (room === this.current || room.isNamedByPeople)) this.askWho(room);
    if (!room.entries.length) this.loadOlder(room);
    this.emit("rooms");
  }

  /** Replace a draft conversation with the room that the server has created for it. */
  replaceDraft(draft, room) {
    room.kept.failed = draft.failed;
    room.kept.draft = draft.kept.draft;
    this.rooms.delete(draft.code);
    delete this.core.memory.roomStates[draft.code];
    this.emit("removed", draft);
    if (this.current === draft) this.open(room);
  }

  on_roomState({ room: code, title, role, locked, readOnly }) {
    const room = this.rooms.get(code);
    if (!room) return;
    Object.assign(room, { name: title, role, locked, readOnly });
    this.emit("described", room);
    this.emit("rooms");
  }

  on_banList({ request, room: code, bans, more }) {
    const room = this.rooms.get(code);
    if (room?.bans?.request !== request) return;
    room.bans.list.push(...bans);
    if (more && bans.length) {
      room.bans.request = this.core.bans(code, bans.at(-1).number);
      this.flush();
    } else {
      this.emit("bans", { room, bans: room.bans.list });
      room.bans = null;
    }
  }

  on_roomEvent({ event, peer, own, isKnown }, touched) {
    const room = this.rooms.get(event.room);
    if (!room) return;
    if (event.kind === EventKind.ROOM_CHANGED && Number(event.counter) === ModeratorAction.CLEAR) {
      room.clearBefore(event.seq);
      touched.delete(room);
      this.emit("cleared", room);
    }
    if (isKnown && event.seq <= room.last) return; // from the history already
    const entry = { seq: event.seq, event };
    const isNew = !own && !isKnown && event.seq > room.read;
    const isMention = isNew && this.isMention(room, event);
    room.append(entry, own || isKnown, isMention);
    if (isNew && room.watched) this.shareRead(room);
    if (own && !isKnown) room.markRead(); // the user who writes has read the others; and the room is listed after a reload
    if (isMention || (isNew && room.private && [EventKind.CHAT, EventKind.REPLY].includes(event.kind))) {
      this.emit("notable", { room, event, text: room.view(event).text });
    }
    if (room.private && event.kind === EventKind.RENAME && event.sender === peer) room.peer = event.text;
    if (!touched.has(room)) touched.set(room, []);
    touched.get(room).push(entry);
  }

  on_sealingWarning({ room: code, text }) {
    const room = this.rooms.get(code);
    if (!room || room.warnings.includes(text)) return;
    room.warnings.push(text);
    this.emit("pending", room);
  }

  on_missed({ room: code, first, last }, touched) {
    const room = this.rooms.get(code);
    if (!room) return;
    const entry = { seq: last, missed: last - first + 1n };
    room.append(entry, false);
    if (!touched.has(room)) touched.set(room, []);
    touched.get(room).push(entry);
  }

  on_past({ request, room: code, events, oldest }) {
    const room = this.rooms.get(code);
    if (room?.export?.request === request) return this.continueExport(room, events, oldest);
    if (room?.asked !== request) return;
    room.asked = 0;
    const entries = room.prepend(events, oldest);
    this.emit("prepended", { room, entries });
  }

  continueExport(room, events, oldest) {
    const { export: saved } = room;
    saved.events.push(...events);
    const next = events.length ? events.at(-1).seq + 1n : oldest;
    if (next <= room.last && (events.length || oldest > 1n) && saved.next !== next) {
      saved.next = next;
      saved.request = this.core.range(room.code, next, room.last);
      this.flush();
    } else {
      room.export = null;
      saved.done(saved.events);
    }
  }

  on_people({ request, room: code, members, more, total }) {
    const room = this.rooms.get(code);
    const { roster } = room ?? {};
    const isPartial = more && members.length > 0 && roster?.people.size + members.length < MAX_PEOPLE;
    if (!room?.addMembers(request, members, total, !isPartial) || !isPartial) return;
    roster.request = this.core.who(code, members.at(-1).name);
    this.flush();
  }

  on_left({ room: code, why }) {
    const room = this.rooms.get(code);
    if (!room) return;
    if (room.entries.length && !room.leaving) { // keep the messages until the user closes the room
      room.over = true;
      room.why = why;
      room.asked = 0;
      this.emit("rooms");
    } else {
      this.remove(room);
    }
  }

  on_undelivered({ why, to, ...send }) {
    const room = this.rooms.get(send.room ?? draftCode(to));
    room?.failed.push({ text: shownText(send), why });
    if (room) this.emit("pending", room);
  }

  on_declined({ request }) {
    for (const room of this.rooms.values()) {
      if (room.asked && room.asked === request?.fields.request) room.asked = 0;
    }
  }

  add(code, kind, peer) {
    const room = new Room(this.core.memory.roomStates, code, kind, peer);
    this.rooms.set(code, room);
    return room;
  }

  remove(room) {
    this.rooms.delete(room.code);
    delete this.core.memory.roomStates[room.code];
    this.emit("removed", room);
    if (this.current === room) this.open(this.rooms.values().next().value ?? null);
    this.emit("rooms");
  }
}

/** Return what users read about a message in the outbox. */
export function shownText({ text, kind, target, isOffer }) {
  if (kind) return describeAnnotation(kind, annotationText(kind, target, text));
  return isOffer ? describeOffer(text) : text;
}

/** Placeholder for the code of a private room that does not exist yet; real codes have no @. */
const draftCode = (name) => `@${skeleton(name)}`;
