// Stores a tab's state, so that a reload or a crash loses nothing.
//
// Each tab is a separate client with its own key in localStorage. A new tab takes over the state of a
// closed or crashed tab, but never that of a live one: it first asks all tabs over a
// BroadcastChannel. (Web Locks need TLS, which a classroom's LAN does not have.)
//
// A frozen tab cannot answer, so another tab may take over its state. Therefore each stored state
// begins with its owner's mark, and a tab that finds another mark there stops writing.

import { Memory } from "./outbox.js";

const PREFIX = "netchat:tab:";
const ANSWER_MS = 120; // time for a live tab to answer, or to hand over its session
const KEPT_MS = 7 * 86_400_000;

class Store {
  constructor(id) {
    this.id = id;
    this.key = PREFIX + id;
    this.mark = newId();
    this.working = true; // false if the browser does not store data
    this.others = []; // the live tabs found at start-up: {here: id, name, rooms}
    this.handOver = () => {}; // called when another tab takes over; set by app.js
    this.gone = false; // another tab has taken over
    this.isUnloading = false;
    // While it is unloaded, a page must not answer the one that follows in the same tab.
    addEventListener("pagehide", () => (this.isUnloading = true));
    addEventListener("pageshow", () => (this.isUnloading = false));
    channel.addEventListener("message", ({ data }) => this.hear(data));
  }

  hear({ ask, take }) {
    if (this.gone || this.isUnloading) return;
    const { name, rooms } = this.memory ?? {};
    if (ask) channel.postMessage({ here: this.id, name, rooms: [...(rooms?.keys() ?? [])] });
    if (take !== this.id) return;
    this.handOver();
    this.gone = true;
    channel.postMessage({ given: this.id });
  }

  /** Load the stored state and mark it as this tab's; return a new one if none is readable. */
  load() {
    let memory;
    try {
      memory = Memory.read(/\{.*/s.exec(localStorage.getItem(this.key))[0]);
    } catch {
      memory = new Memory();
    }
    this.write(memory);
    this.memory = memory;
    return memory;
  }

  /** Whether another tab has taken over this state. */
  get taken() {
    try {
      const kept = localStorage.getItem(this.key);
      return kept !== null && !kept.startsWith(this.mark);
    } catch {
      return false;
    }
  }

  save(memory) {
    if (!this.taken) this.write(memory);
  }

  write(memory) {
    try {
      localStorage.setItem(this.key, `${this.mark} ${Date.now()} ${memory.write()}`);
      this.working = true;
    } catch {
      this.working = false;
    }
  }
}

/** Find this tab's store: its own from before a reload, one of a closed tab, or a new one. */
export async function claim() {
  const mine = recall();
  const answerFor = ({ data }) => data.ask && mine && channel.postMessage({ here: mine, rooms: [] });
  channel.addEventListener("message", answerFor);
  const stored = storedIds();
  const candidates = [...(mine ? [mine] : []), ...stored.filter((id) => id !== mine)];
  const live = candidates.length ? await findLiveTabs() : [];
  const id = candidates.find((one) => !live.some(({ here }) => here === one)) ?? newId();
  channel.removeEventListener("message", answerFor);
  remember(id);
  const store = new Store(id);
  store.others = live;
  return store;
}

/** Take over from another live tab, which then stops. */
export async function takeOver(id) {
  channel.postMessage({ take: id });
  await heard(({ given }) => given === id);
  remember(id);
  location.reload();
}

function remember(id) {
  try {
    sessionStorage.setItem(PREFIX, id);
  } catch {
    // The next load treats it as the state of a closed tab, which works as well.
  }
}

function recall() {
  try {
    return sessionStorage.getItem(PREFIX);
  } catch {
    return null;
  }
}

/** Return the ids of all stored states, newest first, and delete expired ones. */
function storedIds() {
  const found = [];
  try {
    for (const key of Object.keys(localStorage).filter((name) => name.startsWith(PREFIX))) {
      const at = Number(localStorage.getItem(key).split(" ", 2)[1]);
      if (!(Date.now() - at < KEPT_MS)) localStorage.removeItem(key);
      else found.push({ id: key.slice(PREFIX.length), at });
    }
  } catch {
    return [];
  }
  return found.sort((one, other) => other.at - one.at).map(({ id }) => id);
}

const channel = new BroadcastChannel("netchat");

async function findLiveTabs() {
  const live = [];
  channel.postMessage({ ask: true });
  await heard((data) => data.here && !live.push(data));
  return live;
}

/** Wait for a message that passes a test, for at most ANSWER_MS. */
function heard(test) {
  return new Promise((resolve) => {
    const hear = ({ data }) => test(data) && done();
    const done = () => {
      channel.removeEventListener("message", hear);
      resolve();
    };
    channel.addEventListener("message", hear);
    setTimeout(done, ANSWER_MS);
  });
}

const newId = () => Array.from(crypto.getRandomValues(new Uint32Array(2)), (n) => n.toString(36)).join("");
