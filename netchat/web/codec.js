// NCP/1 codec for the browser. Do not edit: netchat generates this file from its wire declarations
// and netchat/web/codec.js (`netchat protocol --js --write`).
//
//   encode("SEND", {counter: 1n, room: "lobby", text: "hi"})  -> Uint8Array, one whole frame
//   reader.push(bytes)  -> [{name, type, flags, fields, bytes}], for chunks of any size
//   walk(bytes)         -> every field of one frame with its offset and length
//
// u8, u16 and u32 are Numbers, u64 is a BigInt, text a string, blob a Uint8Array, a list an array.

//@SPEC@

const SIZES = {u8: 1, u16: 2, u32: 4, u64: 8, text: 2, blob: 4, list: 2};
const byType = new Map(Object.entries(MESSAGES).map(([name, m]) => [m.type, {name, ...m}]));
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", {fatal: true, ignoreBOM: true});

function leftOver(size) {
  return size === 1 ? "1 byte is left over" : `${size} bytes are left over`;
}

/** A peer's violation of the protocol: its `kind` as in netchat.errors, and the frames before it. */
export class ProtocolError extends Error {
  constructor(kind, message) {
    super(message);
    this.name = "ProtocolError";
    this.kind = kind;
    this.frames = [];
  }
}

/** A message that the protocol cannot carry. */
export class EncodeError extends Error {}

const CRC = new Uint32Array(256).map((_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
  return n;
});

/** Return the CRC-32 of a whole frame, with its CRC field counted as zero. */
export function checksum(bytes) {
  let c = ~0;
  for (let i = 0; i < bytes.length; i++) {
    c = CRC[(c ^ (i >= CRC_OFFSET && i < HEADER_SIZE ? 0 : bytes[i])) & 255] ^ (c >>> 8);
  }
  return ~c >>> 0;
}

const hex = (n, digits = 0) => n.toString(16).padStart(digits, "0");
const viewOf = (bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

// ---- encoding

/** Encode a message as a frame. All declared fields are required, and no others are allowed. */
export function encode(name, fields = {}) {
  const message = MESSAGES[name];
  if (!message) throw new EncodeError(`NCP/${VERSION} has no message ${name}`);
  const out = [];
  write(message.fields, fields, name, out);
  const size = out.reduce((sum, part) => sum + part.length, HEADER_SIZE);
  const frame = new Uint8Array(size);
  const view = viewOf(frame);
  encoder.encodeInto(MAGIC, frame);
  frame[2] = VERSION;
  frame[3] = message.type;
  view.setUint32(8, size - HEADER_SIZE);
  let at = HEADER_SIZE;
  for (const part of out) {
    frame.set(part, at);
    at += part.length;
  }
  view.setUint32(CRC_OFFSET, checksum(frame));
  return frame;
}

/** Encode a record by itself. */
export function encodeRecord(name, values) {
  const out = [];
  write(RECORDS[name], values, name, out);
  const bytes = new Uint8Array(out.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of out) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function write(declared, values, where, out) {
  const known = new Set(declared.map(([name]) => name));
  const unknown = Object.keys(values).find((name) => !known.has(name));
  if (unknown) throw new EncodeError(`${where} has no field ${unknown}`);
  for (const [name, kind, , record] of declared) {
    const value = values[name], path = `${where}.${name}`;
    if (kind === "text") {
      if (typeof value !== "string") throw new EncodeError(`${path} must be a string`);
      if (/\p{Surrogate}/u.test(value)) throw new EncodeError(`${path} holds a lone surrogate`);
      const raw = encoder.encode(value);
      out.push(number(kind, raw.length, path), raw);
    } else if (kind === "blob") {
      if (!(value instanceof Uint8Array)) throw new EncodeError(`${path} must be a Uint8Array`);
      out.push(number(kind, value.length, path), value);
    } else if (kind === "list") {
      if (!Array.isArray(value)) throw new EncodeError(`${path} must be an array`);
      out.push(number(kind, value.length, path));
      value.forEach((item, i) => write(RECORDS[record], item, `${path}[${i}]`, out));
    } else {
      out.push(number(kind, value, path));
    }
  }
}

function number(kind, value, path) {
  const size = SIZES[kind];
  if (size <= 4 && Number.isInteger(value) && value >= 0 && value < 256 ** size) { // most numbers
    const bytes = new Uint8Array(size);
    for (let i = size - 1, rest = value; i >= 0; i--, rest = Math.floor(rest / 256)) bytes[i] = rest & 255;
    return bytes;
  }
  let n;
  try {
    n = BigInt(value);
  } catch {
    n = -1n;
  }
  if (n < 0n || n >= 1n << BigInt(8 * size) || (typeof value !== "bigint" && !Number.isSafeInteger(value))) {
    throw new EncodeError(`${path} = ${value} does not fit into ${size} bytes`);
  }
  const bytes = new Uint8Array(size);
  if (size === 8) viewOf(bytes).setBigUint64(0, n);
  else for (let i = size - 1; i >= 0; i--, n >>= 8n) bytes[i] = Number(n & 255n);
  return bytes;
}

// ---- decoding

/** Splits a byte stream into frames. After an error it stays failed. */
export class FrameReader {
  #rest = new Uint8Array(0);
  #failed = null;

  constructor(limit = LIMITS.MAX_FRAME) {
    this.limit = limit;
  }

  /** Number of buffered bytes of an incomplete frame. */
  get pending() {
    return this.#rest.length;
  }

  /** Decode the next bytes and return the frames they complete. Throws a ProtocolError. */
  push(bytes) {
    if (this.#failed) throw new ProtocolError(this.#failed.kind, this.#failed.message);
    let data = bytes;
    if (this.#rest.length) {
      data = new Uint8Array(this.#rest.length + bytes.length);
      data.set(this.#rest);
      data.set(bytes, this.#rest.length);
    }
    const frames = [];
    let at = 0;
    try {
      while (at < data.length) {
        const length = checkHeader(data.subarray(at), this.limit);
        const end = at + HEADER_SIZE + length;
        if (at + HEADER_SIZE > data.length || end > data.length) break;
        frames.push(decode(data.slice(at, end)));
        at = end;
      }
    } catch (error) {
      this.#failed = error;
      this.#rest = new Uint8Array(0);
      error.frames = frames;
      throw error;
    }
    this.#rest = data.slice(at);
    return frames;
  }
}

/** Check a complete or partial header. Returns the body length, or 0 if the header is partial. */
function checkHeader(head, limit) {
  const fail = (kind, text) => {
    throw new ProtocolError(kind, text);
  };
  for (let i = 0; i < MAGIC.length && i < head.length; i++) {
    if (head[i] !== MAGIC.charCodeAt(i)) fail("BadMagic", `a frame begins with ${MAGIC}`);
  }
  if (head.length > 2 && head[2] !== VERSION) {
    fail("BadVersion", `this is NCP version ${head[2]}; this page speaks version ${VERSION}`);
  }
  if (head.length > 3 && !byType.has(head[3])) {
    fail("UnknownType", `frame type 0x${hex(head[3], 2)} is not in NCP/${VERSION}`);
  }
  if (head.length > 7 && head.subarray(4, 8).some((byte) => byte)) {
    fail("UnknownFlags", "flags, suite and reserved must be 0");
  }
  if (head.length < HEADER_SIZE) return 0;
  const length = viewOf(head).getUint32(8);
  if (HEADER_SIZE + length > limit) {
    fail("FrameTooLarge", `a frame of ${HEADER_SIZE + length} bytes; the limit is ${limit}`);
  }
  return length;
}

/** Decode one whole frame, whose header must have been checked. */
function decode(bytes) {
  const {name, type, fields: declared} = byType.get(bytes[3]);
  const expected = viewOf(bytes).getUint32(CRC_OFFSET), actual = checksum(bytes);
  if (expected !== actual) {
    throw new ProtocolError("BadChecksum", `${name}: its CRC-32 says ${hex(expected, 8)}, its bytes give ${hex(actual, 8)}`);
  }
  const fields = {};
  const end = read(bytes, HEADER_SIZE, declared, name, fields);
  if (end !== bytes.length) {
    throw new ProtocolError("BadBody", `${name}: ${leftOver(bytes.length - end)} at byte ${end}`);
  }
  return {name, type, flags: viewOf(bytes).getUint16(4), fields, bytes};
}

/** Decode a record that fills all of the bytes. */
export function decodeRecord(name, bytes) {
  const fields = {};
  const end = read(bytes, 0, RECORDS[name], name, fields);
  if (end !== bytes.length) throw new ProtocolError("BadBody", `${name}: ${leftOver(bytes.length - end)} at byte ${end}`);
  return fields;
}

/**
 * Decode the declared fields into `into`, call `visit` for each one if given, and return the offset
 * after them. Offsets count from the frame's first byte.
 */
function read(bytes, at, declared, where, into, visit, prefix = "", depth = 0) {
  const view = viewOf(bytes);
  const fail = (path, text) => {
    throw new ProtocolError("BadBody", `${where}: ${path} ${text}`);
  };
  for (const [name, kind, doc, more] of declared) {
    const path = prefix + name, size = SIZES[kind], offset = at;
    const left = bytes.length - at;
    if (size > left) fail(path, `at byte ${at} needs ${size} bytes, but only ${left} are left`);
    let value =
      size === 8 ? view.getBigUint64(at) : size === 4 ? view.getUint32(at) : size === 2 ? view.getUint16(at) : bytes[at];
    at += size;
    if (kind === "list") {
      visit?.({name: path, kind, offset, length: size, prefix: size, value, text: `${value}`, doc, depth});
      const items = [];
      for (let i = 0; i < value; i++) {
        const item = {};
        at = read(bytes, at, RECORDS[more], where, item, visit, `${path}[${i}].`, depth + 1);
        items.push(item);
      }
      into[name] = items;
      continue;
    }
    let text;
    if (kind === "text" || kind === "blob") {
      if (value > bytes.length - at) {
        fail(path, `at byte ${offset} says it is ${value} bytes long, but only ${bytes.length - at} are left`);
      }
      const raw = bytes.subarray(at, at + value);
      at += value;
      if (kind === "text") {
        try {
          text = value = decoder.decode(raw);
        } catch {
          fail(path, `at byte ${offset} is not valid UTF-8`);
        }
      } else {
        value = raw.slice();
      }
    }
    into[name] = value;
    if (visit) {
      const prefixed = kind === "text" || kind === "blob" ? size : 0;
      text ??= textOf(kind, value, doc, more);
      visit({name: path, kind, offset, length: at - offset, prefix: prefixed, value, text, doc, depth});
    }
  }
  return at;
}

function textOf(kind, value, doc, choice) {
  if (kind === "blob") return [...value].map((byte) => hex(byte, 2)).join("");
  if (choice) return ENUMS[choice][value] ?? `${value}`;
  if (kind === "u64" && value && doc.includes("microseconds since 1970") && value < 8640000000000000000n) {
    return new Date(Number(value / 1000n)).toISOString();
  }
  return `${value}`;
}

/**
 * Return every field of one whole frame in order, first the header's, then the body's, as
 * [{name, kind, offset, length, prefix, value, text, doc, depth}]. The first `prefix` bytes hold the
 * length of a text or blob, or the count of a list; a list's items follow with `depth` + 1.
 */
export function walk(bytes) {
  const length = checkHeader(bytes, Infinity);
  if (bytes.length !== HEADER_SIZE + length) throw new ProtocolError("BadBody", "this is not one whole frame");
  const message = byType.get(bytes[3]);
  const found = HEADER.map(([name, offset, size, doc]) => {
    const raw = bytes.subarray(offset, offset + size);
    const value = name === "magic" ? decoder.decode(raw) : raw.reduce((n, byte) => n * 256 + byte, 0);
    const text =
      name === "type" ? message.name : name === "crc" ? `0x${hex(value, 8)}` : `${value}`;
    return {name, kind: name === "magic" ? "bytes" : `u${8 * size}`, offset, length: size, prefix: 0, value, text, doc, depth: 0};
  });
  const end = read(bytes, HEADER_SIZE, message.fields, message.name, {}, (span) => found.push(span));
  if (end !== bytes.length) throw new ProtocolError("BadBody", leftOver(bytes.length - end));
  return found;
}
