// Files of sealed rooms. Counterpart of netchat/chat/sealing/sealed_file.py.

import { concat, label, SealingError, u64 } from "./seal_crypto.js";

const PART = 65_536, TAG = 16, SEALED_PART = PART + TAG;
const parts = (size) => Math.max(1, Math.ceil(size / PART));

export const newFileKey = () => crypto.getRandomValues(new Uint8Array(32));

/** Return the size of the sealed form of a file. */
export const sealedSize = (size) => size + parts(size) * TAG;

class FileCipher {
  static async from(key, size) {
    const cipher = new this();
    cipher.key = await crypto.subtle.importKey("raw", key, "AES-GCM", false, ["encrypt", "decrypt"]);
    cipher.size = size;
    cipher.additionalData = concat(label("netchat file 1"), u64(BigInt(size)));
    cipher.part = 0; // that `open` expects
    cipher.rest = new Uint8Array(0);
    return cipher;
  }

  algorithm(part) {
    const iv = new Uint8Array(12);
    new DataView(iv.buffer).setBigUint64(4, BigInt(part));
    return { name: "AES-GCM", iv, additionalData: this.additionalData };
  }
}

export class FileSealer extends FileCipher {
  /** Return the offset and the number of the file's bytes that `seal` needs for a range of the sealed form. */
  plainRange(offset, length) {
    const begin = Math.floor(offset / SEALED_PART) * PART;
    return [begin, Math.min(this.size, Math.ceil((offset + length) / SEALED_PART) * PART) - begin];
  }

  /** Return a range of the sealed form. */
  async seal(plain, offset, length) {
    const first = Math.floor(offset / SEALED_PART), sealed = [];
    for (let at = 0; at < Math.max(1, plain.length); at += PART) {
      const part = crypto.subtle.encrypt(this.algorithm(first + at / PART), this.key, plain.subarray(at, at + PART));
      sealed.push(new Uint8Array(await part));
    }
    const start = offset - first * SEALED_PART;
    return concat(...sealed).slice(start, start + length);
  }
}

export class FileOpener extends FileCipher {
  /** Continue after `size` bytes of the file, a number of whole parts. Returns the size of their sealed form. */
  skip(size) {
    this.part = size / PART;
    return this.part * SEALED_PART;
  }

  /** Return the file's bytes in the parts that are complete with the next bytes of the sealed form. */
  async open(data) {
    this.rest = concat(this.rest, data);
    const opened = [];
    while (this.part < parts(this.size)) {
      const wanted = Math.min(PART, this.size - this.part * PART) + TAG;
      if (this.rest.length < wanted) break;
      try {
        opened.push(new Uint8Array(await crypto.subtle.decrypt(this.algorithm(this.part), this.key, this.rest.slice(0, wanted))));
      } catch {
        throw new SealingError(`part ${this.part + 1} of the file was changed on the server or on the way`);
      }
      this.rest = this.rest.slice(wanted);
      this.part += 1;
    }
    return concat(...opened);
  }
}
