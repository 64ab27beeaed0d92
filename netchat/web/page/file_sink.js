// Where a downloaded file is collected, until its SHA-256 is right and the browser may save it.
//
// A large file goes to the browser's private file system, which secure contexts have (https, or this
// machine), so that the page holds none of it in memory. Otherwise it becomes Blobs as it arrives, which
// browsers move out of the page's memory.

const LARGE = 16_000_000; // bytes from which a file goes to the private file system
const PART = 8_000_000; // bytes of each Blob
const FOLDER = "netchat-downloads";
const KEPT_MS = 300_000; // time for the browser to copy a file that the user saves
const STALE_MS = 86_400_000; // age at which a file of a closed tab is deleted

// Never with its own type: a browser would run HTML and SVG that it opens.
const TYPE = { type: "application/octet-stream" };

class BlobSink {
  constructor() {
    this.blobs = [];
    this.parts = [];
    this.size = 0; // bytes in `parts`
  }

  write(data) {
    this.parts.push(data);
    this.size += data.length;
    if (this.size >= PART) this.collect();
  }

  collect() {
    this.blobs.push(new Blob(this.parts));
    this.parts = [];
    this.size = 0;
  }

  finish() {
    this.collect();
    return new Blob(this.blobs, TYPE);
  }

  discard() {}
}

class DiskSink {
  constructor(folder, name, writable) {
    Object.assign(this, { folder, name, writable });
  }

  write(data) { return this.writable.write(data); }

  /** Return the file; it exists for KEPT_MS. */
  async finish() {
    await this.writable.close();
    const file = await (await this.folder.getFileHandle(this.name)).getFile();
    setTimeout(() => this.discard(), KEPT_MS);
    const whole = file.slice(0, file.size, TYPE.type);
    whole.until = Date.now() + KEPT_MS / 2;
    return whole;
  }

  async discard() {
    try {
      await this.writable.abort();
    } catch {
      // It is closed already.
    }
    await this.folder.removeEntry(this.name).catch(() => {});
  }
}

/** Return where to collect a file of `size` bytes: write(data), finish() and discard(). */
export async function openSink(size) {
  if (size < LARGE || !globalThis.navigator?.storage?.getDirectory) return new BlobSink();
  try {
    const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle(FOLDER, { create: true });
    await deleteStale(folder);
    const name = `${Date.now()}-${crypto.getRandomValues(new Uint32Array(1))[0]}`;
    const handle = await folder.getFileHandle(name, { create: true });
    return new DiskSink(folder, name, await handle.createWritable());
  } catch {
    return new BlobSink(); // in private windows, some browsers refuse
  }
}

async function deleteStale(folder) {
  for await (const name of folder.keys()) {
    if (Date.now() - Number(name.split("-")[0]) > STALE_MS) await folder.removeEntry(name).catch(() => {});
  }
}
