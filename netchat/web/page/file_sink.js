// Where a downloaded file is collected, until its SHA-256 is right and the browser may save it.
//
// A large file goes to the browser's private file system, which secure contexts have (https, or this
// machine), in parts, so that the page holds none of it in memory and continues after a reload. Otherwise it
// becomes Blobs as it arrives, which browsers move out of the page's memory.

const LARGE = 16_000_000; // bytes from which a file goes to the private file system
const PART = 8_000_000; // bytes of each Blob
const DISK_PART = 1 << 24; // bytes of each file in the private file system; whole parts of a sealed file
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

  get offset() { return 0; }

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
  /** @param files the complete parts from before a reload, as Files */
  constructor(folder, name, files) {
    Object.assign(this, { folder, name, files, writable: null, filled: 0 });
  }

  /** Number of bytes that it has from before a reload. */
  get offset() { return this.files.length * DISK_PART; }

  /** Return these bytes. */
  get present() { return new Blob(this.files); }

  // A part exists once it is closed, so a reload loses the last one at most.
  async write(data) {
    for (let at = 0; at < data.length;) {
      this.writable ??= await (await this.part(true)).createWritable();
      const piece = data.subarray(at, at + DISK_PART - this.filled);
      await this.writable.write(piece);
      at += piece.length;
      this.filled += piece.length;
      if (this.filled === DISK_PART) await this.close();
    }
  }

  /** Find the parts from before a reload. */
  async restore(size) {
    for (;;) {
      const file = await this.part(false).then((handle) => handle.getFile(), () => null);
      if (file?.size !== DISK_PART || this.offset + DISK_PART > size) return;
      this.files.push(file);
    }
  }

  part(create) { return this.folder.getFileHandle(`${this.name}-${this.files.length}`, { create }); }

  async close() {
    await this.writable.close();
    this.writable = null;
    this.filled = 0;
    this.files.push(await (await this.part(false)).getFile());
  }

  /** Return the file; it exists for KEPT_MS. */
  async finish() {
    if (this.writable) await this.close();
    setTimeout(() => this.discard(), KEPT_MS);
    const whole = new Blob(this.files, TYPE);
    whole.until = Date.now() + KEPT_MS / 2;
    return whole;
  }

  async discard() {
    await this.writable?.abort().catch(() => {}); // it may be closed already
    for await (const name of this.folder.keys()) {
      if (name.startsWith(`${this.name}-`)) await this.folder.removeEntry(name).catch(() => {});
    }
  }
}

/**
 * Return where to collect a file of `size` bytes: write(data), finish() and discard(). If it has a `name`, a
 * call with that name continues after a reload; then `offset` bytes are there, in `present`.
 */
export async function openSink(size, name = "") {
  if (size < LARGE || !globalThis.navigator?.storage?.getDirectory) return new BlobSink();
  try {
    const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle(FOLDER, { create: true });
    await deleteStale(folder);
    const sink = new DiskSink(folder, name || `${Date.now()}-${crypto.getRandomValues(new Uint32Array(1))[0]}`, []);
    if (name) await sink.restore(size);
    // Some browsers have no writable streams; others refuse in private windows.
    if (!(await sink.part(true)).createWritable) return new BlobSink();
    return sink;
  } catch {
    return new BlobSink();
  }
}

async function deleteStale(folder) {
  for await (const name of folder.keys()) {
    if (Date.now() - Number(name.split("-")[0]) > STALE_MS) await folder.removeEntry(name).catch(() => {});
  }
}
