// Checks the page's cryptography against the published and golden vectors, in node or in a browser.

const hex = (data) => Array.from(new Uint8Array(data), (byte) => byte.toString(16).padStart(2, "0")).join("");
const unhex = (text) => Uint8Array.from(text.replaceAll(" ", "").match(/../g) ?? [], (pair) => parseInt(pair, 16));
const { subtle } = globalThis.crypto;

// PKCS#8 of a raw private key: WebCrypto imports no raw ones.
const pkcs8 = (oid, raw) => unhex(`302e020100300506032b65${oid}04220420${hex(raw)}`);
const importPrivate = (name, raw, usages) =>
  subtle.importKey("pkcs8", pkcs8(name === "Ed25519" ? "70" : "6e", raw), name, false, usages);
const importPublic = (name, raw, usages) => subtle.importKey("raw", raw, name, true, usages);

export async function check(C, { golden, standards, wrap }) {
  const problems = [];
  const expect = (what, found, wanted) => found === wanted || problems.push(`${what}: ${found} is not ${wanted}`);

  for (const { seed, public: key, message, signature } of standards.ed25519) {
    const signed = await subtle.sign("Ed25519", await importPrivate("Ed25519", unhex(seed), ["sign"]), unhex(message));
    expect("Ed25519", hex(signed), signature);
    const known = await importPublic("Ed25519", unhex(key), ["verify"]);
    expect("Ed25519", await subtle.verify("Ed25519", known, unhex(signature), unhex(message)), true);
  }
  for (const { key, iv, plain, aad, sealed } of standards.aes_gcm) {
    const cipher = await subtle.importKey("raw", unhex(key), "AES-GCM", false, ["encrypt"]);
    const params = { name: "AES-GCM", iv: unhex(iv), additionalData: unhex(aad) };
    expect("AES-GCM", hex(await subtle.encrypt(params, cipher, unhex(plain))), sealed);
  }
  for (const { ikm, salt, info, length, okm } of standards.hkdf) {
    const base = await subtle.importKey("raw", unhex(ikm), "HKDF", false, ["deriveBits"]);
    const params = { name: "HKDF", hash: "SHA-256", salt: unhex(salt), info: unhex(info) };
    expect("HKDF", hex(await subtle.deriveBits(params, base, length * 8)), okm);
  }
  const { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } = await C.hpkeModule();
  const suite = new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() });
  for (const { skRm, pkRm, enc, info, aad, ct, pt } of standards.hpke) {
    const recipientKey = {
      privateKey: await importPrivate("X25519", unhex(skRm), ["deriveBits"]),
      publicKey: await importPublic("X25519", unhex(pkRm), []),
    };
    const opened = await suite.open({ recipientKey, enc: unhex(enc), info: unhex(info) }, unhex(ct), unhex(aad));
    expect("HPKE", hex(opened), pt);
  }

  const seed = unhex(golden.seed), keys = unhex(golden.keys);
  const device = await C.DeviceKey.from({
    signing: {
      privateKey: await importPrivate("Ed25519", seed.slice(0, 32), ["sign"]),
      publicKey: await importPublic("Ed25519", keys.slice(0, 32), ["verify"]),
    },
    exchange: {
      privateKey: await importPrivate("X25519", seed.slice(32), ["deriveBits"]),
      publicKey: await importPublic("X25519", keys.slice(32), []),
    },
  });
  const number = (name) => BigInt(`0x${golden[name]}`);
  const log = number("log"), counter = number("counter"), secret = unhex(golden.secret);
  const epochKeys = await C.EpochKeys.from(secret, log, Number(number("epoch")));
  const sealed = await C.sealText(device, epochKeys, log, counter, golden.name, golden.text,
    { run: Number(number("run")), seen: 9n, view: new Uint8Array(32).fill(0xa0) });
  const signed = C.signedPart(sealed, log, counter);
  expect("signature", await C.isValid(sealed, signed), true);
  const opened = await C.openSealed(sealed, signed, epochKeys, counter);
  expect("name", opened.name, golden.name);
  expect("text", opened.text, golden.text);
  for (const field of ["ciphertext", "signature"]) {
    const changed = { ...sealed, [field]: sealed[field].with(0, sealed[field][0] ^ 1) };
    const part = C.signedPart(changed, log, counter);
    expect(`changed ${field}`, await C.isValid(changed, part), false);
  }
  const moved = await C.openSealed(sealed, C.signedPart(sealed, log, counter + 1n), epochKeys, counter + 1n).catch(({ message }) => message);
  expect("moved", moved, "it was changed, or sealed with another secret");
  expect("words", hex(await C.readSecret(golden.words)), golden.secret);
  expect("encoded", hex(await C.readSecret(golden.encoded)), golden.secret);
  const info = new TextEncoder().encode("from Python");
  expect("wrap", hex(await device.unwrap(unhex(wrap[0]), unhex(wrap[1]), info)), golden.secret);
  const made = await C.wrap(secret, keys, new TextEncoder().encode("from the page"));
  return {
    problems,
    sealed: hex(sealed.ciphertext) + hex(sealed.signature),
    check: hex(epochKeys.check),
    proof: hex(await epochKeys.proof(keys)),
    bundle: hex(device.bundle),
    link: hex(await C.linkOf(sealed, signed)),
    words: (await C.wordsFor(secret)).join(" "),
    encoded: C.showSecret(secret),
    wrap: [hex(made.enc), hex(made.secret)],
  };
}
