// What a client must not forget: its messages without an echo, and how far it has read.
// The counterpart of netchat/chat/outbox.py, with the way it is written down.

const DEVICE_KEY_SIZE = 16;

/** What makes a name unique; near enough to the server's for finding one's own private rooms. */
export const skeleton = (name) =>
  name.normalize("NFKC").trim().toUpperCase().toLowerCase().normalize("NFKC");

/** A room as its member sees it; the fields are those of `View` in Python. */
export function newView({ room, kind, peer, log, last }) {
  return { code: room, kind, peer, log, last, head: 0n, begun: false, open: false, ahead: new Map() };
}

export class Memory {
  constructor() {
    this.name = "";
    this.deviceKey = crypto.getRandomValues(new Uint8Array(DEVICE_KEY_SIZE)); // secret
    this.token = new Uint8Array(0); // resumes the session
    this.counter = 0n; // of the last message that was sent
    this.rooms = new Map(); // code -> view
    this.outbox = new Map(); // counter -> {counter, room, text}, in order
    this.private = new Map(); // skeleton of a name -> texts to say once the room with it stands
    this.shelf = {}; // the page's own notes on rooms, by code: what was read, what was typed
    this.current = ""; // code of the room on the screen
  }

  /** The session is over; only the device goes on. */
  forgetSession() {
    this.token = new Uint8Array(0);
    this.rooms.clear();
    this.outbox.clear();
    this.private.clear();
    this.shelf = {};
  }

  /** As text, for a store. */
  write() {
    const { name, deviceKey, token, counter, rooms, outbox, shelf, current } = this;
    const views = [...rooms.values()].map(({ code: room, kind, peer, log, last }) => ({
      room, kind, peer, log, last,
    }));
    const plain = {
      name, deviceKey: hex(deviceKey), token: hex(token), counter,
      rooms: views, outbox: [...outbox.values()], private: [...this.private], shelf, current,
    };
    return JSON.stringify(plain, (_, value) => (typeof value === "bigint" ? `${value}n` : value));
  }

  /** What `write` has written; throws if it is anything else. */
  static read(text) {
    const plain = JSON.parse(text);
    const memory = new Memory();
    memory.name = String(plain.name);
    memory.deviceKey = bytes(plain.deviceKey);
    memory.token = bytes(plain.token);
    memory.counter = number(plain.counter);
    for (const view of plain.rooms) {
      const { log, last } = view;
      memory.rooms.set(view.room, newView({ ...view, log: number(log), last: number(last) }));
    }
    for (const { counter, room, text: said } of plain.outbox) {
      memory.outbox.set(number(counter), { counter: number(counter), room, text: said });
    }
    memory.private = new Map(plain.private);
    memory.shelf = plain.shelf;
    memory.current = plain.current;
    return memory;
  }
}

const number = (text) => BigInt(text.slice(0, -1));
const hex = (data) => Array.from(data, (byte) => byte.toString(16).padStart(2, "0")).join("");
const bytes = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
