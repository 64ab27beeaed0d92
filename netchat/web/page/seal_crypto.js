// Cryptography of sealed messages, with WebCrypto. Counterpart of netchat/chat/sealing/, with which it
// shares its golden vectors. WebCrypto exists only on https and on localhost: see `canSeal`.

import { EventKind, decodeRecord, encodeRecord } from "./protocol.js";

export const EMPTY = new Uint8Array(0);
export const SECRET_SIZE = 16;
const SUITE = 1;
const { subtle } = globalThis.crypto;
const encoder = new TextEncoder();

/** Something that cannot be sealed or opened; its message is for the user. */
export class SealingError extends Error {}

export const concat = (...parts) => {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
};
const label = (text) => encoder.encode(`${text}\0`);
const u32 = (n) => new Uint8Array([n >>> 24, n >>> 16, n >>> 8, n]);
const u64 = (n) => {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(n));
  return bytes;
};
export const hex = (data) => Array.from(data, (byte) => byte.toString(16).padStart(2, "0")).join("");
export const unhex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
export const same = (one, other) => one.length === other.length && one.every((byte, i) => byte === other[i]);
export const sha256 = async (...parts) => new Uint8Array(await subtle.digest("SHA-256", concat(...parts)));

/** Return why this browser cannot seal here, or an empty string. */
export async function whyNot() {
  if (!globalThis.isSecureContext || !subtle) {
    return "Browsers allow encryption only over https, or on the server's own machine. Start the server " +
      "with --tls, and open this page at its https address.";
  }
  try {
    await subtle.generateKey("Ed25519", false, ["sign", "verify"]);
    await subtle.generateKey("X25519", false, ["deriveBits"]);
  } catch {
    return "This browser lacks Ed25519 or X25519. Update it: Chrome 137, Firefox 130 and Safari 17 have both.";
  }
  return "";
}

/** Derive bytes with HKDF-SHA256, without salt. */
async function derive(base, info, size) {
  const params = { name: "HKDF", hash: "SHA-256", salt: EMPTY, info };
  return new Uint8Array(await subtle.deriveBits(params, base, size * 8));
}

const baseKey = (secret) => subtle.importKey("raw", secret, "HKDF", false, ["deriveBits"]);

/** Return the public value by which a device recognises the secret of an epoch. */
export const checkValue = async (secret, epoch) =>
  derive(await baseKey(secret), concat(label("netchat check 1"), u32(epoch)), 16);

// -- keys of a device -----------------------------------------------------------------------------

export const hpkeModule = () => import("./hpke.js");

let hpkeSuite;

/** Load HPKE when it is first needed. */
async function hpke() {
  const { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } = await hpkeModule();
  hpkeSuite ??= new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() });
  return hpkeSuite;
}

const BIND = label("netchat device keys 1");

/** Keys of this device. Scripts can use the private ones, but not read them. */
export class DeviceKey {
  /** @param pairs {signing, exchange}: two CryptoKeyPairs, which IndexedDB can store. */
  static async from(pairs) {
    const device = new DeviceKey();
    device.pairs = pairs;
    const raw = async ({ publicKey }) => new Uint8Array(await subtle.exportKey("raw", publicKey));
    device.keys = concat(await raw(pairs.signing), await raw(pairs.exchange));
    device.bundle = concat(device.keys, await device.sign(concat(BIND, device.keys)));
    return device;
  }

  static async generate() {
    return DeviceKey.from({
      signing: await subtle.generateKey("Ed25519", false, ["sign", "verify"]),
      exchange: await subtle.generateKey("X25519", false, ["deriveBits"]),
    });
  }

  async sign(data) {
    return new Uint8Array(await subtle.sign("Ed25519", this.pairs.signing.privateKey, data));
  }

  async unwrap(enc, sealed, info) {
    try {
      const suite = await hpke();
      return new Uint8Array(await suite.open({ recipientKey: this.pairs.exchange, enc, info }, sealed));
    } catch {
      throw new SealingError("the secret was not sealed for this device");
    }
  }
}

/** Seal a secret for a device with HPKE. Returns {enc, secret}. */
export async function wrap(secret, keys, info) {
  const recipientPublicKey = await subtle.importKey("raw", keys.slice(32, 64), "X25519", true, []);
  const { enc, ct } = await (await hpke()).seal({ recipientPublicKey, info }, secret);
  return { enc: new Uint8Array(enc), secret: new Uint8Array(ct) };
}

async function isSigned(keys, signature, data) {
  try {
    const key = await subtle.importKey("raw", keys.slice(0, 32), "Ed25519", false, ["verify"]);
    return await subtle.verify("Ed25519", key, signature, data);
  } catch {
    return false;
  }
}

/** Return the public keys of a bundle, or null if they are not bound to each other. */
export async function checkBundle(bundle) {
  const keys = bundle.slice(0, 64);
  const isValid = bundle.length === 128 && (await isSigned(keys, bundle.slice(64), concat(BIND, keys)));
  return isValid ? keys : null;
}

/** Return the number by which a REKEY refers to a device. */
export const shortId = async (keys) => new DataView((await sha256(keys.slice(0, 64))).buffer).getBigUint64(0);

// -- keys of an epoch -----------------------------------------------------------------------------

/** Keys of one room and epoch. */
export class EpochKeys {
  static async from(secret, log, epoch) {
    const keys = new EpochKeys();
    const base = await baseKey(secret);
    Object.assign(keys, { secret, epoch, base, context: concat(u64(log), u32(epoch)), ciphers: new Map() });
    keys.check = await checkValue(secret, epoch);
    const members = await derive(base, concat(label("netchat members 1"), keys.context), 32);
    keys.members = await subtle.importKey("raw", members, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
    return keys;
  }

  /** Return the cipher of a sending device. */
  cipher(sender) {
    const id = hex(sender);
    if (!this.ciphers.has(id)) {
      if (this.ciphers.size >= 1024) this.ciphers.clear(); // an attacker may invent senders
      this.ciphers.set(id, derive(this.base, concat(label("netchat sender 1"), this.context, sender), 32)
        .then((key) => subtle.importKey("raw", key, "AES-GCM", false, ["encrypt", "decrypt"])));
    }
    return this.ciphers.get(id);
  }

  /** Return the proof that a device is a member. */
  async proof(keys) {
    return new Uint8Array(await subtle.sign("HMAC", this.members, keys));
  }
}

// -- messages -------------------------------------------------------------------------------------

const CONTEXT = label("netchat sealed 1");

/** Return the bytes before the ciphertext that signature and additional data begin with. */
const start = (sealed, log, counter) =>
  concat(CONTEXT, u64(log), u64(counter),
    encodeRecord("Sealed", { ...sealed, ciphertext: EMPTY, signature: EMPTY }).slice(0, -8));

/**
 * Seal a message. `epochKeys` is null for the first secret of a private room.
 * @param more run, seen, view, previous; for REKEY also kind, epoch, check and wraps.
 */
export async function sealText(device, epochKeys, log, counter, name, text, more) {
  const sealed = {
    kind: EventKind.SEALED, algorithms: SUITE, epoch: epochKeys?.epoch ?? 0, run: 0, seen: 0n, view: EMPTY,
    previous: EMPTY, key: device.keys, check: EMPTY, wraps: [], ciphertext: EMPTY, signature: EMPTY, ...more,
  };
  const head = start(sealed, log, counter);
  if (epochKeys) {
    const plain = encodeRecord("SealedText", { name, text });
    const params = { name: "AES-GCM", iv: concat(u32(sealed.run), u64(counter)), additionalData: concat(head, u64(0)) };
    sealed.ciphertext = new Uint8Array(await subtle.encrypt(params, await epochKeys.cipher(device.keys), plain));
  }
  sealed.signature = await device.sign(concat(head, u32(sealed.ciphertext.length), sealed.ciphertext, u32(0)));
  return sealed;
}

/** Return the bytes that a message's signature covers. Throws a SealingError. */
export function signedPart(sealed, log, counter) {
  if (sealed.algorithms !== SUITE) throw new SealingError(`it uses algorithms ${sealed.algorithms}, which this version does not support`);
  if (sealed.key.length !== 64 || sealed.signature.length !== 64) {
    throw new SealingError("its keys or its signature have the wrong size");
  }
  return concat(start(sealed, log, counter), u32(sealed.ciphertext.length), sealed.ciphertext, u32(0));
}

export const isValid = (sealed, signed) => isSigned(sealed.key, sealed.signature, signed);

/** Return the hash by which the sender's next message refers to this one. */
export const linkOf = (sealed, signed) => sha256(signed, sealed.signature);

/** Decrypt a message. Returns {name, text}. Throws a SealingError. */
export async function openSealed(sealed, signed, epochKeys, counter) {
  // The additional data is the signed part without the ciphertext.
  const additionalData = concat(signed.subarray(0, signed.length - sealed.ciphertext.length - 8), u64(0));
  const params = { name: "AES-GCM", iv: concat(u32(sealed.run), u64(counter)), additionalData };
  let plain;
  try {
    plain = new Uint8Array(await subtle.decrypt(params, await epochKeys.cipher(sealed.key), sealed.ciphertext));
  } catch {
    throw new SealingError("it was changed, or sealed with another secret");
  }
  try {
    return decodeRecord("SealedText", plain);
  } catch {
    throw new SealingError("its plaintext is malformed");
  }
}

// -- secrets and safety numbers -------------------------------------------------------------------

export const newSecret = () => crypto.getRandomValues(new Uint8Array(SECRET_SIZE));

/** Return a secret as the fragment of a link: URL-safe Base64. */
export const showSecret = (secret) =>
  btoa(String.fromCharCode(...secret)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");

/** Return 16 bytes as 12 words of BIP-39. */
export async function wordsFor(data) {
  const { WORDS } = await import("./words.js");
  const number = (BigInt(`0x${hex(data)}`) << 4n) | BigInt((await sha256(data))[0] >> 4);
  return Array.from({ length: 12 }, (_, i) => WORDS[Number((number >> BigInt(11 * (11 - i))) & 2047n)]);
}

/** Return the secret that a user pasted or typed. Throws a SealingError. */
export async function readSecret(written) {
  const text = written.trim();
  if (/^[\w-]{21}[AQgw]$/.test(text)) {
    return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  }
  const words = text.toLowerCase().split(/[\s,+.-]+/);
  if (words.length !== 12) throw new SealingError("A room's secret has 22 characters, or 12 words.");
  const { WORDS } = await import("./words.js");
  let number = 0n;
  words.forEach((typed, i) => {
    const at = WORDS.findIndex((word) => word.slice(0, 4) === typed.slice(0, 4) && word.startsWith(typed));
    if (at < 0) throw new SealingError(`Word ${i + 1} of the secret is not in the list of words; check it.`);
    number = (number << 11n) | BigInt(at);
  });
  const secret = unhex((number >> 4n).toString(16).padStart(32, "0"));
  if (BigInt((await sha256(secret))[0] >> 4) !== (number & 15n)) {
    throw new SealingError("The words of the secret do not match their checksum; check each of them.");
  }
  return secret;
}

async function safetyNumber(...content) {
  const digest = new Uint8Array(await subtle.digest("SHA-512", concat(...content)));
  const digits = (BigInt(`0x${hex(digest.slice(0, 32))}`) % 10n ** 60n).toString().padStart(60, "0");
  return { digits: digits.match(/.{5}/g).join(" "), words: (await wordsFor(digest.slice(32, 48))).join(" ") };
}

const sorted = (all) => [...all].sort((one, other) => (hex(one) < hex(other) ? -1 : 1));

export const pairNumber = (keys, other) => safetyNumber(label("netchat safety pair 1"), ...sorted([keys, other]));

export const roomNumber = (log, epoch, check, members) =>
  safetyNumber(label("netchat safety room 1"), u64(log), u32(epoch), check, ...sorted(members));

export { label, u32, u64 };
