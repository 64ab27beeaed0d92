"""The page's files against the Python functions: names, offers, SHA-256 and sealed files."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from netchat.chat.sealing.sealed_file import FileSealer, sealed_size
from netchat.wire.file_offers import (
    FileOffer,
    clean_name,
    describe_offer,
    offer_text,
    parse_offer,
)
from netchat.wording import show_size
from tests.web.node import NODE, run

pytestmark = pytest.mark.skipif(
    NODE is None, reason="node is not installed: apt-get install nodejs"
)

HASH = bytes(range(32))

NAMES = [
    "photo.jpg", "../../etc/passwd", "..\\win.ini", "", "..", ".bashrc", "-rf", "a\nb\tc.txt",
    "e\x00vil\x1b[31m.txt", "gpj.\u202eexe", "con", "NUL.txt", "a:b|c?.txt", "name. . ", "Zoe\u0308.txt",
    "x" * 300 + ".jpg", "\U0001f600" * 100, "x." + "y" * 300, "\u3000 a\xa0b \u2028.png", "\ufdd0a\u2066.txt",
]  # fmt: skip

TEXTS = [
    offer_text(FileOffer(2_345_678, HASH, "image/png", "a.png")),
    offer_text(FileOffer(0, HASH, "", "b", HASH)),
    offer_text(FileOffer(5, HASH, "text/html; x", "../c")),
    "",
    "3\nab\n\nname",
    f"-3\n{HASH.hex()}\n\nname",
    f"3\n{HASH.hex()}\n\nname\nabcd",
    f"3\n{HASH.hex()}\n\nname\n\n\n",
]

SIZES = [0, 1, 999, 1000, 9_949, 9_950, 999_499, 999_500, 10**9, 2**40]

SCRIPT = """
const files = await import(process.env.PAGE + "/files.js");
const { cleanName, describeOffer, offerText, parseOffer, showSize } = files;
const { Sha256 } = await import(process.env.PAGE + "/sha256.js");
const { FileOpener, FileSealer, sealedSize } = await import(process.env.PAGE + "/seal_file.js");
const hex = (data) => Buffer.from(data).toString("hex");
const asked = JSON.parse(await new Response(process.stdin).text());
const data = new Uint8Array(asked.size).map((_, i) => i % 251);
const digests = asked.lengths.map((length) => hex(new Sha256().update(data.subarray(0, length)).digest()));
const pieces = new Sha256();
for (let at = 0; at < data.length; at += 1000) pieces.update(data.subarray(at, at + 1000));
const key = Uint8Array.from({ length: 32 }, (_, i) => i);
const sealer = await FileSealer.from(key, data.length);
const size = sealedSize(data.length);
const sealed = await sealer.seal(data, 0, size);
const [begin, count] = sealer.plainRange(70_000, 100_000);
const range = await sealer.seal(data.subarray(begin, begin + count), 70_000, 100_000);
const opener = await FileOpener.from(key, data.length);
const opened = [];
for (let at = 0; at < size; at += 50_000) opened.push(...await opener.open(sealed.subarray(at, at + 50_000)));
const problems = [];
for (const [from, to] of [[65_552, 131_104], [0, 65_551]]) {
  const hostile = await FileOpener.from(key, data.length);
  const bytes = Uint8Array.from([...sealed.subarray(from, to), 1]);
  await hostile.open(bytes).catch((error) => problems.push(error.message));
}
console.log(JSON.stringify({
  names: asked.names.map(cleanName), sizes: asked.sizes.map(showSize), texts: asked.texts.map(describeOffer),
  again: asked.texts.map((text) => parseOffer(text)).map((offer) => offer && offerText(offer)),
  digests, pieces: hex(pieces.digest()), sealed: hex(new Sha256().update(sealed).digest()), size,
  range: hex(range) === hex(sealed.subarray(70_000, 170_000)), opened: hex(opened) === hex(data), problems,
}));
"""

SIZE = 200_000
LENGTHS = [0, 1, 3, 55, 56, 63, 64, 65, 119, 120, 128, SIZE]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> dict:
    folder: Path = tmp_path_factory.mktemp("page")
    asked = {"names": NAMES, "texts": TEXTS, "sizes": SIZES, "size": SIZE, "lengths": LENGTHS}
    return json.loads(run(folder, "--input-type=module", "--eval", SCRIPT, text=json.dumps(asked)))


def test_names_are_made_safe_in_the_same_way(page: dict) -> None:
    assert dict(zip(NAMES, page["names"], strict=True)) == {n: clean_name(n) for n in NAMES}


def test_offers_are_the_same(page: dict) -> None:
    assert page["texts"] == [describe_offer(text) for text in TEXTS]
    parsed = [parse_offer(text) for text in TEXTS]
    assert page["again"] == [offer and offer_text(offer) for offer in parsed]


def test_sizes_are_shown_in_the_same_way(page: dict) -> None:
    assert page["sizes"] == [show_size(size) for size in SIZES]


def test_hashes(page: dict) -> None:
    data = bytes(i % 251 for i in range(SIZE))
    assert page["digests"] == [hashlib.sha256(data[:n]).hexdigest() for n in LENGTHS]
    assert page["pieces"] == hashlib.sha256(data).hexdigest()


def test_sealed_files_are_the_same(page: dict) -> None:
    data = bytes(i % 251 for i in range(SIZE))
    sealed = FileSealer(HASH, SIZE).seal(data, 0, sealed_size(SIZE))
    assert (page["size"], page["sealed"]) == (len(sealed), hashlib.sha256(sealed).hexdigest())
    assert page["range"]
    assert page["opened"]


def test_the_page_notices_a_hostile_server(page: dict) -> None:
    assert page["problems"] == ["part 1 of the file was changed on the server or on the way"] * 2
