// The devices that the server lists as members of a sealed room, compared with the room's events.
// Counterpart of netchat/chat/sealing/member_devices.py.

import { skeleton } from "./outbox.js";

export class MemberDevices {
  constructor({ listed = [], joined = [], departedAt = 0n, rekeyedAt = 0n, isReviewed = false } = {}) {
    Object.assign(this, { departedAt, rekeyedAt, isReviewed });
    this.listed = new Map(listed); // skeleton of a name -> hex of the keys of the device that was listed
    this.seqs = new Map(joined); // skeleton of a name -> sequence number of its JOIN
  }

  joined(name, seq) { this.seqs.set(skeleton(name), seq); }

  left(name, seq) {
    for (const kept of [this.seqs, this.listed]) kept.delete(skeleton(name));
    this.departedAt = seq;
  }

  renamed(old, name) {
    for (const kept of [this.seqs, this.listed]) {
      const value = kept.get(skeleton(old));
      if (!kept.delete(skeleton(old))) continue;
      kept.set(skeleton(name), value);
    }
  }

  rekeyed(seq) { this.rekeyedAt = seq; }

  /**
   * Compare a list of members (name -> hex of the keys) with what is known, and note it. Returns [name,
   * whether another device was listed before] of each device that may be a former member's, each once.
   */
  review(members) {
    const found = [];
    for (const [name, keys] of members) {
      const before = this.listed.get(skeleton(name));
      if (before !== keys && this.isReviewed && (before || this.isLate(name))) found.push([name, before !== undefined]);
      this.listed.set(skeleton(name), keys);
    }
    this.isReviewed = true;
    return found;
  }

  /** Whether a name was not here at the last departure, nor came with a later secret. */
  isLate(name) {
    const seq = this.seqs.get(skeleton(name)) ?? 0n;
    if (!this.departedAt || (seq > 0n && seq < this.departedAt)) return false;
    return !(seq > this.rekeyedAt && this.rekeyedAt > this.departedAt);
  }

  dump() {
    const { listed, seqs, departedAt, rekeyedAt, isReviewed } = this;
    return { listed: [...listed], joined: [...seqs], departedAt, rekeyedAt, isReviewed };
  }
}
