// What the views show: the rooms and what was said in them, made of the client's events.
// No element is touched here; views listen to what has changed.

import { EventKind, RoomKind } from "./protocol.js";
import { skeleton } from "./memory.js";
import { Room } from "./room.js";

const PAGE = 60; // events asked for at a time, when somebody scrolls up
const MAX_PEOPLE = 2000; // names that are listed
const MOST = 12_000; // entries of a room; with more, the oldest are let go, down to
const KEPT = 10_000;
const NEW = "*"; // stands for the code of the room that was asked for and is not there yet

export class Chat extends EventTarget {
  constructor(core) {
    super();
    this.core = core;
    this.rooms = new Map();
    this.current = null;
    this.wanted = ""; // the room that is opened as soon as it is entered
    this.flush = this.keep = () => {}; // set by whoever drives the core
    const { rooms, shelf } = core.memory;
    for (const { code, kind, peer } of rooms.values()) this.add(code, kind, peer);
    for (const code of Object.keys(shelf)) if (!rooms.has(code)) delete shelf[code];
    for (const peer of core.memory.private.keys()) this.draft(peer);
  }

  get name() { return this.core.name; }
  get unread() { return [...this.rooms.values()].reduce((sum, { kept }) => sum + kept.unread, 0); }

  /** Messages of a room that have found no echo yet, in order. */
  pending(room) {
    if (room.draft) return (this.core.memory.private.get(skeleton(room.peer)) ?? []).map((text) => ({ text }));
    return [...this.core.memory.outbox.values()].filter((send) => send.room === room.code);
  }

  own(event) { return event.device !== 0n && event.device === this.core.device; }

  emit(topic, detail) { this.dispatchEvent(new CustomEvent(topic, { detail })); }
  on(topic, listener) { this.addEventListener(topic, ({ detail }) => listener(detail)); }

  // -- what the user does ---------------------------------------------------------------------

  open(room) {
    if (this.current === room) return;
    const left = this.current;
    if (left) left.watched = left.scrolledUp = false;
    if (left && !left.kept.unread) left.line = null;
    this.current = room;
    this.core.memory.current = room?.code ?? "";
    if (room && !room.entries.length) this.loadOlder(room);
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

  /** Open the private conversation with somebody; the room itself comes with the first message. */
  converse(name) {
    const wanted = skeleton(name);
    for (const room of this.rooms.values()) {
      if (room.private && !room.over && skeleton(room.peer) === wanted) return this.open(room);
    }
    return this.open(this.draft(name));
  }

  draft(name) {
    const room = this.add(draftCode(name), RoomKind.PRIVATE, name);
    room.draft = room.begins = true;
    return room;
  }

  join(code) {
    const room = this.rooms.get(code);
    if (room && !room.over) return this.open(room);
    this.wanted = code;
    this.core.join(code);
    return this.flush();
  }

  create() {
    this.wanted = NEW;
    this.core.create();
    this.flush();
  }

  leave(room) {
    if (room.over || room.draft) return this.remove(room);
    room.leaving = true;
    this.core.leave(room.code);
    return this.flush();
  }

  loadOlder(room) {
    if (room.asked || room.begins || room.over) return;
    room.asked = this.core.history(room.code, PAGE, room.entries[0]?.seq);
    this.flush();
  }

  askWho(room) {
    if (room.private || room.over || !this.core.online) return;
    room.roster = { request: this.core.who(room.code), people: new Map() };
    this.flush();
  }

  /** Somebody looks at the end of the current room, or does not. */
  watch(looks) {
    const { current: room } = this;
    room.watched = looks;
    if (looks && room.see()) this.emit("rooms");
  }

  // -- what happens ---------------------------------------------------------------------------

  take(events) {
    const touched = new Map(); // room -> its new entries
    for (const event of events) this[`on_${event.what}`]?.(event, touched);
    for (const [room, entries] of touched) {
      this.emit("appended", { room, entries });
      if (room.entries.length > MOST && !room.scrolledUp) {
        room.trim(KEPT);
        this.emit("trimmed", room);
      }
    }
    for (const { what, ...detail } of events) if (what !== "roomEvent") this.emit(what, detail);
    if (touched.size) this.emit("rooms");
  }

  on_online() {
    for (const room of this.rooms.values()) if (room === this.current) this.askWho(room);
  }

  on_entered({ room: code, kind, peer, known }) {
    let room = this.rooms.get(code);
    if (room && !known) { // another log under an old code
      room.entries = [];
      room.begins = false;
      room.asked = 0;
      room.kept.read = "0";
      room.kept.unread = 0;
      room.line = null;
      const anew = !room.over; // else it was joined again, and its events come again
      room.over = false;
      this.emit("reset", { room, anew });
    }
    room ??= this.add(code, kind, peer);
    const draft = this.rooms.get(draftCode(peer));
    if (draft?.draft) this.moveIn(draft, room);
    else if (this.wanted === (kind === RoomKind.ROOM && !known && this.wanted === NEW ? NEW : code)) {
      this.wanted = "";
      this.open(room);
    }
    if (!known && room === this.current) this.askWho(room);
    if (!room.entries.length) this.loadOlder(room);
    this.emit("rooms");
  }

  /** The private room that was written to before it existed is there. */
  moveIn(draft, room) {
    room.kept.failed = draft.failed;
    room.kept.draft = draft.kept.draft;
    this.rooms.delete(draft.code);
    delete this.core.memory.shelf[draft.code];
    this.emit("removed", draft);
    if (this.current === draft) this.open(room);
  }

  on_roomEvent({ event, peer, own }, touched) {
    const room = this.rooms.get(event.room);
    if (!room) return;
    const entry = { seq: event.seq, event };
    room.append(entry, own);
    if (room.private && event.kind === EventKind.RENAME && event.sender === peer) room.peer = event.text;
    if (!touched.has(room)) touched.set(room, []);
    touched.get(room).push(entry);
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
    if (room?.asked !== request) return;
    room.asked = 0;
    const entries = room.prepend(events, oldest);
    this.emit("prepended", { room, entries });
  }

  on_people({ request, room: code, members, more, total }) {
    const room = this.rooms.get(code);
    const { roster } = room ?? {};
    const goesOn = more && members.length > 0 && roster?.people.size + members.length < MAX_PEOPLE;
    if (!room?.list(request, members, total, !goesOn) || !goesOn) return;
    roster.request = this.core.who(code, members.at(-1).name);
    this.flush();
  }

  on_left({ room: code, why }) {
    const room = this.rooms.get(code);
    if (!room) return;
    if (room.entries.length && !room.leaving) { // what was said stays until it is closed
      room.over = true;
      room.why = why;
      room.asked = 0;
      this.emit("rooms");
    } else {
      this.remove(room);
    }
  }

  on_undelivered({ room: code, text, why, to }) {
    const room = this.rooms.get(code ?? draftCode(to));
    room?.failed.push({ text, why });
    if (room) this.emit("pending", room);
  }

  on_declined({ request }) {
    for (const room of this.rooms.values()) {
      if (room.asked && room.asked === request?.fields.request) room.asked = 0;
    }
  }

  add(code, kind, peer) {
    const room = new Room(this.core.memory.shelf, code, kind, peer);
    this.rooms.set(code, room);
    return room;
  }

  remove(room) {
    this.rooms.delete(room.code);
    delete this.core.memory.shelf[room.code];
    this.emit("removed", room);
    if (this.current === room) this.open(this.rooms.values().next().value ?? null);
    this.emit("rooms");
  }
}

/** What stands for the code of a private room that is not there yet; no room has such a one. */
const draftCode = (name) => `@${skeleton(name)}`;
