// One member's side of a sealed room: its secrets, and what it checks in each message.
// Counterpart of netchat/chat/sealing/sealed_room.py and transcript.py, with the same rules.

import { ANNOTATIONS } from "./annotations.js";
import { skeleton } from "./outbox.js";
import { encode, EventKind, HEADER_SIZE } from "./protocol.js";
import { MemberDevices } from "./member_devices.js";
import {
  checkBundle, checkValue, concat, EMPTY, EpochKeys, hex, isValid, label, linkOf, newSecret, openSealed, same,
  SealingError, sealText, sha256, shortId, signedPart, u32, u64, unhex, wrap,
} from "./seal_crypto.js";

const KEPT = 1024; // events for which the hash is kept
const MAX_SENDERS = 4096;

/** Kinds of events that a server adds to a sealed room. Any other EVENT imitates a sealed message. */
const UNSEALED_KINDS = [
  EventKind.JOIN, EventKind.LEAVE, EventKind.RENAME, EventKind.REMOVED, EventKind.MODERATED, EventKind.ROOM_CHANGED,
];

/** Hash chain over a room's events. */
class Transcript {
  static async from(log, seq = 0n, value = EMPTY) {
    const transcript = new Transcript();
    transcript.log = log;
    await transcript.restart(seq, value);
    return transcript;
  }

  async restart(seq, value) {
    this.seq = this.first = seq;
    this.value = seq || value.length ? value : await sha256(label("netchat view 1"), u64(this.log));
    this.digests = new Map();
    this.values = new Map(this.value.length ? [[seq, this.value]] : []);
  }

  async add(seq, body) {
    if (seq !== this.seq + 1n) await this.restart(seq - 1n, EMPTY);
    const digest = await sha256(body);
    this.seq = seq;
    this.digests.set(seq, digest);
    if (this.value.length) this.values.set(seq, (this.value = await sha256(this.value, digest)));
    if (this.digests.size > KEPT) {
      const [old] = this.digests.keys();
      this.digests.delete(old);
      this.values.delete(old - 1n);
      this.first = old;
    }
  }

  /** Whether another member's hash agrees with this one; if this one is unknown, continue from the other. */
  async agrees(seq, value) {
    if (!value.length || seq < this.first || seq > this.seq) return true;
    if (this.value.length) return same(this.values.get(seq) ?? value, value);
    this.values.set(seq, value);
    let current = value;
    for (let at = seq + 1n; at <= this.seq; at += 1n) {
      this.values.set(at, (current = await sha256(current, this.digests.get(at))));
    }
    this.value = current;
    return true;
  }
}

/** The device keys seen under each name. */
export class Pins {
  // skeleton of a name -> [hex of the keys, verified]; without a prototype, for a user called "constructor"
  constructor(saved = {}) { this.saved = Object.assign(Object.create(null), saved); }
  get(name) { return this.saved[skeleton(name)]?.[0]; }
  isVerified(name) { return Boolean(this.saved[skeleton(name)]?.[1]); }
  markVerified(name) { if (this.get(name)) this.saved[skeleton(name)][1] = true; }
  forget(name) { delete this.saved[skeleton(name)]; }

  /** Pin the keys of a name. Returns false if other ones were pinned before. */
  check(name, keys) {
    const known = this.get(name);
    if (known === hex(keys)) return true;
    this.saved[skeleton(name)] = [hex(keys), false];
    return known === undefined;
  }

  rename(old, name) {
    const known = this.saved[skeleton(old)];
    if (known) this.saved[skeleton(name)] ??= [...known];
  }
}

export const changedKeys = (name) =>
  `the keys of ${name} have changed: another device, another person with this name, or a server that is ` +
  "reading along; compare the safety number";

const bodyOf = (name, event) => encode(name, event).slice(HEADER_SIZE);

export class SealedRoom {
  static async from(device, pins, log, run, seq, isPrivate) {
    const room = new SealedRoom();
    Object.assign(room, {
      device, pins, log, run, isPrivate, epoch: 0, mustRekey: false, leftAt: 0n,
      link: EMPTY, lastSealed: 0n, // to this device's last message, and its counter
      epochs: new Map(), senders: new Map(), gone: new Set(), renames: new Map(), disagreeing: new Set(),
      memberDevices: new MemberDevices(),
    });
    room.transcript = await Transcript.from(log, seq);
    return room;
  }

  get keys() { return this.epochs.get(this.epoch); }
  get rekeyReason() { return this.leftAt ? "a member left the room" : ""; }

  /**
   * Take over the secret of a link if it opens a message; return whether it does. The message may arrive
   * before the answer that tells the room's epoch.
   */
  async trySecret(secret, { sealed: [sealed], counter }) {
    const epoch = sealed.epoch - (sealed.kind === EventKind.REKEY ? 1 : 0);
    if (epoch < 1) return false;
    try {
      const keys = await EpochKeys.from(secret, this.log, epoch);
      await openSealed(sealed, signedPart(sealed, this.log, counter), keys, counter);
    } catch {
      return false;
    }
    await this.setSecret(secret, epoch);
    return true;
  }

  async setSecret(secret, epoch) {
    this.epochs.set(epoch, await EpochKeys.from(secret, this.log, epoch));
    this.epoch = Math.max(this.epoch, epoch);
  }

  // -- sending --------------------------------------------------------------------------------

  async seal(counter, name, text, more = {}) {
    const { seq: seen, value: view } = this.transcript;
    const sealed = await sealText(this.device, this.keys ?? null, this.log, counter, name, text,
      { run: this.run, seen, view, previous: this.link, ...more });
    [this.link, this.lastSealed] = [await linkOf(sealed, signedPart(sealed, this.log, counter)), counter];
    return sealed;
  }

  /** Return the keys of those devices that have proved to be members, by name. */
  async members(devices) {
    const found = new Map();
    for (const { name, epoch, keys: bundle, proof } of devices) {
      const keys = await checkBundle(bundle);
      if (!keys) continue;
      const isMember = this.isPrivate || (this.keys && epoch === this.epoch && !this.gone.has(hex(keys)) &&
        same(proof, await this.keys.proof(keys)));
      if (isMember) found.set(name, keys);
    }
    return found;
  }

  /** Return warnings about listed devices that may be a former member's, each once. */
  review(members) {
    const listed = [...members].map(([name, keys]) => [name, hex(keys)]);
    return this.memberDevices.review(listed).map(([name, isOther]) => (isOther ? changedKeys(name)
      : `the device of ${name} is new here since a member left, and has proved only a secret that the former ` +
        `member knows too; compare the safety number: /safety ${name}`));
  }

  /** Whether a REKEY gives the secret to devices that were not listed here yet. */
  async hasStrangers({ sealed: [{ wraps }] }) {
    const known = new Set([await shortId(this.device.keys)]);
    for (const keys of this.memberDevices.listed.values()) known.add(await shortId(unhex(keys)));
    return wraps.some(({ device }) => !known.has(device));
  }

  /** Make a REKEY: a new secret for the members. It is used once it comes back as an event. */
  async rekey(counter, name, members) {
    const epoch = this.epoch + 1, secret = newSecret();
    const next = await EpochKeys.from(secret, this.log, epoch);
    const info = this.rekeyInfo(epoch, this.device.keys);
    const wraps = [];
    const all = new Map([this.device.keys, ...members].map((keys) => [hex(keys), keys]));
    for (const [, keys] of [...all].sort()) {
      wraps.push({ device: await shortId(keys), ...(await wrap(secret, keys, info)), proof: await next.proof(keys) });
    }
    return this.seal(counter, name, this.rekeyReason, { kind: EventKind.REKEY, epoch, check: next.check, wraps });
  }

  rekeyInfo(epoch, keys) { return concat(label("netchat rekey 1"), u64(this.log), u32(epoch), keys); }

  /** Continue after this device's last message in the log: later ones were refused. */
  forgetUnsent() {
    const own = this.senders.get(hex(this.device.keys));
    [this.link, this.lastSealed] = [own?.link ?? EMPTY, own?.counter ?? 0n];
  }

  // -- receiving ------------------------------------------------------------------------------

  /** Handle an event that is not sealed. Returns what is wrong with it. */
  async observe(event) {
    await this.transcript.add(event.seq, bodyOf("EVENT", event));
    const { kind, sender } = event;
    if (kind === EventKind.JOIN) {
      this.memberDevices.joined(sender, event.seq);
      this.gone.delete(this.pins.get(sender));
      const last = this.senders.get(this.pins.get(sender));
      if (last) last.hasRejoined = true; // it may have forgotten its last message
    }
    if (kind === EventKind.LEAVE || kind === EventKind.REMOVED) {
      const keys = this.pins.get(sender);
      if (keys) this.gone.add(keys);
      this.memberDevices.left(sender, event.seq);
      if (!this.isPrivate) [this.mustRekey, this.leftAt] = [true, event.seq];
    }
    if (kind === EventKind.RENAME) {
      this.renames.set(skeleton(sender), { to: skeleton(event.text), seq: event.seq });
      this.pins.rename(sender, event.text);
      this.memberDevices.renamed(sender, event.text);
    }
    return this.unsealedProblems(event, this.epoch > 0);
  }

  /** Return what is wrong with an event because it is not sealed. */
  unsealedProblems({ kind }, followsSealed) {
    if (UNSEALED_KINDS.includes(kind)) return [];
    if (!this.isPrivate) return ["this text is not sealed: the server has inserted it, or changed the room"];
    return followsSealed || ![EventKind.CHAT, EventKind.FILE, EventKind.ERASED, ...ANNOTATIONS].includes(kind) ? ["this text is not sealed, although earlier ones were"] : [];
  }

  /** Open the next sealed message of the log. Returns {name, text, keys, isReadable, problems}. */
  async open(event) {
    const [sealed] = event.sealed;
    const body = bodyOf("SEALED_EVENT", event);
    let signed;
    try {
      signed = signedPart(sealed, this.log, event.counter);
      if (!(await isValid(sealed, signed))) throw new SealingError("its signature is invalid");
    } catch (error) {
      await this.transcript.add(event.seq, body);
      return unreadable(event.sender, [error.message], EMPTY);
    }
    const problems = await this.orderProblems(event, sealed, await linkOf(sealed, signed));
    await this.transcript.add(event.seq, body);
    if (sealed.kind === EventKind.REKEY) return this.applyRekey(event, sealed, signed, problems);
    const keys = this.epochs.get(sealed.epoch);
    if (sealed.epoch !== this.epoch && (keys || this.epoch)) {
      problems.push("it is sealed with an old secret, which former members know");
    }
    return this.opened(event, sealed, signed, keys, problems);
  }

  async opened(event, sealed, signed, keys, problems) {
    const { sender, counter } = event;
    if (!keys) return unreadable(sender, [...problems, NO_SECRET], sealed.key);
    let plain;
    try {
      plain = await openSealed(sealed, signed, keys, counter);
    } catch (error) {
      return unreadable(sender, [...problems, error.message], sealed.key);
    }
    const isRenamed = this.isRenamed(plain.name, event, sealed);
    problems.push(...this.senderProblems(plain.name, event, isRenamed, sealed.key));
    return { name: isRenamed ? sender : plain.name, text: plain.text, keys: sealed.key, isReadable: true, problems };
  }

  async orderProblems(event, sealed, link) {
    const problems = [];
    const id = hex(sealed.key), last = this.senders.get(id);
    if (last && event.counter <= last.counter) {
      problems.push("it is repeated or out of order: the server sent a later one first");
    } else {
      const hasRestarted = last?.hasRejoined && !sealed.previous.length;
      if (last && !same(sealed.previous, last.link) && !hasRestarted) problems.push("an earlier message from this sender is missing");
      this.senders.delete(id);
      this.senders.set(id, { name: event.sender, counter: event.counter, link });
      if (this.senders.size > MAX_SENDERS) this.senders.delete(this.senders.keys().next().value);
      // Sealed before the state was loaded, which was stored earlier still.
      if (id === hex(this.device.keys) && event.counter > this.lastSealed) [this.link, this.lastSealed] = [link, event.counter];
    }
    if (sealed.seen >= event.seq) {
      problems.push("the sender has seen more events than this device");
    } else if (await this.transcript.agrees(sealed.seen, sealed.view)) {
      if (sealed.view.length) this.disagreeing.delete(id);
    } else if (!this.disagreeing.has(id)) {
      this.disagreeing.add(id);
      problems.push("the sender has seen different events: the server shows members different versions of this room");
    }
    if (this.gone.has(id)) problems.push("its sender has left the room");
    return problems;
  }

  senderProblems(stated, { sender }, isRenamed, keys) {
    const problems = [];
    if (skeleton(stated) !== skeleton(sender) && !isRenamed) {
      problems.push(`the server says that ${sender} sent it, but it is signed by ${stated}`);
    }
    if (!this.pins.check(stated, keys)) problems.push(changedKeys(stated));
    return problems;
  }

  isRenamed(stated, { sender }, { seen }) {
    const renamed = this.renames.get(skeleton(stated));
    return renamed?.to === skeleton(sender) && seen < renamed.seq;
  }

  async applyRekey(event, sealed, signed, problems) {
    let opened;
    if (this.isPrivate && !this.epoch) { // there is no secret yet that could seal the reason
      problems.push(...this.senderProblems(event.sender, event, false, sealed.key));
      opened = { name: event.sender, text: "", keys: sealed.key, isReadable: true, problems };
    } else {
      opened = await this.opened(event, sealed, signed, this.epochs.get(sealed.epoch - 1), problems);
      problems = opened.problems;
    }
    const isFromMember = opened.isReadable && !this.gone.has(hex(sealed.key));
    if (sealed.epoch !== this.epoch + 1 || !(isFromMember || !this.keys)) {
      problems.push("the room's secret is not changed by this message");
      return { ...opened, problems };
    }
    this.epoch = sealed.epoch;
    this.memberDevices.rekeyed(event.seq);
    if (this.leftAt <= sealed.seen) [this.mustRekey, this.leftAt] = [false, 0n];
    // Without the old secret, a device cannot tell a member's REKEY from one that the server made.
    if (!isFromMember) return { ...opened, problems };
    try {
      await this.setSecret(await this.unwrap(sealed), this.epoch);
    } catch (error) {
      problems.push(error.message);
    }
    return { ...opened, problems };
  }

  async unwrap(sealed) {
    const own = await shortId(this.device.keys);
    const found = sealed.wraps.find(({ device }) => device === own);
    if (!found) throw new SealingError("this device was not given the new secret; ask for the new link");
    const secret = await this.device.unwrap(found.enc, found.secret, this.rekeyInfo(sealed.epoch, sealed.key));
    if (secret.length !== 16 || !same(await checkValue(secret, sealed.epoch), sealed.check)) {
      throw new SealingError("this device was given a different secret from the other members");
    }
    return secret;
  }

  /**
   * Open consecutive sealed events of the history, without changing the state. Only the last signature of
   * each sender is verified, which covers the earlier messages that it is linked to.
   */
  async openPast(events) {
    const followed = new Map(); // sender -> link that its later, verified message states
    const sealed = await Promise.all(events.filter((event) => event.sealed).map((event) => this.linked(event)));
    for (const each of sealed.toReversed()) {
      const stated = followed.get(each.sender);
      each.isValid = !each.why && ((stated && same(stated, each.link)) || (await isValid(each.sealed, each.signed)));
      if (each.isValid) followed.set(each.sender, each.sealed.previous);
    }
    return new Map(await Promise.all(sealed.map(async (each) => {
      const { event, signed, why } = each;
      const problem = why || "its signature is invalid";
      return [event.seq, each.isValid ? await this.past(event, each.sealed, signed) : unreadable(event.sender, [problem], EMPTY)];
    })));
  }

  /** Return a sealed event with what its signature covers and the link to it. */
  async linked(event) {
    const [sealed] = event.sealed;
    try {
      const signed = signedPart(sealed, this.log, event.counter);
      return { event, sealed, signed, sender: hex(sealed.key), link: await linkOf(sealed, signed) };
    } catch ({ message: why }) {
      return { event, sealed, why };
    }
  }

  async past(event, sealed, signed) {
    const epoch = sealed.epoch - (sealed.kind === EventKind.REKEY ? 1 : 0);
    if (!epoch) return { name: event.sender, text: "", keys: sealed.key, isReadable: true, problems: [] };
    const keys = this.epochs.get(epoch);
    if (!keys) return unreadable(event.sender, [NO_SECRET], sealed.key);
    try {
      const { name, text } = await openSealed(sealed, signed, keys, event.counter);
      const known = this.pins.get(name) ?? hex(sealed.key);
      const problems = known === hex(sealed.key) ? [] : [`${name} had different keys then`];
      return { name, text, keys: sealed.key, isReadable: true, problems };
    } catch (error) {
      return unreadable(event.sender, [error.message], sealed.key);
    }
  }

  // -- the store ------------------------------------------------------------------------------

  dump() {
    const { log, epoch, isPrivate, epochs, transcript, mustRekey, leftAt, gone, senders, memberDevices } = this;
    return {
      log, epoch, isPrivate, mustRekey, leftAt, gone: [...gone], seq: transcript.seq, view: transcript.value,
      memberDevices: memberDevices.dump(),
      secrets: [...epochs.values()].map((keys) => [keys.epoch, keys.secret]),
      senders: [...senders].map(([id, sender]) => [id, { ...sender }]),
    };
  }

  static async load(device, pins, run, saved) {
    const room = await SealedRoom.from(device, pins, saved.log, run, saved.seq, saved.isPrivate);
    for (const [epoch, secret] of saved.secrets) await room.setSecret(secret, epoch);
    room.transcript = await Transcript.from(saved.log, saved.seq, saved.view);
    const { epoch, mustRekey, leftAt } = saved;
    Object.assign(room, { epoch, mustRekey, leftAt, gone: new Set(saved.gone), senders: new Map(saved.senders) });
    room.memberDevices = new MemberDevices(saved.memberDevices); // undefined: of an earlier version
    room.forgetUnsent();
    return room;
  }
}

const NO_SECRET = "this device does not have the secret it is sealed with";
const unreadable = (name, problems, keys) => ({ name, text: "", keys, isReadable: false, problems });
