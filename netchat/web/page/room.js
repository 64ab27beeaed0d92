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
    this.unlisted = 0; // members beyond those listed
    this.roster = null; // the list that is being received: {request, people}
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
  /** How many members the room has. */
  get total() { return this.people.size + this.unlisted; }
  /** Whether there is anything in it; an empty private room that a peer opened is not listed. */
  get spoken() {
    const { draft, entries, kept } = this;
    return Boolean(draft || entries.length || kept.unread || kept.read !== "0" || kept.draft || kept.failed.length);
  }
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

  /** Take in a part of the list of members. Returns whether it was expected. */
  list(request, members, total, complete) {
    const { roster } = this;
    if (roster?.request !== request) return false; // a newer request replaced it
    for (const { name, away } of members) roster.people.set(name, away === 1);
    if (complete) {
      this.people = roster.people;
      this.unlisted = Math.max(0, total - roster.people.size);
      this.roster = null;
    }
    return true;
  }

  /** Keep the members up to date with an event, and those of a list that is still incomplete. */
  follow({ kind, sender, text }) {
    if (kind === EventKind.LEAVE && !this.people.has(sender)) this.unlisted = Math.max(0, this.unlisted - 1);
    for (const people of [this.people, this.roster?.people]) {
      if (kind === EventKind.JOIN) people?.set(sender, false);
      else if (kind === EventKind.LEAVE) people?.delete(sender);
      else if (kind === EventKind.RENAME && people?.delete(sender)) people.set(text, false);
    }
  }
}

/** The lobby first, then rooms, then private conversations. */
export const inOrder = (rooms) => [
  ...rooms.filter(({ code }) => code === LOBBY),
  ...rooms.filter((room) => !room.private && room.code !== LOBBY),
  ...rooms.filter((room) => room.private),
];
