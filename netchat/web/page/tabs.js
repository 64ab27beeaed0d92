// Where a tab keeps its memory, so that a reload or a crash loses nothing.
//
// Each tab is a client of its own. It writes into localStorage under its own key; a tab that opens
// takes over what a closed or crashed one has left, but never what a living one uses: it asks
// around first. (Web Locks would be the tool, but exist only over TLS, not on a classroom's LAN.)

import { Memory } from "./memory.js";

const PREFIX = "netchat:tab:";
const ANSWER_MS = 120; // what a living tab gets to answer
const KEPT_MS = 7 * 86_400_000;

class Store {
  constructor(id) {
    this.key = PREFIX + id;
    this.working = true; // false where the browser keeps nothing
  }

  /** What was kept; a new memory if there is nothing, or nothing readable. */
  load() {
    try {
      return Memory.read(JSON.parse(localStorage.getItem(this.key)).memory);
    } catch {
      return new Memory();
    }
  }

  save(memory) {
    try {
      localStorage.setItem(this.key, JSON.stringify({ at: Date.now(), memory: memory.write() }));
      this.working = true;
    } catch {
      this.working = false;
    }
  }
}

/** Find this tab's store: its own from before a reload, a deserted one, or a new one. */
export async function claim() {
  const mine = recall(sessionStorage);
  const kept = leftBehind();
  const candidates = [...(mine ? [mine] : []), ...kept.filter((id) => id !== mine)];
  const living = candidates.length ? await whoIsThere() : new Set();
  const id = candidates.find((one) => !living.has(one)) ?? newId();
  answerFor(id);
  try {
    sessionStorage.setItem(PREFIX, id);
  } catch {
    // The next load takes it for deserted, which is as good.
  }
  return new Store(id);
}

function recall(storage) {
  try {
    return storage.getItem(PREFIX);
  } catch {
    return null;
  }
}

/** Ids of all memories, the last one first; those too old are deleted. */
function leftBehind() {
  const found = [];
  try {
    for (const key of Object.keys(localStorage).filter((name) => name.startsWith(PREFIX))) {
      const { at } = JSON.parse(localStorage.getItem(key));
      if (Date.now() - at > KEPT_MS) localStorage.removeItem(key);
      else found.push({ id: key.slice(PREFIX.length), at });
    }
  } catch {
    return [];
  }
  return found.sort((one, other) => other.at - one.at).map(({ id }) => id);
}

const channel = new BroadcastChannel("netchat");

async function whoIsThere() {
  const living = new Set();
  const hear = ({ data }) => living.add(data.here);
  channel.addEventListener("message", hear);
  channel.postMessage({ ask: true });
  await new Promise((resolve) => setTimeout(resolve, ANSWER_MS));
  channel.removeEventListener("message", hear);
  return living;
}

function answerFor(id) {
  channel.addEventListener("message", ({ data }) => data.ask && channel.postMessage({ here: id }));
}

const newId = () => Array.from(crypto.getRandomValues(new Uint32Array(2)), (n) => n.toString(36)).join("");
