// Sans-I/O client: bytes in, events and frames out.
//
// Counterpart of netchat/chat/client.py, and checked by the same tests. The driver calls
// `connected` and `lost` for the connection, passes received bytes to `feed`, sends the frames from
// `takeFrames` and shows the events from `takeEvents`. The client keeps the delivery contract: a
// message stays in the outbox until its echo arrives, and each room's events are applied once, in
// order.

import { annotationText, FEATURE_ANNOTATIONS } from "./annotations.js";
import { FEATURE_FILES, Files, offerFields } from "./files.js";
import { handleFrame } from "./handlers.js";
import { Memory, skeleton } from "./outbox.js";
import { encode, ErrorCode, EventKind, FrameReader, LIMITS, RoomKind } from "./protocol.js";

// Optional features of the client, in HELLO: it handles SERVERS, ACCOUNT_STATUS, ROOM_STATE and moderation,
// files, and edits, deletions, replies and reactions.
const FEATURES = 1 | 2 | 4 | FEATURE_FILES | FEATURE_ANNOTATIONS;
/** Optional feature of the client: sealed messages. */
export const FEATURE_SEALED = 8;
// Counters per message in a room with sealed messages; see netchat/chat/client_sealing.py.
const COUNTER_GAP = 16n;

export class ChatClient {
  constructor(name, memory = new Memory(), software = "netchat page") {
    this.name = name;
    this.memory = memory;
    this.software = software;
    this.online = false; // WELCOME has arrived on the current connection
    this.ended = false; // final: do not reconnect
    this.maxText = 0; // maximum size of a message in bytes, from WELCOME
    this.maxFrame = LIMITS.MAX_FRAME; // the same for frames
    this.files = new Files(this);
    this.device = 0n;
    this.sealing = null; // a Sealing (sealing.js), where the browser supports it
    this.servers = []; // the other servers of the cluster, as of the last SERVERS
    this.byeText = ""; // text of the server's BYE on the last connection
    this.isNoisy = false; // the line damages frames, and no link repairs them
    this.account = ""; // name of the user's account; empty for a guest
    this.role = 0;
    this.hasAccounts = false; // of the server
    this.hasAnnotations = true; // of the server; assumed until it says so
    this.credentials = null; // {name, password, isNew, invitation} to send before HELLO
    this.isLoggingOut = false;
    this.goodbye = null; // the BYE or LOGOUT frame, once the user ends the session
    this.requests = new Map(); // request number -> {name, fields}, until it is answered
    this.past = new Map(); // request number of a HISTORY -> its events so far
    this.gaps = new Set(); // request numbers of the HISTORYs that fill a gap
    this.out = [];
    this.events = [];
    this.nextRequest = 1;
    this.reader = new FrameReader();
  }

  // -- called by the driver -------------------------------------------------------------------

  /** Start a session on a new connection: send HELLO. */
  connected() {
    this.reader = new FrameReader();
    this.out = [];
    if (this.credentials) this.enter(this.credentials);
    else this.introduce(this.name);
  }

  /** Log in or register before HELLO. */
  enter(credentials) {
    const { name, password, isNew, invitation } = credentials;
    const device = this.memory.deviceKey;
    if (isNew) this.send("REGISTER", { request: 0, name, password, invitation });
    else this.send("LOGIN", { request: 0, device, name, password });
    this.credentials = credentials;
  }

  /** Send HELLO, at first or after the server has refused a name. */
  introduce(name) {
    const { deviceKey: device, token, rooms } = this.memory;
    const positions = [...rooms.values()].map((v) => ({ room: v.code, log: v.log, last: v.last }));
    this.out.push(
      encode("HELLO", {
        features: this.sealing ? FEATURES | FEATURE_SEALED : FEATURES, device, token, name,
        software: this.software,
        positions: token.length || this.account ? positions : [],
      }),
    );
    this.name = this.memory.name = name;
  }

  /** Process received bytes. Throws if the server broke the protocol. */
  feed(data) {
    let frames;
    try {
      frames = this.reader.push(data);
    } catch (error) {
      for (const frame of error.frames ?? []) handleFrame(this, frame); // the frames before the error are valid
      throw error;
    }
    for (const frame of frames) handleFrame(this, frame);
    return frames;
  }

  /** Return and clear the frames to send. */
  takeFrames() {
    const frames = this.out;
    this.out = [];
    return frames;
  }

  /** Return and clear the events since the last call, in order. */
  takeEvents() {
    const events = this.events;
    this.events = [];
    return events;
  }

  /** Note that the connection is lost. */
  lost() {
    this.online = false;
    this.out = [];
    this.files.lost();
    this.sealing?.lost();
    for (const view of this.memory.rooms.values()) {
      view.isPositioned = view.isCaughtUp = false;
      view.ahead.clear();
    }
    for (const number of this.gaps) { // the next connection resumes at each room's position
      this.requests.delete(number);
      this.past.delete(number);
    }
    this.gaps.clear();
    for (const [number, asked] of this.requests) {
      if (asked.name !== "REGISTER" && asked.name !== "PASSWORD") continue;
      this.requests.delete(number); // never repeat a password
      const error = { code: ErrorCode.LOGIN_BUSY, text: "The connection was lost before the server answered.", suggestion: "" };
      this.report("declined", { error, request: asked });
    }
  }

  /** Send a PING. */
  ping() {
    this.send("PING", { time: 0n });
  }

  // -- user actions ---------------------------------------------------------------------------

  /** Send a message to a joined room; keep it until its echo arrives. Returns its counter. */
  say(room, text) { return this.post({ room, text }); }

  /** Offer an uploaded file to a room; keep the offer until its echo arrives. */
  offer(room, text) { return this.post({ room, text, isOffer: true }); }

  /**
   * Edit, delete or answer the message `target` of a room, or react to it; keep that until its echo arrives.
   *
   * `kind` is EventKind.EDIT, DELETE, REPLY or REACTION; `text` is the new text or the answer, `+` or `-` and a
   * reaction, or empty for a deletion. Throws if the server is too old.
   */
  annotate(room, kind, target, text = "") {
    if (!this.hasAnnotations) throw new Error("This server is too old to edit, delete, answer or react.");
    return this.post({ room, text, kind, target });
  }

  post(message) {
    const { room } = message;
    const view = this.memory.rooms.get(room);
    if (!view) throw new Error(`not in the room ${room}`);
    const isHandled = this.sealing?.handles(view);
    const counter = this.memory.counter + (isHandled ? COUNTER_GAP : 1n);
    const send = { counter, ...message };
    const frame = waitingFrame(send); // encode before storing: the outbox must never hold an invalid message
    this.memory.counter = counter;
    this.memory.outbox.set(counter, send);
    if (isHandled) this.sealing.transmit(room);
    else if (this.online && view.isCaughtUp) this.out.push(frame);
    return counter;
  }

  /** Send what waits in the outbox, to a room that is not sealed. */
  sendWaiting(send) { this.out.push(waitingFrame(send)); }

  /** Send a private message to a user. */
  tell(name, text) {
    encode("PRIVATE", { request: 0, name }); // before storing it, as in `say`
    encode("SEND", { counter: 0n, room: "", text });
    const wanted = skeleton(name);
    for (const view of this.memory.rooms.values()) {
      if (view.kind === RoomKind.PRIVATE && skeleton(view.peer) === wanted) {
        this.say(view.code, text);
        return;
      }
    }
    const queued = this.memory.private.get(wanted) ?? [];
    this.memory.private.set(wanted, [...queued, text]);
    if (!queued.length) this.ask("PRIVATE", { name });
  }

  join(room) { return this.ask("JOIN", { log: 0n, after: 0n, room }); }
  create() { return this.ask("CREATE", {}); }
  leave(room) { return this.ask("LEAVE", { room }); }
  who(room, after = "") { return this.ask("WHO", { room, after }); }
  rename(name) { return this.ask("RENAME", { name }); }
  /** State that the user has read a room up to an event, for the other devices of the account. */
  markRead(room, seq) {
    const view = this.memory.rooms.get(room);
    if (!view || !this.online || !this.account || !this.hasAnnotations) return;
    if (seq <= (view.read ?? 0n) || seq > view.last) return;
    view.read = seq;
    this.send("READ", { seq, room });
  }

  /** Search a room on the server, from the newest message; `before` continues an earlier answer. */
  search(room, words, before = 0n) {
    if (!this.hasAnnotations) throw new Error("This server is too old to search.");
    return this.ask("SEARCH", { before, room, words });
  }
  bans(room, after = 0n) { return this.ask("BANS", { after, room }); }

  /** Request an action in a room, as its moderator. */
  moderate(room, action, { target = "", text = "", seconds = 0, scope = 0 } = {}) {
    return this.ask("MODERATE", { action, scope, seconds, room, target, text });
  }

  /** Request the events of a room from `first` to `last`. */
  range(room, first, last) { return this.ask("HISTORY", { first, last, room }); }

  /** Request the last `count` events of a room, or the last ones before sequence number `before`. */
  history(room, count, before) {
    let last = this.memory.rooms.get(room)?.last ?? 0n;
    if (before !== undefined && before - 1n < last) last = before - 1n;
    const first = last - BigInt(count) + 1n;
    return this.ask("HISTORY", { first: first > 1n ? first : 1n, last, room });
  }

  /** End the session, now or once it is established. */
  bye(text = "") {
    this.goodbye = encode("BYE", { text });
    if (this.online) this.out.push(this.goodbye);
  }

  /** Request to register the user's name. */
  register(password, invitation = "") { return this.ask("REGISTER", { name: this.name, password, invitation }); }

  /** Request another password, which logs out the user's other devices. */
  changePassword(old, new_) { return this.ask("PASSWORD", { old, new: new_ }); }

  /** End the session, and log out this device or every device of the account. */
  logOut(everywhere = false) {
    this.isLoggingOut = true;
    this.goodbye = encode("LOGOUT", { request: 0, everywhere: everywhere ? 1 : 0 });
    if (this.online) this.out.push(this.goodbye);
  }

  /** Number of messages whose echo has not arrived yet. */
  get unsent() {
    let count = this.memory.outbox.size;
    for (const texts of this.memory.private.values()) count += texts.length;
    return count;
  }

  /** Send a request, and repeat it after each reconnect until it is answered. */
  ask(name, fields) {
    const request = this.nextRequest;
    const asked = { name, fields: { request, ...fields } };
    const frame = encode(name, asked.fields); // before storing it, as in `say`
    this.nextRequest = (request % 0xffffffff) + 1;
    if (name === "HISTORY") this.past.set(request, []);
    this.requests.set(request, asked);
    if (this.online) this.out.push(frame);
    return request;
  }

  /** End permanently. */
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

/** Return the frame that sends what waits in the outbox to a room that is not sealed. */
function waitingFrame(send) {
  const { counter, room, text, kind, target, isOffer } = send;
  if (isOffer) return encode("OFFER", offerFields(send));
  return kind ? encode("ANNOTATE", { counter, kind, target, room, text }) : encode("SEND", { counter, room, text });
}

/** Return the text and the kind, if it has one of its own, with which a message in the outbox is sealed. */
export function sealedContent({ text, kind, target, isOffer }) {
  if (kind) return { text: annotationText(kind, target, text), kind };
  return isOffer ? { text, kind: EventKind.FILE } : { text };
}
