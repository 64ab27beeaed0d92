// A room as the page sees it: its events, its members, and the user's read position.

import { AnnotationLog, MESSAGE_KINDS } from "./annotations.js";
import { parseNotice } from "./moderation_text.js";
import { EventKind, ModeratorAction, RoomKind } from "./protocol.js";
import { LOBBY, showCode } from "./text.js";

/** A room's state that survives a reload; `failed` holds undelivered messages: {text, why}. */
const blank = () => ({ read: "0", unread: 0, draft: "", failed: [] });

export class Room {
  /**
   * @param states that state of all rooms, by code; see `Memory`.
   */
  constructor(states, code, kind, peer) {
    this.code = code;
    this.kind = kind;
    this.peer = peer;
    this.entries = []; // events and gaps, in order: {seq, event} or {seq, missed}
    this.annotations = new AnnotationLog(); // edits, deletions and reactions of these events
    this.people = new Map(); // name -> away
    this.unlisted = 0; // members beyond those listed
    this.roster = null; // the member list being received: {request, people}
    this.begins = false; // the server has no events before the first entry
    this.asked = 0; // number of the pending request for older events; or 0
    this.warnings = []; // about its seal
    this.over = false; // it ended, but stays readable until the user closes it
    this.why = ""; // why the server refuses the user, if the room still exists
    this.line = null; // sequence number of the event after which the unread separator goes
    this.name = ""; // title that a moderator has given it
    this.role = 0; // the user's rights: 0 member, 1 moderator, 2 owner
    this.locked = this.readOnly = false;
    this.watched = false; // the user can see the newest message
    this.scrolledUp = false; // the user is reading older messages
    this.kept = states[code] ??= blank();
  }

  get private() { return this.kind === RoomKind.PRIVATE; }
  get joinable() { return this.kind === RoomKind.ROOM || this.sealed; }
  get sealed() { return this.kind === RoomKind.SEALED; }
  get title() { return this.private ? this.peer : this.name || showCode(this.code); }
  /** Whether lists name the room by its members, because it has no title. */
  get isNamedByPeople() { return this.joinable && !this.name; }
  get failed() { return this.kept.failed; }
  /** Number of members. */
  get total() { return this.people.size + this.unlisted; }
  /** Whether the room has any content; an empty private room that a peer opened is not listed. */
  get hasContent() {
    const { draft, entries, kept } = this;
    return Boolean(draft || entries.length || kept.unread || kept.read !== "0" || kept.draft || kept.failed.length);
  }
  get last() { return this.entries.at(-1)?.seq ?? 0n; }
  get read() { return BigInt(this.kept.read); }

  /** Return the present state of a message; see AnnotationLog. */
  view(event) { return this.annotations.view(event); }

  /** Return the event with a sequence number, if it is loaded. */
  find(seq) {
    let low = 0, high = this.entries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.entries[middle].seq < seq) low = middle + 1;
      else high = middle;
    }
    return this.entries[low]?.seq === seq ? this.entries[low].event : undefined;
  }

  /** Append a new entry; `isMention` if it names the user. */
  append(entry, own, isMention = false) {
    this.entries.push(entry);
    const { event } = entry;
    if (event) this.annotations.add(event);
    if (event && !this.private) this.updateMembers(event);
    if (this.watched) this.markRead();
    if (own || !MESSAGE_KINDS.includes(event?.kind) || event.seq <= this.read) return;
    this.line ??= this.read;
    this.kept.unread += 1;
    this.kept.isMentioned ||= isMention;
  }

  /** Insert older events at the start. Returns the entries that were new. */
  prepend(events, oldest) {
    const first = this.entries[0]?.seq;
    const older = events.filter(({ seq }) => first === undefined || seq < first);
    const entries = older.map((event) => ({ seq: event.seq, event }));
    this.entries.unshift(...entries);
    for (const event of older) this.annotations.add(event);
    this.begins = !older.length || older[0].seq <= oldest;
    if (this.kept.unread && this.line === null) this.line = this.read;
    return entries;
  }

  /** Drop the oldest entries and keep the last `count`; the server still has the others. */
  trim(count) {
    this.entries.splice(0, this.entries.length - count);
    this.begins = false;
  }

  /** Drop all entries before the one with sequence number `seq`: a moderator has cleared them. */
  clearBefore(seq) {
    this.entries = this.entries.filter((entry) => entry.seq >= seq);
    this.annotations.clearBefore(seq);
    this.begins = true;
    this.kept.unread = 0;
    this.kept.isMentioned = false;
    this.line = null;
  }

  /** Mark everything as read. Returns whether this changed anything. */
  markRead() {
    const { last, kept } = this;
    if (last <= this.read && !kept.unread) return false;
    kept.read = String(last);
    kept.unread = 0;
    kept.isMentioned = false;
    return true;
  }

  /** Note that the user has read up to an event on another device. Returns whether this changed anything. */
  readElsewhere(seq) {
    if (seq <= this.read) return false;
    const { kept } = this;
    kept.read = String(seq);
    const left = this.entries.filter((entry) => entry.seq > seq && MESSAGE_KINDS.includes(entry.event?.kind));
    kept.unread = Math.min(kept.unread, left.length);
    if (!kept.unread) kept.isMentioned = false;
    return true;
  }

  /** Add a part of the member list. Returns whether it was expected. */
  addMembers(request, members, total, complete) {
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

  /** Return whether a member is muted, by the events that are here; undefined if those do not tell. */
  isMuted(name, now = Date.now()) {
    for (let i = this.entries.length - 1, known = name; i >= 0; i -= 1) {
      const { event } = this.entries[i];
      if (event?.kind === EventKind.RENAME && event.text === known) known = event.sender;
      if (event?.kind !== EventKind.MODERATED || event.sender !== known) continue;
      const { action, seconds } = parseNotice(event);
      if (action === ModeratorAction.UNMUTE) return false;
      if (action === ModeratorAction.MUTE) return !seconds || Number(event.time / 1000n) + seconds * 1000 > now;
    }
    return this.begins ? false : undefined;
  }

  /** Update the members after an event, also in a list that is still incomplete. */
  updateMembers({ kind, sender, text }) {
    const isDeparture = kind === EventKind.LEAVE || kind === EventKind.REMOVED;
    if (isDeparture && !this.people.has(sender)) this.unlisted = Math.max(0, this.unlisted - 1);
    for (const people of [this.people, this.roster?.people]) {
      if (kind === EventKind.JOIN) people?.set(sender, false);
      else if (isDeparture) people?.delete(sender);
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
