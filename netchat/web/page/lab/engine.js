// The WebSocket to the engine: requests by number, their answers, and a new connection when it is lost.

const MOST_WAIT = 8000;

export class Engine {
  /** @param changed called with whether the engine is connected */
  constructor(changed, open = () => new WebSocket(`${location.protocol.replace("http", "ws")}//${location.host}/lab/ws`)) {
    this.changed = changed;
    this.noticed = () => {}; // called with what the engine is busy with
    this.open = open;
    this.wait = 250;
    this.next = 1;
    this.pending = new Map(); // number of a request -> {request, take}
    this.newest = new Map(); // key -> {busy, waiting}: one request at a time, then the newest one
    this.connect();
  }

  connect() {
    this.socket = this.open();
    this.socket.addEventListener("open", () => {
      this.wait = 250;
      this.changed(true);
      for (const { request } of this.pending.values()) this.write(request);
    });
    this.socket.addEventListener("message", ({ data }) => this.take(JSON.parse(data)));
    this.socket.addEventListener("close", () => {
      this.changed(false);
      setTimeout(() => this.connect(), this.wait);
      this.wait = Math.min(this.wait * 2, MOST_WAIT);
    });
  }

  write(request) {
    if (this.socket.readyState === 1) this.socket.send(JSON.stringify(request));
  }

  take(answer) {
    const found = this.pending.get(answer.id);
    if (!found) return;
    this.noticed(answer.busy ?? "");
    if (answer.busy) return; // the answer follows
    if (!found.isStream || answer.done || answer.error) this.pending.delete(answer.id);
    found.take(answer);
  }

  send(what, body, take, isStream = false) {
    const request = { id: this.next, do: what, ...body };
    this.next += 1;
    this.pending.set(request.id, { request, take, isStream });
    this.write(request);
    return request.id;
  }

  /** Ask once. The promise gives the answer; one with `error` is refused. */
  ask(what, body = {}) {
    return new Promise((resolve) => this.send(what, body, resolve));
  }

  /** Ask for something that changes faster than answers come: only the newest request waits. */
  latest(what, body, take) {
    const key = this.newest.get(what) ?? { busy: false, waiting: null };
    this.newest.set(what, key);
    if (key.busy) {
      key.waiting = { body, take };
      return;
    }
    key.busy = true;
    this.send(what, body, (answer) => {
      key.busy = false;
      const { waiting } = key;
      key.waiting = null;
      take(answer);
      if (waiting) this.latest(what, waiting.body, waiting.take);
    });
  }

  /** Start a stream of answers. Returns how to stop it. */
  run(body, take) {
    const id = this.send("run", body, take, true);
    return () => {
      if (!this.pending.delete(id)) return;
      this.send("stop", { of: id }, () => {});
    };
  }
}
