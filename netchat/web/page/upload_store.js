// Files that are being sent, kept in IndexedDB: after a reload, the page continues to send them.

const MAX_SIZE = 500_000_000; // bytes; the browser copies what it keeps
const KEPT_MS = 7 * 86_400_000; // as a tab's state, in tabs.js
const NAME = "netchat-uploads", FILES = "files";

const done = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

async function files(mode) {
  const request = indexedDB.open(NAME, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(FILES, { keyPath: "id", autoIncrement: true });
  const database = await done(request);
  const transaction = database.transaction(FILES, mode);
  transaction.oncomplete = transaction.onabort = () => database.close();
  return transaction.objectStore(FILES);
}

/**
 * Keep a file that a tab sends to a room; `key` is that of a sealed file. Returns the number of the record,
 * or 0 if the browser keeps no files, or none of this size.
 */
export async function keepUpload(tab, { room, file, name, key }) {
  if (file.size > MAX_SIZE) return 0;
  try {
    return await done((await files("readwrite")).add({ tab, room, file, name, key, at: Date.now() }));
  } catch {
    return 0; // the user will have to choose the file again
  }
}

export async function forgetUpload(id) {
  await files("readwrite").then((store) => done(store.delete(id))).catch(() => {});
}

/** Return the files that a tab was sending, and delete expired ones. */
export async function keptUploads(tab) {
  let found;
  try {
    found = await done((await files("readonly")).getAll());
  } catch {
    return [];
  }
  for (const { id, at } of found) if (Date.now() - at > KEPT_MS) await forgetUpload(id);
  return found.filter((each) => each.tab === tab && Date.now() - each.at <= KEPT_MS);
}

/** Return the number of files that are kept for all tabs. */
export async function countUploads() {
  return files("readonly").then((store) => done(store.count())).catch(() => 0);
}
