// The browser's store of keys for sealed messages: IndexedDB, which keeps CryptoKeys that scripts cannot
// read. Each tab is a client with its own keys, as in tabs.js.

const KEPT_MS = 7 * 86_400_000;

let opening;

function open() {
  opening ??= new Promise((resolve, reject) => {
    const request = indexedDB.open("netchat", 1);
    request.onupgradeneeded = () => request.result.createObjectStore("sealing");
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opening;
}

async function run(mode, action) {
  const store = (await open()).transaction("sealing", mode).objectStore("sealing");
  return new Promise((resolve, reject) => {
    const request = action(store);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** Load what was saved under an id, or undefined; delete what is expired. */
export async function load(id) {
  if (!globalThis.indexedDB) return undefined;
  try {
    for (const key of await run("readonly", (store) => store.getAllKeys())) {
      const { at } = await run("readonly", (store) => store.get(key));
      if (key !== id && !(Date.now() - at < KEPT_MS)) await run("readwrite", (store) => store.delete(key));
    }
    return await run("readonly", (store) => store.get(id));
  } catch {
    return undefined; // private browsing: the keys live as long as the page
  }
}

export async function save(id, state) {
  if (!globalThis.indexedDB) return;
  try {
    await run("readwrite", (store) => store.put(state, id));
  } catch {
    // As above.
  }
}
