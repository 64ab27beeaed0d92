// The WebSocket under a ChatClient: connects, connects again, and shows how things stand.

const FIRST_WAIT = 200; // ms; each failure doubles the wait, up to
const LONGEST_WAIT = 10_000;
const STABLE_AFTER = 5_000; // ms online after which the next wait is a first one again
const CONNECT_TIMEOUT = 10_000;
const PING_AFTER = 20_000; // ms of silence, then the server is asked for a sign of life, and given
const ANSWER_TIMEOUT = 20_000; // to answer;
const PROBE_TIMEOUT = 3_000; // once the browser has said that the network changed, this
const SAVE_DELAY = 300;

/** Why a tab has ended whose place another one has taken. */
export const TAKEN = "Another tab goes on in the place of this one.";

export class Connection {
  /**
   * @param core the ChatClient.
   * @param store keeps its memory.
   * @param hooks `onEvents(list)`, `changed()`: the state below is another one,
   *   `frame(out, bytes)`: a frame went out or came in.
   */
  constructor(core, store, hooks) {
    this.core = core;
    this.store = store;
    this.hooks = hooks;
    this.url = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`;
    this.phase = "idle"; // connecting, online, waiting, ended
    this.why = ""; // why there is no connection
    this.retryAt = 0; // when the next try is, in the clock of performance.now()
    this.wait = FIRST_WAIT;
    this.onlineAt = 0;
    this.counter = core.memory.counter;
    window.addEventListener("online", () => this.stir());
    window.addEventListener("offline", () => this.stir());
    document.addEventListener("visibilitychange", () => document.hidden || this.stir());
    window.addEventListener("pagehide", () => this.save());
    setInterval(() => this.watch(), 1000);
  }

  /** Connect, unless there is a connection. */
  start() {
    if (this.phase === "idle" || this.phase === "waiting") this.connect();
  }

  /** Send what the core wants sent, and hand on report the events. */
  flush() {
    const { core, socket } = this;
    if (!core.ended && this.store.taken) core.end(TAKEN);
    const events = core.takeEvents();
    // What is about to be sent is remembered first: a counter is never used twice.
    if (core.out.length || core.memory.counter !== this.counter || events.some(weighty)) {
      this.save();
    } else if (events.length) {
      this.saveSoon();
    }
    for (const frame of core.takeFrames()) {
      if (socket?.readyState !== WebSocket.OPEN) continue;
      socket.send(frame);
      this.hooks.frame(true, frame);
    }
    if (core.online && this.phase === "connecting") this.become("online");
    if (core.ended) this.end();
    if (events.length) this.hooks.onEvents(events);
  }

  /** Remember what may be lost without harm to the contract. */
  saveSoon() {
    this.saving ??= setTimeout(() => this.save(), SAVE_DELAY);
  }

  save() {
    clearTimeout(this.saving);
    this.saving = undefined;
    this.counter = this.core.memory.counter;
    this.store.save(this.core.memory);
  }

  connect() {
    clearTimeout(this.timer);
    const socket = new WebSocket(this.url);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.heard = this.asked = performance.now();
    this.deadline = 0;
    this.become("connecting");
    socket.onopen = () => {
      this.core.connected();
      this.flush();
    };
    socket.onmessage = ({ data }) => this.receive(new Uint8Array(data));
    socket.onclose = () => this.lost("The server cannot be reached.");
  }

  receive(data) {
    this.heard = performance.now();
    try {
      for (const { bytes } of this.core.feed(data)) this.hooks.frame(false, bytes);
    } catch (error) {
      this.flush();
      this.lost(`The server was not understood: ${error.message}`);
      return;
    }
    this.flush();
  }

  /** The connection is gone: wait, a little longer each time, and try again. */
  lost(why) {
    this.drop();
    const { core } = this;
    // A server that greets and then fails would otherwise be asked ten times a second.
    if (core.online && performance.now() - this.onlineAt >= STABLE_AFTER) this.wait = FIRST_WAIT;
    core.lost();
    if (core.ended) return;
    this.why = core.byeText || why;
    core.byeText = "";
    const delay = Math.random() * this.wait; // full jitter: not all return at once
    this.wait = Math.min(this.wait * 2, LONGEST_WAIT);
    this.retryAt = performance.now() + delay;
    this.timer = setTimeout(() => this.connect(), delay);
    this.become("waiting");
    this.flush();
  }

  /** Stop trying, until `start`. */
  pause() {
    this.drop();
    clearTimeout(this.timer);
    this.core.lost();
    this.become("idle");
  }

  drop() {
    if (!this.socket) return;
    this.socket.onopen = this.socket.onmessage = this.socket.onclose = null;
    this.socket.close();
    this.socket = undefined;
  }

  end() {
    if (this.phase === "ended") return;
    this.drop();
    this.become("ended");
  }

  /** Something about the network has changed: find out now. */
  stir() {
    if (this.phase === "waiting") this.connect();
    else if (this.phase === "online") this.probe(PROBE_TIMEOUT);
  }

  /** Ask for a sign of life, to be given within `patience` ms. */
  probe(patience) {
    this.asked = performance.now();
    this.deadline = this.asked + patience;
    this.core.ping();
    this.flush();
  }

  watch() {
    if (!this.socket) return;
    const now = performance.now();
    const silence = now - this.heard;
    if (this.heard > this.asked) this.deadline = 0;
    if (this.phase === "connecting") {
      if (silence > CONNECT_TIMEOUT) this.lost("The server does not answer.");
    } else if (this.deadline) {
      if (now > this.deadline) this.lost("The server has fallen silent.");
    } else if (silence > PING_AFTER) {
      // Asked before it is given up, however late this is called: hidden tabs sleep for minutes.
      this.probe(ANSWER_TIMEOUT);
    }
  }

  become(phase) {
    if (phase === "online") this.onlineAt = performance.now();
    this.phase = phase;
    this.hooks.changed();
  }
}

// An event alone can wait to be remembered: it would only be sent once more.
const weighty = ({ what }) => what !== "roomEvent" && what !== "past" && what !== "people";
