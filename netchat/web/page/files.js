// Transfers of files, without I/O. Counterpart of netchat/chat/client_files.py, and of the text of offers in
// netchat/wire/file_offers.py. transfers.js reads and writes the files.

import { encode, ErrorCode, LIMITS } from "./protocol.js";

/** Optional feature of the client: files. */
export const FEATURE_FILES = 16;

const READ_SIZE = 1 << 20; // bytes to read from a file at a time
const OVERHEAD = 32, SMALLEST = 4096; // bytes of a CHUNK besides the file's, and the fewest of a file
const RANGES = 4; // parts of a window that are requested separately
const PROGRESS_EVERY = 0.1; // seconds
const MIN_WINDOW = 1 << 14, MAX_WINDOW = 1 << 22, FIRST_WINDOW = 1 << 16; // as in transfer_window.py
const FAST = 0.06, SLOW = 0.25; // seconds
const NO_FILES = "This server does not transfer files.";
const LEFT = "you left the room";

/** Bytes that may be on their way: what is transferred in about a tenth of a second. */
class Window {
  constructor(now) {
    this.size = FIRST_WINDOW;
    this.start(now);
  }

  start(now) { Object.assign(this, { bytes: 0, since: now }); }

  arrived(count, now) {
    this.bytes += count;
    if (this.bytes < this.size) return;
    const took = now - this.since;
    if (took < FAST) this.size = Math.min(MAX_WINDOW, this.size * 2);
    else if (took > SLOW) this.size = Math.max(MIN_WINDOW, this.size / 2);
    this.start(now);
  }
}

export class Files {
  constructor(core) {
    this.core = core;
    this.now = 0; // seconds; set by the driver
    this.isSupported = false;
    this.sending = new Map(); // transfer -> upload
    this.incoming = new Map(); // transfer -> download
    this.uploads = new Map(); // request -> upload
    this.downloads = new Map(); // request -> download
    this.data = []; // received and not yet taken: [transfer, offset, bytes]
    this.next = 1;
  }

  // -- the connection -------------------------------------------------------------------------

  online(features) {
    this.isSupported = (features & FEATURE_FILES) !== 0;
    for (const each of [...this.sending.values()]) {
      if (!this.isSupported) this.end(each, NO_FILES, ErrorCode.NO_FILES);
      else if (!this.core.memory.rooms.has(each.room)) this.end(each, LEFT, ErrorCode.NOT_A_MEMBER);
      else if (!each.request) this.ask(each);
    }
    for (const each of [...this.incoming.values()]) {
      if (this.isSupported) this.request(each);
      else this.end(each, NO_FILES, ErrorCode.NO_FILES);
    }
  }

  lost() {
    for (const number of [...this.uploads.keys(), ...this.downloads.keys()]) this.core.requests.delete(number);
    this.uploads.clear();
    this.downloads.clear();
    for (const each of this.sending.values()) Object.assign(each, { request: 0, isReady: false });
    for (const each of this.incoming.values()) {
      each.ranges.clear();
      each.requested = each.received;
    }
  }

  // -- uploads --------------------------------------------------------------------------------

  /** Upload a file to a room, then offer it there. `size` is that of the bytes to upload. Returns its number. */
  upload(room, offer, size) {
    const transfer = this.next++;
    const upload = {
      transfer, room, offer, name: offer.name, size, isUpload: true, request: 0, sent: 0, stored: 0, limit: 0,
      isReady: false, isReading: false, isPaused: false, resumedAt: 0, isRepeated: false, reported: -Infinity,
    };
    this.sending.set(transfer, upload);
    if (this.core.online && !this.isSupported) this.end(upload, NO_FILES, ErrorCode.NO_FILES);
    else if (this.core.online) this.ask(upload);
    return transfer;
  }

  /** Request an upload, unless the same bytes are being uploaded: then after that. */
  ask(upload) {
    const { size, offer: { sha256 }, room } = upload;
    if ([...this.uploads.values()].some(({ offer }) => toHex(offer.sha256) === toHex(sha256))) return;
    upload.request = this.core.ask("UPLOAD", { size: BigInt(size), sha256, room });
    this.uploads.set(upload.request, upload);
  }

  state({ request, stored, limit, is_complete: isComplete }) {
    const upload = this.uploads.get(request);
    if (!upload) return;
    const has = Number(stored);
    if (!upload.isReady) Object.assign(upload, { isReady: true, sent: has, resumedAt: has });
    if (has > upload.sent && !isComplete) throw new Error("UPLOAD_STATE acknowledges bytes that were not sent");
    upload.stored = has;
    upload.limit = Math.min(Number(limit), upload.size);
    if (!isComplete) return this.report(upload);
    if (!this.core.memory.rooms.has(upload.room)) return this.end(upload, LEFT, ErrorCode.NOT_A_MEMBER);
    upload.stored = upload.size;
    this.report(upload, true);
    this.core.offer(upload.room, offerText(upload.offer));
    return this.end(upload);
  }

  /** Return what the driver must read, and pass to `provide`. */
  takeReads() {
    const reads = [];
    for (const upload of this.sending.values()) {
      const length = Math.min(READ_SIZE, upload.limit - upload.sent);
      if (!upload.isReady || upload.isPaused || upload.isReading || length <= 0) continue;
      upload.isReading = true;
      reads.push({ transfer: upload.transfer, offset: upload.sent, length });
    }
    return reads;
  }

  provide(transfer, offset, data) {
    const upload = this.sending.get(transfer);
    if (!upload) return;
    upload.isReading = false;
    if (!upload.isReady || offset !== upload.sent || offset + data.length > upload.limit) return;
    const most = Math.min(LIMITS.MAX_CHUNK, this.core.maxFrame - OVERHEAD);
    const size = Math.min(most, Math.max(SMALLEST, Math.floor(Math.min(most, (upload.limit - upload.stored) / RANGES))));
    for (let at = 0; at < data.length; at += size) {
      const part = data.subarray(at, at + size);
      this.core.out.push(encode("CHUNK", { request: upload.request, offset: BigInt(offset + at), data: part }));
    }
    upload.sent = offset + data.length;
  }

  // -- downloads ------------------------------------------------------------------------------

  /** Download a file; the driver has its first `offset` bytes. Returns the number of the transfer. */
  download(room, name, sha256, size, offset = 0) {
    const transfer = this.next++;
    const download = {
      transfer, room, name, sha256, size, isUpload: false, received: offset, written: offset, requested: offset,
      ranges: new Map(), window: new Window(this.now), isPaused: false, reported: -Infinity,
    };
    this.incoming.set(transfer, download);
    if (this.core.online && !this.isSupported) this.end(download, NO_FILES, ErrorCode.NO_FILES);
    else this.request(download);
    return transfer;
  }

  request(download) {
    const { window, sha256, room, size } = download;
    if (download.isPaused || !this.core.online) return;
    const length = Math.max(1, Math.min(LIMITS.MAX_PIECE, Math.floor(window.size / RANGES)));
    while (download.requested < size && download.requested - download.written < window.size) {
      const begin = download.requested, end = Math.min(size, begin + length);
      const number = this.core.ask("DOWNLOAD", { offset: BigInt(begin), count: end - begin, sha256, room });
      download.requested = end;
      download.ranges.set(number, end);
      this.downloads.set(number, download);
    }
  }

  chunk({ request, offset, data }) {
    const download = this.downloads.get(request);
    if (!download) return; // of a transfer that was cancelled
    const begin = Number(offset), end = begin + data.length, last = download.ranges.get(request);
    const isNext = request === download.ranges.keys().next().value && begin === download.received;
    if (!isNext || end <= begin || end > last) throw new Error(`CHUNK must continue at offset ${download.received}`);
    download.received = end;
    this.data.push([download.transfer, begin, data]);
    if (end === last) this.forget(download, request);
  }

  forget(download, number) {
    download.ranges.delete(number);
    this.downloads.delete(number);
    this.core.requests.delete(number);
  }

  takeData() {
    const { data } = this;
    this.data = [];
    return data;
  }

  /** Note that a download is written up to an offset, and request more. */
  written(transfer, offset) {
    const download = this.incoming.get(transfer);
    if (!download) return;
    download.window.arrived(offset - download.written, this.now);
    download.written = offset;
    this.report(download);
    this.request(download);
  }

  /** End a download whose bytes are complete and right. */
  finish(transfer) {
    const download = this.incoming.get(transfer);
    if (!download) return;
    this.report(download, true);
    this.end(download);
  }

  // -- both -----------------------------------------------------------------------------------

  find(transfer) { return this.sending.get(transfer) ?? this.incoming.get(transfer); }

  pause(transfer) { this.setPaused(this.find(transfer), true); }
  resume(transfer) { this.setPaused(this.find(transfer), false); }

  setPaused(found, isPaused) {
    if (!found) return;
    found.isPaused = isPaused;
    this.report(found, true);
    if (isPaused || found.isUpload) return;
    found.window.start(this.now);
    this.request(found);
  }

  cancel(transfer) { this.fail(transfer, "the transfer was cancelled"); }

  fail(transfer, why, code = 0) {
    const found = this.find(transfer);
    if (!found) return;
    if (found.isUpload && found.request && this.core.online) this.core.send("CANCEL_UPLOAD", { request: found.request });
    this.end(found, why, code);
  }

  left(room) {
    for (const found of [...this.sending.values(), ...this.incoming.values()]) {
      if (found.room === room) this.fail(found.transfer, LEFT, ErrorCode.NOT_A_MEMBER);
    }
  }

  /** Handle an ERROR about UPLOAD, CHUNK or DOWNLOAD. */
  refused({ code, reference, text }) {
    const number = Number(reference);
    this.core.requests.delete(number);
    const download = this.downloads.get(number);
    if (download) return this.end(download, text, code);
    const upload = this.uploads.get(number);
    this.uploads.delete(number);
    if (!upload) return undefined;
    // What the server had of an earlier attempt may have been damaged by a crash.
    if (code === ErrorCode.WRONG_HASH && upload.resumedAt && !upload.isRepeated) {
      Object.assign(upload, { isRepeated: true, isReady: false, stored: 0, sent: 0, limit: 0 });
      return this.ask(upload);
    }
    return this.end(upload, text, code);
  }

  end(found, why = "", code = 0) {
    const { transfer, room, name, isUpload, request } = found;
    this.sending.delete(transfer);
    this.incoming.delete(transfer);
    if (isUpload) this.forget({ ranges: new Map() }, request);
    else for (const number of [...found.ranges.keys()]) this.forget(found, number);
    this.uploads.delete(request);
    this.core.report("fileEnded", { transfer, room, name, isUpload, why, code });
    if (!isUpload || !this.core.online || !this.isSupported) return;
    for (const other of this.sending.values()) if (!other.request) this.ask(other);
  }

  report(found, isDue = false) {
    if (!isDue && this.now - found.reported < PROGRESS_EVERY) return;
    found.reported = this.now;
    const { transfer, room, name, isUpload, size, isPaused } = found;
    const done = isUpload ? found.stored : found.written;
    this.core.report("fileProgress", { transfer, room, name, isUpload, done, size, isPaused });
  }
}

// -- offers -----------------------------------------------------------------------------------------

const MEDIA_TYPE = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,62}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,62}$/i;
const toHex = (data) => Array.from(data, (byte) => byte.toString(16).padStart(2, "0")).join("");
const fromHex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));

/** Return the text of the event for an offer: {size, sha256, mediaType, name, key}. */
export function offerText({ size, sha256, mediaType, name, key }) {
  return [size, toHex(sha256), mediaType, name, ...(key?.length ? [toHex(key)] : [])].join("\n");
}

/** Return the offer in the text of an event, with a safe name; null if the text has another form. */
export function parseOffer(text) {
  const [size, digest, mediaType, name, key = "", ...rest] = text.split("\n");
  const isValid = /^\d{1,15}$/.test(size) && /^[0-9a-f]{64}$/.test(digest ?? "") && name !== undefined &&
    /^([0-9a-f]{64})?$/.test(key) && !rest.length;
  if (!isValid) return null;
  return {
    size: Number(size), sha256: fromHex(digest), mediaType: MEDIA_TYPE.test(mediaType) ? mediaType.toLowerCase() : "",
    name: cleanName(name), key: fromHex(key),
  };
}

/** Return what users read about the text of an offer: its name and size. */
export function describeOffer(text) {
  const offer = parseOffer(text);
  return offer ? `${offer.name} (${showSize(offer.size)})` : "a file";
}

/** Return the fields of OFFER for an offer in the outbox. */
export function offerFields({ counter, room, text }) {
  const { size, sha256, mediaType, name } = parseOffer(text);
  return { counter, size: BigInt(size), sha256, room, media_type: mediaType, file: name };
}

const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]/gu;
const DEVICES = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)/i;
const LONGEST = LIMITS.MAX_FILE_NAME - 55; // bytes

/** Return a name that is safe to create in any folder. */
export function cleanName(name) {
  let clean = name.slice(0, 4 * LIMITS.MAX_FILE_NAME).normalize("NFC").split(/[/\\]/).at(-1);
  clean = clean.replace(/\s+/g, " ").replace(INVISIBLE, "").replace(/[<>:"|?*]/g, "_");
  clean = shorten(clean.replace(/^[.\- ]+/, "").replace(/[. ]+$/, ""));
  return (DEVICES.test(clean) ? `_${clean}` : clean) || "file";
}

function shorten(name) {
  const bytes = (text) => new TextEncoder().encode(text).length;
  if (bytes(name) <= LONGEST) return name;
  const dot = name.lastIndexOf(".");
  const suffix = dot > 0 && bytes(name.slice(dot)) <= 21 ? name.slice(dot) : "";
  const stem = [...(suffix ? name.slice(0, dot) : name)];
  while (bytes(stem.join("")) + bytes(suffix) > LONGEST) stem.pop();
  return stem.join("").replace(/[. ]+$/, "") + suffix;
}

/** Return a size for users. */
export function showSize(size) {
  if (size < 1000) return `${size} byte${size === 1 ? "" : "s"}`;
  let value = size / 1000, unit = 0;
  for (; value >= 999.5 && unit < 3; unit += 1) value /= 1000;
  return `${value.toFixed(value < 9.95 ? 1 : 0)} ${["kB", "MB", "GB", "TB"][unit]}`;
}
