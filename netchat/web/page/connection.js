// The WebSocket of a ChatClient: connects, reconnects with backoff, and reports its state.

const FIRST_WAIT = 200; // ms before reconnecting; each failure doubles it, up to LONGEST_WAIT
const LONGEST_WAIT = 10_000;
const STABLE_AFTER = 5_000; // ms online after which the wait is reset to FIRST_WAIT
const CONNECT_TIMEOUT = 10_000; // ms until WELCOME
const PING_AFTER = 20_000; // ms without data from the server before a PING
const PONG_TIMEOUT = 20_000; // ms to answer it
const SEVERAL = 4; // divides PING_AFTER and PONG_TIMEOUT if another server can take over
const CONNECT_TIMEOUT_SEVERAL = 5_000; // ms until WELCOME, if another server can take over
const PROBE_TIMEOUT = 3_000; // ms to answer one sent because the network may have changed
const SAVE_DELAY = 300; // ms

/** Why a connection was lost that the server has closed without a reason. */
export const UNREACHABLE = "The server cannot be reached.";

/** Why a tab ends when another tab takes over its session. */
export const TAKEN = "Another tab has taken over this session.";

export class Connection {
  /**
   * @param core the ChatClient.
   * @param store saves its memory.
   * @param hooks callbacks: `onEvents(list)`; `changed()`, after `phase` has changed;
   *   `frame(out, bytes)`, for each frame sent or received; `line(report)`, about a noisy line.
   */
  constructor(core, store, hooks) {
    this.core = core;
    this.store = store;
    this.hooks = hooks;
    this.page = new URL("/", location.href).href; // of the server that is connected to
    this.phase = "idle"; // connecting, online, waiting, ended
    this.why = ""; // why the last connection was lost
    this.retryAt = 0; // time of the next attempt, by performance.now()
    this.rotation = Math.random(); // spreads the clients of a failed server over the others
    this.wait = FIRST_WAIT;
    this.onlineAt = 0;
    this.counter = core.memory.counter;
    this.transfers = null; // a Transfers; set by app.js
    this.line = null; // a noisy line to ask for: {channel, link}
    window.addEventListener("online", () => this.recheck());
    window.addEventListener("offline", () => this.recheck());
    document.addEventListener("visibilitychange", () => document.hidden || this.recheck());
    window.addEventListener("pagehide", () => this.save());
    setInterval(() => this.watch(), 1000);
  }

  /** Connect unless already connected. */
  start() {
    if (this.phase === "idle" || this.phase === "waiting") this.connect();
  }

  /** Send the core's frames and pass on its events. */
  flush() {
    const { core, socket } = this;
    if (!core.ended && this.store.taken) core.end(TAKEN);
    this.transfers?.pump();
    const events = core.takeEvents();
    // Save before sending, so that a message counter is never used twice.
    if (core.out.length || core.memory.counter !== this.counter || events.some(mustSaveNow)) {
      this.save();
    } else if (events.length) {
      this.saveSoon();
    }
    for (const frame of core.takeFrames()) {
      if (socket?.readyState !== WebSocket.OPEN) continue;
      socket.send(frame);
      this.hooks.frame(true, frame);
    }
    if (core.online && this.phase === "connecting") this.setPhase("online");
    if (core.ended) this.end();
    if (events.length) this.hooks.onEvents(events);
  }

  /** Save changes that may be lost without breaking the delivery contract. */
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
    const url = new URL("ws", this.page.replace(/^http/, "ws"));
    if (this.line) url.search = new URLSearchParams(this.line);
    const socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.receivedAt = this.pingedAt = performance.now();
    this.deadline = 0;
    this.setPhase("connecting");
    socket.onopen = () => {
      this.core.connected();
      this.flush();
    };
    socket.onmessage = ({ data }) => {
      if (typeof data === "string") this.hooks.line?.(JSON.parse(data).line);
      else this.receive(new Uint8Array(data));
    };
    socket.onclose = () => this.lost(UNREACHABLE);
  }

  receive(data) {
    this.receivedAt = performance.now();
    try {
      for (const { bytes } of this.core.feed(data)) this.hooks.frame(false, bytes);
    } catch (error) {
      this.flush();
      this.lost(`The server sent invalid data: ${error.message}`);
      return;
    }
    this.flush();
  }

  /** Handle a lost connection: reconnect after a random delay with exponential backoff. */
  lost(why) {
    this.drop();
    const { core } = this;
    // Otherwise a server that fails right after WELCOME would be contacted ten times per second.
    if (core.online && performance.now() - this.onlineAt >= STABLE_AFTER) this.wait = FIRST_WAIT;
    core.lost();
    if (core.ended) return;
    this.advance();
    this.why = core.byeText || why;
    core.byeText = "";
    const delay = Math.random() * this.wait; // full jitter: spread the reconnects of many clients
    this.wait = Math.min(this.wait * 2, LONGEST_WAIT);
    this.retryAt = performance.now() + delay;
    this.timer = setTimeout(() => this.connect(), delay);
    this.setPhase("waiting");
    this.flush();
  }

  /** Use the next server of the cluster, if there are several. */
  advance() {
    const others = this.core.servers
      .filter(({ page }) => /^https?:/.test(page) && URL.canParse(page))
      .map(({ page }) => new URL("/", page).href);
    const first = Math.floor(this.rotation * others.length);
    const pages = [new URL("/", location.href).href, ...others.slice(first), ...others.slice(0, first)];
    this.page = pages[(pages.indexOf(this.page) + 1) % pages.length];
  }

  /** Connect again at once: LOGIN is the first message of a connection. */
  restart() {
    this.pause();
    this.connect();
  }

  /** Whether a password can be sent without others on the network reading it. */
  get isSafe() {
    const { protocol, hostname } = new URL(this.page);
    return protocol === "https:" || /^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
  }

  /** Disconnect and stop reconnecting until `start` is called. */
  pause() {
    this.drop();
    clearTimeout(this.timer);
    this.core.lost();
    this.setPhase("idle");
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
    this.setPhase("ended");
  }

  /** Reconnect or probe the connection at once: the network may have changed. */
  recheck() {
    if (this.phase === "waiting") this.connect();
    else if (this.phase === "online") this.probe(PROBE_TIMEOUT);
  }

  /** Send a PING; give up the connection if nothing arrives within `timeout` ms. */
  probe(timeout) {
    this.pingedAt = performance.now();
    this.deadline = this.pingedAt + timeout;
    this.core.ping();
    this.flush();
  }

  watch() {
    if (!this.socket) return;
    const now = performance.now();
    const silence = now - this.receivedAt;
    const several = this.core.servers.length > 0;
    if (this.receivedAt > this.pingedAt) this.deadline = 0;
    if (this.phase === "connecting") {
      if (silence > (several ? CONNECT_TIMEOUT_SEVERAL : CONNECT_TIMEOUT)) this.lost("The server does not respond.");
    } else if (this.deadline) {
      if (now > this.deadline) this.lost("The server stopped responding.");
    } else if (silence > (several ? PING_AFTER / SEVERAL : PING_AFTER)) {
      // Timers in hidden tabs may fire minutes late, so probe before giving up.
      this.probe(several ? PONG_TIMEOUT / SEVERAL : PONG_TIMEOUT);
    }
  }

  setPhase(phase) {
    if (phase === "online") this.onlineAt = performance.now();
    this.phase = phase;
    this.hooks.changed();
  }
}

// Room events can be saved later: if they are lost, the server only resends them.
const mustSaveNow = ({ what }) => what !== "roomEvent" && what !== "past" && what !== "people";
