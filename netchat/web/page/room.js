// One room as this page knows it: its events, its people, and how far its user has read.

import { EventKind, RoomKind } from "./protocol.js";
import { LOBBY, showCode } from "./text.js";

/** What is kept of a room over a reload; `failed` are messages that were not delivered: {text, why}. */
const blank = () => ({ read: "0", unread: 0, draft: "", failed: [] });

export class Room {
  /**
   * @param shelf where that is, by code; see `Memory`.
   */
  constructor(shelf, code, kind, peer) {
    this.code = code;
    this.kind = kind;
    this.peer = peer;
    this.entries = []; // events and gaps, in order: {seq, event} or {seq, missed}
    this.people = new Map(); // name -> away
    this.begins = false; // nothing is kept in front of the first entry
    this.asked = 0; // number of the request for older ones, while it is under way
    this.over = false; // it ended without having been left: it can be read until it is closed
    this.why = ""; // if the server has it still, why it does not take the user back
    this.line = null; // the unread line stands behind this event
    this.watched = false; // its end is in front of somebody's eyes
    this.scrolledUp = false; // somebody reads what is older
    this.kept = shelf[code] ??= blank();
  }

  get private() { return this.kind === RoomKind.PRIVATE; }
  get joinable() { return this.kind === RoomKind.ROOM; }
  get title() { return this.private ? this.peer : showCode(this.code); }
  get failed() { return this.kept.failed; }
  get last() { return this.entries.at(-1)?.seq ?? 0n; }
  get read() { return BigInt(this.kept.read); }

  /** Something new, at the end. */
  append(entry, own) {
    this.entries.push(entry);
    const { event } = entry;
    if (event && !this.private) this.follow(event);
    if (this.watched) this.see();
    if (own || event?.kind !== EventKind.CHAT || event.seq <= this.read) return;
    this.line ??= this.read;
    this.kept.unread += 1;
  }

  /** Older events, in front. Returns those that were not there yet. */
  prepend(events, oldest) {
    const first = this.entries[0]?.seq;
    const older = events.filter(({ seq }) => first === undefined || seq < first);
    const entries = older.map((event) => ({ seq: event.seq, event }));
    this.entries.unshift(...entries);
    this.begins = !older.length || older[0].seq <= oldest;
    if (this.kept.unread && this.line === null) this.line = this.read;
    return entries;
  }

  /** Let the oldest go, but for so many; they can be asked for again. */
  trim(count) {
    this.entries.splice(0, this.entries.length - count);
    this.begins = false;
  }

  /** Everything was seen. Returns whether that is news. */
  see() {
    const { last, kept } = this;
    if (last <= this.read && !kept.unread) return false;
    kept.read = String(last);
    kept.unread = 0;
    return true;
  }

  follow({ kind, sender, text }) {
    if (kind === EventKind.JOIN) this.people.set(sender, false);
    else if (kind === EventKind.LEAVE) this.people.delete(sender);
    else if (kind === EventKind.RENAME && this.people.delete(sender)) this.people.set(text, false);
  }
}

/** The lobby first, then rooms, then private conversations. */
export const inOrder = (rooms) => [
  ...rooms.filter(({ code }) => code === LOBBY),
  ...rooms.filter((room) => !room.private && room.code !== LOBBY),
  ...rooms.filter((room) => room.private),
];
