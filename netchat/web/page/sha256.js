// SHA-256 of bytes that arrive in pieces (FIPS 180-4). WebCrypto needs all bytes at once, and exists only in
// secure contexts.

const K = new Uint32Array(64), INITIAL = new Uint32Array(8);
for (let found = 0, number = 2; found < 64; number += 1) {
  let isPrime = true;
  for (let divisor = 2; divisor * divisor <= number; divisor += 1) isPrime &&= number % divisor !== 0;
  if (!isPrime) continue;
  const bits = (root) => ((root % 1) * 2 ** 32) | 0;
  if (found < 8) INITIAL[found] = bits(Math.sqrt(number));
  K[found] = bits(Math.cbrt(number));
  found += 1;
}

export class Sha256 {
  constructor() {
    this.state = INITIAL.slice();
    this.words = new Uint32Array(64);
    this.rest = new Uint8Array(64);
    this.filled = 0;
    this.length = 0;
  }

  update(data) {
    this.length += data.length;
    let at = 0;
    if (this.filled) {
      at = Math.min(64 - this.filled, data.length);
      this.rest.set(data.subarray(0, at), this.filled);
      this.filled += at;
      if (this.filled < 64) return this;
      this.block(this.rest, 0);
    }
    for (; at + 64 <= data.length; at += 64) this.block(data, at);
    this.rest.set(data.subarray(at));
    this.filled = data.length - at;
    return this;
  }

  /** Return the hash; nothing can be added after that. */
  digest() {
    const { length, filled } = this;
    const padding = new Uint8Array((filled < 56 ? 64 : 128) - filled);
    const view = new DataView(padding.buffer);
    padding[0] = 0x80;
    view.setUint32(padding.length - 8, Math.floor(length / 2 ** 29));
    view.setUint32(padding.length - 4, (length % 2 ** 29) * 8);
    this.update(padding);
    const out = new DataView(new ArrayBuffer(32));
    this.state.forEach((word, i) => out.setUint32(4 * i, word));
    return new Uint8Array(out.buffer);
  }

  block(data, at) {
    const { words: w, state } = this;
    for (let i = 0, p = at; i < 16; i += 1, p += 4) {
      w[i] = (data[p] << 24) | (data[p + 1] << 16) | (data[p + 2] << 8) | data[p + 3];
    }
    for (let i = 16; i < 64; i += 1) {
      const x = w[i - 15], y = w[i - 2];
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0;
    }
    let [a, b, c, d, e, f, g, h] = state;
    for (let i = 0; i < 64; i += 1) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0;
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g; g = f; f = e; e = (d + t1) | 0; d = c; c = b; b = a; a = (t1 + t2) | 0;
    }
    state[0] += a; state[1] += b; state[2] += c; state[3] += d;
    state[4] += e; state[5] += f; state[6] += g; state[7] += h;
  }
}
