// A client's persistent state: unacknowledged messages and each room's position.
// Counterpart of netchat/chat/outbox.py, with its serialization.

const DEVICE_KEY_SIZE = 16;

/** Return the form of a name used to compare it; close enough to the server's to find private rooms. */
export const skeleton = (name) =>
  name.normalize("NFKC").trim().toUpperCase().toLowerCase().normalize("NFKC");

/** A member's view of a room, with the fields of its Python counterpart. */
export function newView({ room, kind, peer, log, last }) {
  return { code: room, kind, peer, log, last, head: 0n, isPositioned: false, isCaughtUp: false, ahead: new Map(), title: "", role: 0, flags: 0, removal: "" };
}

export class Memory {
  constructor() {
    this.name = "";
    this.deviceKey = crypto.getRandomValues(new Uint8Array(DEVICE_KEY_SIZE)); // secret
    this.token = new Uint8Array(0); // resumes the session
    this.counter = 0n; // counter of the last message
    this.rooms = new Map(); // code -> view
    this.outbox = new Map(); // counter -> {counter, room, text, isOffer, kind, target}, in order
    this.private = new Map(); // skeleton of a name -> texts to send once the private room exists
    this.roomStates = {}; // per room code: read position, draft and failed messages
    this.current = ""; // code of the room on the screen
  }

  /** Clear the session, but keep the device key. */
  forgetSession() {
    this.token = new Uint8Array(0);
    this.rooms.clear();
    this.outbox.clear();
    this.private.clear();
    this.roomStates = {};
  }

  /** Serialize to text. */
  write() {
    const { name, deviceKey, token, counter, rooms, outbox, roomStates, current } = this;
    const views = [...rooms.values()].map(({ code: room, kind, peer, log, last }) => ({
      room, kind, peer, log, last,
    }));
    const plain = {
      name, deviceKey: hex(deviceKey), token: hex(token), counter,
      rooms: views, outbox: [...outbox.values()], private: [...this.private], shelf: roomStates, current,
    };
    return JSON.stringify(plain, (_, value) => (typeof value === "bigint" ? `${value}n` : value));
  }

  /** Parse the output of `write`; throws on anything else. */
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
    for (const { counter, room, text: message, isOffer = false, kind = 0, target = "0n" } of plain.outbox) {
      const more = kind ? { kind, target: number(target) } : { isOffer };
      memory.outbox.set(number(counter), { counter: number(counter), room, text: message, ...more });
    }
    memory.private = new Map(plain.private);
    memory.roomStates = plain.shelf;
    memory.current = plain.current;
    return memory;
  }
}

const number = (text) => BigInt(text.slice(0, -1));
const hex = (data) => Array.from(data, (byte) => byte.toString(16).padStart(2, "0")).join("");
const bytes = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
