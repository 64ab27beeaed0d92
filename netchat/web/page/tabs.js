// Where a tab keeps its memory, so that a reload or a crash loses nothing.
//
// Each tab is a client of its own. It writes into localStorage under its own key; a tab that opens
// takes over what a closed or crashed one has left, but never what a living one uses: it asks
// around first. (Web Locks would be the tool, but exist only over TLS, not on a classroom's LAN.)
//
// Who is frozen does not answer, and finds its place taken when it thaws. So each memory has the mark
// of its owner in front, and who finds another one there writes no more.

import { Memory } from "./memory.js";

const PREFIX = "netchat:tab:";
const ANSWER_MS = 120; // what a living tab gets to answer, or to hand its place over
const KEPT_MS = 7 * 86_400_000;

class Store {
  constructor(id) {
    this.id = id;
    this.key = PREFIX + id;
    this.mark = newId();
    this.working = true; // false where the browser keeps nothing
    this.others = []; // what the other living tabs told when this one opened: {here: id, name, rooms}
    this.handOver = () => {}; // called when another tab takes the place of this one; set by the page
    this.gone = false; // that has happened
    channel.addEventListener("message", ({ data }) => this.hear(data));
  }

  hear({ ask, take }) {
    if (this.gone) return;
    const { name, rooms } = this.memory ?? {};
    if (ask) channel.postMessage({ here: this.id, name, rooms: [...(rooms?.keys() ?? [])] });
    if (take !== this.id) return;
    this.handOver();
    this.gone = true;
    channel.postMessage({ given: this.id });
  }

  /** What was kept, which is this tab's from now on; a new memory if there is nothing readable. */
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

  /** Another tab goes on with this memory. */
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

/** Find this tab's store: its own from before a reload, a deserted one, or a new one. */
export async function claim() {
  const mine = recall();
  const answerFor = ({ data }) => data.ask && mine && channel.postMessage({ here: mine, rooms: [] });
  channel.addEventListener("message", answerFor);
  const kept = leftBehind();
  const candidates = [...(mine ? [mine] : []), ...kept.filter((id) => id !== mine)];
  const living = candidates.length ? await whoIsThere() : [];
  const id = candidates.find((one) => !living.some(({ here }) => here === one)) ?? newId();
  channel.removeEventListener("message", answerFor);
  remember(id);
  const store = new Store(id);
  store.others = living;
  return store;
}

/** Go on in the place of another living tab, which stops. */
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
    // The next load takes it for deserted, which is as good.
  }
}

function recall() {
  try {
    return sessionStorage.getItem(PREFIX);
  } catch {
    return null;
  }
}

/** Ids of all memories, the last one first; those too old are deleted. */
function leftBehind() {
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

async function whoIsThere() {
  const living = [];
  channel.postMessage({ ask: true });
  await heard((data) => data.here && !living.push(data));
  return living;
}

/** Wait for a message that passes a test; for ANSWER_MS at most. */
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
