// Reads the files that the user sends, and collects those that are downloaded. files.js has the rules.

import { cleanName } from "./files.js";
import { Sha256 } from "./sha256.js";

const BLOCK = 1 << 20; // bytes to hash at a time
const LARGE = 16_000_000; // bytes from which a download continues after a reload; see file_sink.js
const CHANGED = "the file has changed while it was being sent";

export class Transfers {
  /**
   * @param core the ChatClient
   * @param tab id of this tab's stored state
   */
  constructor(core, tab = "") {
    this.core = core;
    this.tab = tab;
    this.flush = () => {}; // set by app.js
    this.report = () => {}; // shows an event of the client; set by app.js
    this.sources = new Map(); // transfer -> {file, sealer, id: the number of its record, or the promise of it}
    this.targets = new Map(); // transfer -> {offer, size, sink, hash, opener, done}
    this.queue = Promise.resolve(); // writes, in order
  }

  /**
   * Upload a File, or a Blob with a name, and offer it to a room.
   *
   * @param kept the record of the upload, if it began before a reload; see upload_store.js
   */
  async send(room, file, name = file.name, kept = null) {
    const { core } = this;
    const offer = { size: file.size, sha256: null, mediaType: mediaType(file.type), name: cleanName(name || "file"), key: null };
    const shown = { transfer: 0, room, name: offer.name, isUpload: true, code: 0 };
    try {
      if (core.online && !core.files.isSupported) throw new Error("this server does not transfer files");
      let sealer = null, size = file.size;
      if (await this.isSealed(room)) {
        const { FileSealer, newFileKey, sealedSize } = await import("./seal_file.js");
        offer.key = kept?.key ?? newFileKey();
        sealer = await FileSealer.from(offer.key, file.size);
        size = sealedSize(file.size);
      }
      const id = kept ? kept.id : keep(this.tab, { room, file, name: offer.name, key: offer.key });
      const source = { file, sealer, id };
      const hash = new Sha256();
      for (let at = 0; at < size; at += BLOCK) hash.update(await read(source, at, Math.min(BLOCK, size - at)));
      offer.sha256 = hash.digest();
      this.sources.set(core.files.upload(room, offer, size), source);
    } catch (error) {
      if (kept) forget(kept.id);
      this.report({ what: "fileEnded", ...shown, why: problem(error) });
      return;
    }
    this.flush();
  }

  /** Continue the uploads of this tab from before a reload. */
  async resume() {
    if (!isMarked()) return;
    const { keptUploads } = await import("./upload_store.js");
    for (const kept of await keptUploads(this.tab)) {
      if (this.core.memory.rooms.has(kept.room)) await this.send(kept.room, kept.file, kept.name, kept);
      else await forget(kept.id);
    }
  }

  /** Wait until it is known whether files for a room must be sealed. */
  async isSealed(room) {
    for (let tries = 0; tries < 100; tries += 1) {
      const answer = this.core.sealing?.isActive ? this.core.sealing.sealsFiles(room) : false;
      if (answer !== null) return answer;
      await new Promise((done) => setTimeout(done, 50));
    }
    return false;
  }

  /** Download an offered file. `done` gets it as a Blob, once its SHA-256 is right. Returns the transfer's number. */
  async save(room, offer, done) {
    let size = offer.size, opener = null, sealer = null;
    if (offer.key.length) {
      const { FileOpener, FileSealer, sealedSize } = await import("./seal_file.js");
      opener = await FileOpener.from(offer.key, offer.size);
      sealer = await FileSealer.from(offer.key, offer.size);
      size = sealedSize(offer.size);
    }
    const { openSink } = await import("./file_sink.js");
    const sink = await openSink(offer.size, marked(room, offer, true));
    const offset = opener ? opener.skip(sink.offset) : sink.offset;
    const hash = new Sha256(); // also of what is here from before a reload
    for (let at = 0; at < offset; at += BLOCK) hash.update(await read({ file: sink.present, sealer }, at, Math.min(BLOCK, offset - at)));
    const transfer = this.core.files.download(room, offer.name, offer.sha256, size, offset);
    const target = { room, offer, size, sink, hash, opener, done };
    this.targets.set(transfer, target);
    if (offset === size) await this.finish(transfer, target);
    this.flush();
    return transfer;
  }

  /** Return whether this tab was saving a large file when it was reloaded. */
  wasSaving(room, offer) { return Boolean(marked(room, offer)); }

  /** Start the reads that the core needs, and take what it has received; called before each flush. */
  pump() {
    const { files } = this.core;
    files.now = performance.now() / 1000;
    for (const [transfer, offset, data] of files.takeData()) {
      this.queue = this.queue.then(() => this.write(transfer, offset, data));
    }
    for (const each of files.takeReads()) this.read(each);
  }

  async read({ transfer, offset, length }) {
    const source = this.sources.get(transfer);
    if (!source) return;
    try {
      this.core.files.provide(transfer, offset, await read(source, offset, length));
    } catch (error) {
      this.core.files.fail(transfer, problem(error));
    }
    this.flush();
  }

  async write(transfer, offset, data) {
    const target = this.targets.get(transfer);
    if (!target) return;
    try {
      target.hash.update(data);
      await target.sink.write(target.opener ? await target.opener.open(data) : data);
      this.core.files.written(transfer, offset + data.length);
      if (offset + data.length === target.size) await this.finish(transfer, target);
    } catch (error) {
      this.core.files.fail(transfer, problem(error));
    }
    this.flush();
  }

  async finish(transfer, { room, offer, sink, hash, done }) {
    const digest = hash.digest();
    if (digest.some((byte, i) => byte !== offer.sha256[i])) {
      this.core.files.fail(transfer, "its bytes do not have the SHA-256 of the offer");
      return;
    }
    this.targets.delete(transfer); // its end must not discard the file
    unmark(room, offer);
    done(await sink.finish());
    this.core.files.finish(transfer);
  }

  ended(transfer) {
    const target = this.targets.get(transfer);
    this.targets.delete(transfer);
    if (target) {
      unmark(target.room, target.offer);
      target.sink.discard();
    }
    const source = this.sources.get(transfer);
    this.sources.delete(transfer);
    if (source) Promise.resolve(source.id).then(forget);
  }
}

// The large files that this tab saves: room and SHA-256 -> name of the parts in the private file system.
const SAVING = "netchat:saving";

function saving(change) {
  try {
    const found = JSON.parse(sessionStorage.getItem(SAVING) ?? "{}");
    if (!change) return found;
    change(found);
    sessionStorage.setItem(SAVING, JSON.stringify(found));
    return found;
  } catch {
    return {}; // the browser keeps nothing
  }
}

const savingKey = (room, { sha256, size }) => `${room} ${size} ${Array.from(sha256, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;

/** Return the name of a download's parts, after choosing one if `create`; an empty string if it has none. */
function marked(room, offer, create = false) {
  const key = savingKey(room, offer);
  const known = saving();
  if (!create || Object.hasOwn(known, key)) return known[key] ?? "";
  const name = `${Date.now()}-${crypto.getRandomValues(new Uint32Array(1))[0]}`;
  if (offer.size >= LARGE) saving((found) => (found[key] = name));
  return name;
}

function unmark(room, offer) {
  const key = savingKey(room, offer);
  if (Object.hasOwn(saving(), key)) saving((found) => delete found[key]);
}

// Whether upload_store.js may hold something; the page loads it only then.
const MARK = "netchat:uploads";

function isMarked() {
  try {
    return localStorage.getItem(MARK) !== null;
  } catch {
    return false;
  }
}

async function keep(tab, upload) {
  const { keepUpload } = await import("./upload_store.js");
  const id = await keepUpload(tab, upload);
  try {
    if (id) localStorage.setItem(MARK, "");
  } catch {
    // The browser keeps nothing.
  }
  return id;
}

async function forget(id) {
  if (!id) return;
  const { countUploads, forgetUpload } = await import("./upload_store.js");
  await forgetUpload(id);
  if (await countUploads() === 0) localStorage.removeItem(MARK);
}

async function read({ file, sealer }, offset, length) {
  const part = async (from, count) => new Uint8Array(await file.slice(from, from + count).arrayBuffer());
  let data;
  if (sealer) {
    const [from, count] = sealer.plainRange(offset, length);
    data = await sealer.seal(await part(from, count), offset, length);
  } else {
    data = await part(offset, length);
  }
  if (data.length !== length) throw new Error(CHANGED);
  return data;
}

// A browser reports a file that has changed, or is gone, as NotReadableError or NotFoundError.
const problem = (error) => (["NotReadableError", "NotFoundError"].includes(error.name) ? CHANGED : error.message);

const mediaType = (type) => type.split(";")[0].trim().toLowerCase();

/** Media types that the page shows as pictures: no type that could hold a program, such as SVG. */
const PICTURES = [
  ["image/png", [0x89, 0x50, 0x4e, 0x47]], ["image/jpeg", [0xff, 0xd8, 0xff]], ["image/gif", [0x47, 0x49, 0x46, 0x38]],
  ["image/webp", [0x52, 0x49, 0x46, 0x46]],
];

/** Return whether a file claims to be a picture that the page can show. */
export const isPicture = (offer) => PICTURES.some(([type]) => type === offer.mediaType);

/** Return a URL of a picture with the type that its bytes show, or an empty string. */
export async function pictureUrl(blob) {
  const head = new Uint8Array(await blob.slice(0, 12).arrayBuffer());
  const found = PICTURES.find(([, magic]) => magic.every((byte, i) => byte === head[i]));
  return found ? URL.createObjectURL(blob.slice(0, blob.size, found[0])) : "";
}

/** Let the browser save a Blob under a name. */
export function saveBlob(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
