"""Published and golden vectors of sealed messages, in Python and in the page's WebCrypto."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.bindings._rust import openssl as rust_openssl
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from netchat.chat.sealing.device_key import DeviceKey, check_bundle, wrap
from netchat.chat.sealing.epoch_keys import EpochKeys
from netchat.chat.sealing.room_secret import read_secret, secret_words, show_secret
from netchat.chat.sealing.sealed_message import link_of, open_sealed, seal_text, signed_part, verify
from netchat.chat.sealing.transcript import Transcript
from netchat.wire import Sealed
from tests.vectors.sealing import GOLDEN, STANDARDS, compute
from tests.web.node import NODE, run

CHECK = Path(__file__).with_name("check.mjs").read_text("utf-8")

needs_node = pytest.mark.skipif(NODE is None, reason="node is not installed")


def raw(name: str) -> bytes:
    return bytes.fromhex(GOLDEN[name])


@pytest.mark.parametrize("vector", STANDARDS["hpke"])
def test_hpke_is_that_of_rfc_9180(vector):
    suite = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
    key = X25519PrivateKey.from_private_bytes(bytes.fromhex(vector["skRm"]))
    sealed = bytes.fromhex(vector["enc"] + vector["ct"])
    info, aad = bytes.fromhex(vector["info"]), bytes.fromhex(vector["aad"])
    # `decrypt` takes no additional data; this is the hook of the library's own tests.
    opened = rust_openssl.hpke._decrypt_with_aad(suite, sealed, key, info=info, aad=aad)
    assert opened.hex() == vector["pt"]


@pytest.mark.parametrize("vector", STANDARDS["ed25519"])
def test_ed25519_is_that_of_rfc_8032(vector):
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(vector["seed"]))
    assert key.public_key().public_bytes_raw().hex() == vector["public"]
    assert key.sign(bytes.fromhex(vector["message"])).hex() == vector["signature"]


@pytest.mark.parametrize("vector", STANDARDS["aes_gcm"])
def test_aes_gcm_is_that_of_nist(vector):
    key, iv, plain, aad = (bytes.fromhex(vector[name]) for name in ("key", "iv", "plain", "aad"))
    assert AESGCM(key).encrypt(iv, plain, aad).hex() == vector["sealed"]


@pytest.mark.parametrize("vector", STANDARDS["hkdf"])
def test_hkdf_is_that_of_rfc_5869(vector):
    ikm, salt, info = (bytes.fromhex(vector[name]) for name in ("ikm", "salt", "info"))
    derived = HKDF(SHA256(), vector["length"], salt, info).derive(ikm)
    assert derived.hex() == vector["okm"]


def test_the_golden_vector_agrees_with_its_pieces():
    assert {name: GOLDEN[name] for name in compute(GOLDEN)} == compute(GOLDEN)


def test_python_seals_and_opens_the_golden_vector():
    device = DeviceKey(raw("seed"))
    assert device.keys == raw("keys")
    assert device.bundle == raw("bundle")
    assert check_bundle(device.bundle) == device.keys
    log, epoch, counter = (int.from_bytes(raw(name), "big") for name in ("log", "epoch", "counter"))
    keys = EpochKeys(raw("secret"), log, epoch)
    assert keys.check == raw("check")
    assert keys.proof(device.keys) == raw("proof")
    sealed, signed = seal_text(
        device,
        keys,
        log,
        counter,
        GOLDEN["name"],
        GOLDEN["text"],
        run=int(GOLDEN["run"], 16),
        seen=9,
        view=b"\xa0" * 32,
    )
    body = b"".join(bytes.fromhex(piece) for piece, _ in GOLDEN["pieces"][3:])
    for name in ("ciphertext", "signature"):
        body += len(raw(name)).to_bytes(4, "big") + raw(name)
    assert sealed.encode() == body
    assert Sealed.read(body, 0) == (sealed, len(body))
    assert signed == signed_part(sealed, log, counter)
    verify(sealed, signed)
    assert link_of(sealed, signed) == raw("link")
    assert open_sealed(sealed, signed, keys, counter) == (GOLDEN["name"], GOLDEN["text"])


def test_python_has_the_golden_words_and_views():
    assert secret_words(raw("secret")) == GOLDEN["words"]
    assert show_secret(raw("secret")) == GOLDEN["encoded"]
    assert read_secret(GOLDEN["words"]) == read_secret(GOLDEN["encoded"]) == raw("secret")
    transcript = Transcript(int(GOLDEN["log"], 16))
    transcript.add(1, raw("first_event"))
    assert transcript.value == raw("view")


SCRIPT = """
const page = process.env.PAGE;
const C = await import(`${page}/seal_crypto.js`);
const { check } = await import(`${page}/sealing_check.mjs`);
const { readFileSync } = await import("node:fs");
console.log(JSON.stringify(await check(C, JSON.parse(readFileSync(0, "utf8")))));
"""


@needs_node
def test_the_page_has_the_same_vectors_under_node(tmp_path):
    """`tests/end_to_end/test_page_sealed.py` runs the same script in Chromium."""
    (tmp_path / "sealing_check.mjs").write_text(CHECK)
    device = DeviceKey(raw("seed"))
    enc, secret = wrap(raw("secret"), device.keys, b"from Python")
    given = {"golden": GOLDEN, "standards": STANDARDS, "wrap": [enc.hex(), secret.hex()]}
    (tmp_path / "main.mjs").write_text(SCRIPT)
    found = json.loads(
        run(tmp_path, "--no-warnings", str(tmp_path / "main.mjs"), text=json.dumps(given))
    )
    check_answer(found, device)


def check_answer(found: dict[str, object], device: DeviceKey) -> None:
    """Check what the page has computed, and open what it has sealed."""
    assert found["problems"] == []
    assert found["sealed"] == GOLDEN["ciphertext"] + GOLDEN["signature"]
    for name in ("check", "proof", "bundle", "link", "words", "encoded"):
        assert found[name] == GOLDEN[name], name
    enc, sealed = map(bytes.fromhex, found["wrap"])  # type: ignore[call-overload]
    assert device.unwrap(enc, sealed, b"from the page") == raw("secret")
