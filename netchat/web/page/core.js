// The client's rules, without I/O: bytes in, events and frames out.
//
// The counterpart of netchat/chat/client.py, and held to the same tests. Whoever drives it calls
// `connected`, hands it what arrives (`feed`), sends what it wants sent (`takeFrames`), shows what
// happens (`takeEvents`), and tells it when the connection is gone (`lost`). It keeps the
// delivery contract: what was said stays in the outbox until its echo comes, and each room's events
// are applied in order, once.

import { answer } from "./handlers.js";
import { Memory, skeleton } from "./memory.js";
import { encode, FrameReader, RoomKind } from "./protocol.js";

export class ChatClient {
  constructor(name, memory = new Memory(), software = "netchat page") {
    this.name = name;
    this.memory = memory;
    this.software = software;
    this.online = false; // HELLO was answered with WELCOME on the present connection
    this.ended = false; // nothing more will come, and no other connection should be made
    this.maxText = 0; // bytes the server takes in one message
    this.device = 0n;
    this.byeText = ""; // what the server said when it closed the last connection
    this.goodbye = null;
    this.requests = new Map(); // number -> {name, fields}, until it is answered
    this.past = new Map(); // number of a HISTORY -> its events so far
    this.holes = new Set(); // numbers of those HISTORYs that close a gap
    this.out = [];
    this.events = [];
    this.nextRequest = 1;
    this.reader = new FrameReader();
  }

  // -- what the driver calls ------------------------------------------------------------------

  /** A new connection to the server stands: say HELLO. */
  connected() {
    this.reader = new FrameReader();
    this.out = [];
    this.introduce(this.name);
  }

  /** Say HELLO, at first or after a name was refused. */
  introduce(name) {
    const { deviceKey: device, token, rooms } = this.memory;
    const positions = [...rooms.values()].map((v) => ({ room: v.code, log: v.log, last: v.last }));
    this.out.push(
      encode("HELLO", {
        features: 0, device, token, name,
        software: this.software,
        positions: token.length ? positions : [],
      }),
    );
    this.name = this.memory.name = name;
  }

  /** Bytes have arrived. Throws if the server broke the protocol. */
  feed(data) {
    let frames;
    try {
      frames = this.reader.push(data);
    } catch (error) {
      for (const frame of error.frames ?? []) answer(this, frame); // those in front of it count
      throw error;
    }
    for (const frame of frames) answer(this, frame);
    return frames;
  }

  /** The frames to be sent now. */
  takeFrames() {
    const frames = this.out;
    this.out = [];
    return frames;
  }

  /** What has happened since the last call, in order. */
  takeEvents() {
    const events = this.events;
    this.events = [];
    return events;
  }

  /** The connection is gone. */
  lost() {
    this.online = false;
    this.out = [];
    for (const view of this.memory.rooms.values()) {
      view.begun = view.open = false;
      view.ahead.clear();
    }
    for (const number of this.holes) { // the next connection begins where each room was left
      this.requests.delete(number);
      this.past.delete(number);
    }
    this.holes.clear();
  }

  /** Ask the server for a sign of life. */
  ping() {
    this.send("PING", { time: 0n });
  }

  // -- what the user does ---------------------------------------------------------------------

  /** Say something in a room the user is in; it is kept until its echo comes. Returns its counter. */
  say(room, text) {
    const view = this.memory.rooms.get(room);
    if (!view) throw new Error(`not in the room ${room}`);
    const counter = this.memory.counter + 1n;
    const send = { counter, room, text };
    const frame = encode("SEND", send); // before it is kept: what cannot be encoded never leaves
    this.memory.counter = counter;
    this.memory.outbox.set(counter, send);
    if (this.online && view.open) this.out.push(frame);
    return counter;
  }

  /** Say something to one other user in private. */
  tell(name, text) {
    encode("PRIVATE", { request: 0, name }); // before it is kept, as in `say`
    encode("SEND", { counter: 0n, room: "", text });
    const wanted = skeleton(name);
    for (const view of this.memory.rooms.values()) {
      if (view.kind === RoomKind.PRIVATE && skeleton(view.peer) === wanted) {
        this.say(view.code, text);
        return;
      }
    }
    const waiting = this.memory.private.get(wanted) ?? [];
    this.memory.private.set(wanted, [...waiting, text]);
    if (!waiting.length) this.ask("PRIVATE", { name });
  }

  join(room) { return this.ask("JOIN", { log: 0n, after: 0n, room }); }
  create() { return this.ask("CREATE", {}); }
  leave(room) { return this.ask("LEAVE", { room }); }
  who(room, after = "") { return this.ask("WHO", { room, after }); }
  rename(name) { return this.ask("RENAME", { name }); }

  /** Ask for the last `count` events of a room; those in front of `before`, if it is given. */
  history(room, count, before) {
    let last = this.memory.rooms.get(room)?.last ?? 0n;
    if (before !== undefined && before - 1n < last) last = before - 1n;
    const first = last - BigInt(count) + 1n;
    return this.ask("HISTORY", { first: first > 1n ? first : 1n, last, room });
  }

  /** End the session, now or as soon as there is one. */
  bye(text = "") {
    this.goodbye = encode("BYE", { text });
    if (this.online) this.out.push(this.goodbye);
  }

  /** Messages whose echo has not come yet. */
  get unsent() {
    let count = this.memory.outbox.size;
    for (const texts of this.memory.private.values()) count += texts.length;
    return count;
  }

  /** Send a request; it is asked again after a reconnect, until it is answered. */
  ask(name, fields) {
    const request = this.nextRequest;
    const asked = { name, fields: { request, ...fields } };
    const frame = encode(name, asked.fields); // before it is kept, as in `say`
    this.nextRequest = (request % 0xffffffff) + 1;
    if (name === "HISTORY") this.past.set(request, []);
    this.requests.set(request, asked);
    if (this.online) this.out.push(frame);
    return request;
  }

  /** Stop for good. */
  end(why) {
    this.ended = true;
    this.out = [];
    this.report("ended", { why, wanted: false });
  }

  send(name, fields) {
    this.out.push(encode(name, fields));
  }

  report(what, fields) {
    this.events.push({ what, ...fields });
  }
}
