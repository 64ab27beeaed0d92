// What this page seals and opens. Counterpart of netchat/chat/client_sealing.py.
//
// WebCrypto is asynchronous, the client is not. So everything here runs in one queue: the client's events
// pass through it, in order, before the page sees them, and texts wait in the outbox until it has sealed
// them.

import { ANNOTATIONS } from "./annotations.js";
import { sealedContent } from "./client.js";
import { parseOffer } from "./files.js";
import { skeleton } from "./outbox.js";
import { ErrorCode, EventKind, MESSAGES, RoomKind } from "./protocol.js";
import {
  checkValue, DeviceKey, EMPTY, hex, newSecret, pairNumber, roomNumber, same, SealingError, showSecret,
} from "./seal_crypto.js";
import { load, save } from "./seal_store.js";
import { changedKeys, Pins, SealedRoom } from "./sealed_room.js";

const COUNTER_GAP = 16n; // counters per sealed message; see client_sealing.py
const SAVE_DELAY = 300; // ms
const MOVES = [EventKind.JOIN, EventKind.LEAVE, EventKind.REMOVED]; // they change the members of a room

export class Sealing {
  /** Load the keys of a client from the browser's store, or make new ones. */
  static async from(core) {
    const sealing = new Sealing();
    sealing.core = core;
    sealing.id = hex(core.memory.deviceKey.slice(0, 8));
    const saved = await load(sealing.id);
    sealing.device = saved ? await DeviceKey.from(saved.pairs) : await DeviceKey.generate();
    sealing.pins = new Pins(saved?.pins);
    Object.assign(sealing, {
      rooms: new Map(), invited: new Map(saved?.invited ?? []), created: new Map(), sealed: new Map(), sent: new Set(),
      rekeys: new Map(), spent: new Map(), lists: new Map(), devices: new Map(), safety: new Map(), reported: new Map(),
      isActive: false, generation: 0, flush: () => {}, queue: Promise.resolve(), busy: 0, deliver: () => {}, plaintexts: new Map(),
    });
    for (const [code, room] of saved?.rooms ?? []) {
      sealing.rooms.set(code, await SealedRoom.load(sealing.device, sealing.pins, newRun(), room));
    }
    if (saved) sealing.setBack(core.memory.rooms.values());
    await sealing.save();
    return sealing;
  }

  /** Get those events again that the stored keys lack: the client's position is saved elsewhere, and may be ahead. */
  setBack(views) {
    for (const view of views) {
      const { code, kind, log, last } = view;
      if (kind !== RoomKind.SEALED && kind !== RoomKind.PRIVATE) continue;
      const room = this.rooms.get(code);
      const seq = room?.log === log ? room.transcript.seq : 0n;
      if (last <= seq) continue;
      this.reported.set(code, last);
      view.last = seq;
    }
  }

  save() {
    clearTimeout(this.saving);
    this.saving = undefined;
    return save(this.id, {
      pairs: this.device.pairs, pins: this.pins.saved, invited: [...this.invited],
      rooms: [...this.rooms].filter(([, room]) => room.transcript).map(([code, room]) => [code, room.dump()]), at: Date.now(),
    });
  }

  /** Save after the tasks that wait: in the middle of one, the state of its room is not consistent. */
  saveNext() { this.queue = this.queue.then(() => this.save()); }

  /** Run a task after all earlier ones, then send what it has left to send. */
  enqueue(task) {
    this.busy += 1;
    this.queue = this.queue.then(task).catch((error) => console.error(error)).finally(() => {
      this.busy -= 1;
      this.saving ??= setTimeout(() => this.saveNext(), SAVE_DELAY);
      this.flush();
    });
    return this.queue;
  }

  /** Run a task after the events that the client is about to report: they came before it. */
  afterEvents(task) { queueMicrotask(() => this.enqueue(task)); }

  /** Pass events on to `deliver`, in order, once those that are sealed are open. */
  pass(events, deliver) {
    this.deliver = deliver;
    const concerns = ({ what, room, event }) =>
      (what === "roomEvent" || what === "past") && this.rooms.has(room ?? event.room);
    if (!this.busy && !events.some(concerns)) return deliver(events);
    return this.enqueue(async () => {
      const shown = [];
      for (const event of events) {
        if (!concerns(event)) shown.push(event);
        else if (event.what === "past") shown.push(await this.openPast(event));
        else shown.push(await this.openNext(event));
      }
      deliver(shown);
    });
  }

  warn(room, text) { this.deliver([{ what: "sealingWarning", room, text }]); }

  // -- called by the client -------------------------------------------------------------------

  online() {
    this.isActive = true;
    this.core.send("DEVICE", { room: "", epoch: 0, keys: this.device.bundle, proof: EMPTY });
  }

  lost() {
    this.generation += 1;
    for (const kept of [this.sent, this.devices, this.lists]) kept.clear();
    for (const code of this.rekeys.keys()) this.requestRekey(code); // if it has arrived, its event removes the request
  }

  /** Whether a room's texts go through here. */
  handles(view) {
    return this.isActive && (view.kind === RoomKind.SEALED || view.kind === RoomKind.PRIVATE);
  }

  entered(view, request) {
    if (!this.handles(view)) return;
    const { code, log, last } = view;
    const isPrivate = view.kind === RoomKind.PRIVATE;
    this.askDevices(code);
    const known = this.rooms.get(code);
    if (known?.log === log) return;
    // A placeholder at once, so that the room's events wait in the queue.
    const placeholder = { log, epochs: new Map(), isPrivate };
    this.rooms.set(code, placeholder);
    if (known) this.reported.delete(code);
    this.enqueue(async () => {
      const room = await SealedRoom.from(this.device, this.pins, log, newRun(), last, isPrivate);
      for (const send of this.core.memory.outbox.values()) {
        if (send.room === code) this.sealed.delete(send.counter); // sealed for the earlier log
      }
      if (known?.keys) this.invited.set(code, known.keys.secret); // the server has recovered its history
      const secret = this.created.get(request);
      this.created.delete(request);
      if (secret) await room.setSecret(secret, 1);
      if (this.rooms.get(code) === placeholder) this.rooms.set(code, room);
      if (secret) await this.reportSecret(code);
    });
  }

  left(code) {
    for (const kept of [this.rooms, this.invited, this.rekeys, this.devices, this.reported]) kept.delete(code);
  }

  /** Handle the refusal of a SEALED_SEND. Returns whether it is dealt with. */
  refused(counter, code, why) {
    const isOld = code === ErrorCode.OLD_EPOCH;
    for (const [room, rekey] of this.rekeys) {
      if (rekey !== counter) continue;
      this.rekeys.delete(room);
      this.rooms.get(room)?.forgetUnsent();
      if (!isOld) {
        this.warn(room, `the room's secret could not be changed: ${why}`);
        this.dropWaiting(room, why);
      }
      return true;
    }
    return isOld;
  }

  /** Give up messages that the server will not take, such as those of a muted user. */
  dropWaiting(room, why) {
    const { outbox } = this.core.memory;
    for (const send of [...outbox.values()]) {
      if (send.room !== room || this.sent.has(send.counter)) continue;
      outbox.delete(send.counter);
      this.acknowledged(send.counter);
      this.core.report("undelivered", { ...send, why });
    }
  }

  dropped({ counter, room }) {
    this.acknowledged(counter);
    this.rooms.get(room)?.forgetUnsent?.();
    this.transmit(room);
  }

  acknowledged(counter) {
    this.sealed.delete(counter);
    this.spent.delete(counter);
    this.sent.delete(counter);
  }

  // -- user actions ---------------------------------------------------------------------------

  /** Request a new sealed room. */
  async create() {
    const secret = newSecret();
    const request = this.core.ask("CREATE_SEALED", { check: await checkValue(secret, 1) });
    this.created.set(request, secret);
    this.flush();
  }

  /** Note the secret of a room that the user is about to join, or is in already. */
  invite(code, secret) {
    this.invited.set(code, secret);
    if (this.rooms.has(code)) this.askDevices(code);
  }

  /** Return a room's secret as in its link, or an empty string. */
  secret(code) {
    const keys = this.rooms.get(code)?.keys;
    return keys ? showSecret(keys.secret) : "";
  }

  isSealed(code) {
    const room = this.rooms.get(code);
    return Boolean(room) && (!room.isPrivate || room.epoch > 0);
  }

  /** Return whether files for a room must be sealed; null if it is not known yet. */
  sealsFiles(code) {
    const room = this.rooms.get(code), { peer } = this.core.memory.rooms.get(code) ?? {};
    if (!room) return false;
    if (this.isSealed(code) || (peer && this.pins.get(peer))) return true;
    const members = this.devices.get(code);
    return members ? members.size > 0 : null;
  }

  askSafety(code, name = "") {
    if (!this.rooms.has(code)) throw new SealingError("This room is not sealed.");
    this.safety.set(this.core.ask("DEVICE_LIST", { room: code, after: "" }), name);
    this.flush();
  }

  rekey(code) {
    return this.enqueue(async () => {
      const room = this.rooms.get(code);
      if (!room?.keys) return this.warn(code, "this device does not have the room's secret");
      room.mustRekey = true;
      if (!this.rekeys.get(code)) this.requestRekey(code);
      return this.send(code);
    });
  }

  /** Note that a room needs a REKEY as soon as possible, even if no message waits for it. */
  requestRekey(code) {
    this.core.memory.counter += COUNTER_GAP;
    this.rekeys.set(code, 0n);
  }

  /** Whether a message to a room is in flight. */
  hasSent(code) {
    return [...this.core.memory.outbox.values()].some((send) => send.room === code && this.sent.has(send.counter));
  }

  // -- device lists ---------------------------------------------------------------------------

  askDevices(code) {
    for (const { name, fields } of this.core.requests.values()) {
      if (name === "DEVICE_LIST" && fields.room === code) return;
    }
    this.devices.delete(code);
    this.core.ask("DEVICE_LIST", { room: code, after: "" });
  }

  listed(message) {
    const { request, room: code, more, devices } = message;
    const found = [...(this.lists.get(request) ?? []), ...devices];
    this.lists.set(request, found);
    if (more && devices.length) {
      const fields = { request, room: code, after: devices.at(-1).name };
      this.core.requests.set(request, { name: "DEVICE_LIST", fields });
      this.core.send("DEVICE_LIST", fields);
      return;
    }
    this.core.requests.delete(request);
    this.lists.delete(request);
    this.afterEvents(() => this.apply(code, message, found));
  }

  async apply(code, { request, epoch, check }, found) {
    const room = this.rooms.get(code), safety = this.safety.get(request);
    this.safety.delete(request);
    if (!room?.transcript) return;
    if (!room.isPrivate) await this.checkSecret(code, room, epoch, check);
    const members = await room.members(found);
    members.delete(this.core.name);
    this.devices.set(code, members);
    if (room.isPrivate) {
      for (const [name, keys] of members) if (!this.pins.check(name, keys)) this.warn(code, changedKeys(name));
    } else if (room.keys && room.epoch === epoch) {
      for (const text of room.review(members)) this.warn(code, text);
      const own = found.find(({ keys }) => same(keys, this.device.bundle));
      if (own?.epoch !== epoch) {
        const { generation } = this;
        const proof = await room.keys.proof(this.device.keys);
        if (generation === this.generation) this.core.send("DEVICE", { room: code, epoch, keys: this.device.bundle, proof });
      }
    }
    if (safety !== undefined) await this.reportSafety(code, room, safety);
    await this.send(code);
  }

  async checkSecret(code, room, epoch, check) {
    const secret = this.invited.get(code);
    this.invited.delete(code);
    const isCurrent = room.keys && room.epoch >= epoch;
    if (isCurrent && (!check.length || same(room.keys.check, check))) return;
    if (secret && same(await checkValue(secret, epoch), check)) {
      await room.setSecret(secret, epoch);
      await this.reportSecret(code);
    } else if (!room.keys) {
      this.warn(code, secret
        ? "the secret in the link is not the room's current one: a member has changed it. Ask for the new link"
        : "this room is sealed, and its secret is missing: join it with its whole link");
    }
  }

  async reportSafety(code, room, name) {
    const members = this.devices.get(code);
    let number, names = [name];
    if (name) {
      const pinned = this.pins.get(name);
      const keys = [...members].find(([other]) => skeleton(other) === skeleton(name))?.[1]
        ?? (pinned && Uint8Array.from(pinned.match(/../g), (pair) => parseInt(pair, 16)));
      if (!keys) return this.warn(code, `the keys of ${name} are not known yet`);
      number = await pairNumber(this.device.keys, keys);
    } else if (!room.keys) {
      return this.warn(code, "this device does not have the room's secret");
    } else {
      number = await roomNumber(room.log, room.epoch, room.keys.check, [...members.values(), this.device.keys]);
      names = [...members.keys(), this.core.name].sort();
    }
    this.deliver([{ what: "safety", room: code, name, names, isVerified: Boolean(name) && this.pins.isVerified(name), ...number }]);
    return undefined;
  }

  async reportSecret(code) {
    await this.save(); // at once: a secret that is lost makes the room unreadable
    const room = this.rooms.get(code);
    this.deliver([{ what: "secret", room: code, epoch: room.epoch, secret: this.secret(code) }]);
  }

  // -- sending --------------------------------------------------------------------------------

  transmit(code) { this.afterEvents(() => this.send(code)); }

  async send(code) {
    const { core } = this;
    const view = core.memory.rooms.get(code), room = this.rooms.get(code);
    if (!view || !room?.transcript || !core.online || !view.isCaughtUp) return;
    const waiting = [...core.memory.outbox.values()].filter((send) => send.room === code && !this.sent.has(send.counter));
    if (!waiting.length && this.rekeys.get(code) !== 0n) return;
    if (room.mustRekey || (room.isPrivate && !room.epoch)) {
      if (this.hasSent(code)) return; // a REKEY must follow this device's last message, which may still be refused
      const members = this.devices.get(code);
      if (!members) this.askDevices(code);
      else if (room.isPrivate && !members.size && !room.epoch) this.sendUnsealed(view, waiting);
      else if (!this.rekeys.get(code)) await this.sendRekey(code, room, members, waiting);
    } else if (room.keys) {
      for (const send of waiting) await this.sendSealed(room, send);
    }
  }

  /** Send private messages to a user whose program cannot open sealed ones. */
  sendUnsealed(view, waiting) {
    for (const send of waiting) {
      if (view.peer && this.pins.get(view.peer)) { // a server must not be able to switch sealing off
        this.core.memory.outbox.delete(send.counter);
        const why = `${view.peer} had keys before, and the server now says that it has no keys; ` +
          `/safety ${view.peer} forget allows messages that are not sealed`;
        this.deliver([{ what: "undelivered", ...send, why }]);
        continue;
      }
      if (send.isOffer && parseOffer(send.text).key.length) {
        this.refuseOffer(send, "the other user's program cannot open sealed files");
        continue;
      }
      this.core.sendWaiting(send);
      this.sent.add(send.counter);
    }
  }

  async sendRekey(code, room, members, waiting) {
    const { core } = this;
    let { counter } = core.memory;
    if (waiting.length) {
      const spent = (this.spent.get(waiting[0].counter) ?? 0n) + 1n;
      this.spent.set(waiting[0].counter, spent);
      counter = waiting[0].counter - COUNTER_GAP + spent;
      if (spent >= COUNTER_GAP) {
        core.memory.outbox.delete(waiting[0].counter);
        this.deliver([{ what: "undelivered", ...waiting[0], why: "the room's secret was changed too often in the meantime" }]);
        return;
      }
    }
    room.forgetUnsent();
    const { generation } = this;
    const sealed = await room.rekey(counter, core.name, [...members.values()]);
    if (generation !== this.generation) return; // the connection was lost meanwhile
    this.rekeys.set(code, counter);
    core.send("SEALED_SEND", { counter, room: code, sealed: [sealed] });
  }

  refuseOffer(send, why) {
    this.core.memory.outbox.delete(send.counter);
    this.deliver([{ what: "undelivered", ...send, why }]);
  }

  async sendSealed(room, send) {
    const { counter, room: code, text, isOffer } = send;
    const { generation } = this;
    if (isOffer && !parseOffer(text).key.length) {
      this.refuseOffer(send, "the conversation became sealed meanwhile; send the file again");
      return;
    }
    let sealed = this.sealed.get(counter);
    if (sealed?.epoch !== room.epoch) {
      const { text: content, ...more } = sealedContent(send);
      sealed = await room.seal(counter, this.core.name, content, more);
      this.sealed.set(counter, sealed);
    }
    if (generation !== this.generation) return;
    this.core.send("SEALED_SEND", { counter, room: code, sealed: [sealed] });
    this.sent.add(counter);
    this.plaintexts.set(`${code} 0 ${counter}`, { name: this.core.name, text: sealedContent(send).text });
  }

  // -- receiving ------------------------------------------------------------------------------

  async openNext(report) {
    const { event, own } = report, { room: code } = event;
    const room = this.rooms.get(code);
    report.isKnown = event.seq <= (this.reported.get(code) ?? 0n);
    if (own) this.acknowledged(event.counter);
    if (!room?.transcript) return report;
    if (event.seq <= room.transcript.seq) { // this page had stored the room's state, but not its position
      const opened = (await room.openPast([event])).get(event.seq);
      return { ...report, event: opened ? this.shown(event, opened) : event };
    }
    if (!event.sealed) {
      const problems = await room.observe(event);
      if (MOVES.includes(event.kind)) {
        this.devices.delete(code);
        await this.send(code);
      }
      return { ...report, event: problems.length ? { ...event, problems } : event };
    }
    const secret = room.keys ? undefined : this.invited.get(code);
    if (secret && await room.trySecret(secret, event)) await this.reportSecret(code);
    const { epoch } = room;
    const opened = await room.open(event);
    if (room.epoch !== epoch) {
      await this.changedEpoch(code, room);
      if (!own && !room.isPrivate && await room.hasStrangers(event)) this.askDevices(code);
    } else if (own && room.mustRekey) await this.send(code);
    return { ...report, event: this.shown(event, opened) };
  }

  async changedEpoch(code, room) {
    this.rekeys.delete(code);
    if (room.keys && !room.isPrivate) await this.reportSecret(code);
    else await this.save();
    room.forgetUnsent();
    for (const send of this.core.memory.outbox.values()) {
      if (send.room !== code) continue;
      this.sent.delete(send.counter);
      this.sealed.delete(send.counter);
    }
    await this.send(code);
  }

  async openPast(report) {
    const room = this.rooms.get(report.room);
    if (!room?.transcript) return report;
    const opened = await room.openPast(report.events);
    let followsSealed = false;
    const events = report.events.map((event) => {
      followsSealed ||= Boolean(event.sealed);
      if (event.sealed) return this.shown(event, opened.get(event.seq));
      const problems = room.unsealedProblems(event, followsSealed);
      return problems.length ? { ...event, problems } : event;
    });
    return { ...report, events };
  }

  /** Return an opened message as the EVENT that it would be in an ordinary room. */
  shown(event, { name, text, isReadable, problems }) {
    const { seq, time, device, counter, room, sealed: [{ kind }] } = event;
    if (isReadable) this.plaintexts.set(`${room} ${device} ${counter}`, { name, text });
    if (this.plaintexts.size > 1000) this.plaintexts.delete(this.plaintexts.keys().next().value);
    return {
      seq, time, device, counter, room, sender: name, text, isSealed: true, isReadable, problems,
      kind: [EventKind.REKEY, EventKind.FILE, ...ANNOTATIONS].includes(kind) ? kind : EventKind.CHAT,
    };
  }
}

/** Return a random number for the nonces of one object of a room; see client_sealing.py. */
const newRun = () => crypto.getRandomValues(new Uint32Array(1))[0];

/** Type number of SEALED_SEND, for refusals. */
export const SEALED_SEND = MESSAGES.SEALED_SEND.type;
