"""Files in captures."""

from __future__ import annotations

import hashlib

import pytest

from netchat.chat.sealing.sealed_file import FileSealer, sealed_size
from netchat.cli.render.file_unsealer import unseal_file
from netchat.errors import CaptureError
from netchat.packets import DecodedMessage
from netchat.packets.decode.conversation import Conversation
from netchat.packets.file_export import FileExport
from netchat.wire import (
    Chunk,
    Download,
    Event,
    EventKind,
    FileOffer,
    Offer,
    Sealed,
    SealedEvent,
    SealedText,
    Send,
    Upload,
    encode,
)
from netchat.wire.file_offers import offer_text
from tests.packets.chatter import decode
from tests.packets.segments import Talk

DATA = bytes(range(256)) * 40
HASH = hashlib.sha256(DATA).digest()
KEY = bytes(range(32))


def export(folder, *messages, opener=None):
    """Export from messages: pairs of a side (0 client, 1 server) and a message, of conversation 1."""
    found = FileExport(folder, opener, unseal_file)
    conversation = Conversation(1, ("a", 1), ("b", 2), 0, True)
    for side, message in messages:
        found.add(DecodedMessage(0, conversation, side == 0, message, b"", (), False, 0, False))
    return found.finish()


def upload(data=DATA, request=5, step=1000, skip=-1):
    sha256 = hashlib.sha256(data).digest()
    chunks = [
        (0, Chunk(request, at, data[at : at + step]))
        for at in range(0, len(data), step)
        if at != skip
    ]
    return [(0, Upload(request, len(data), sha256, "lobby")), *chunks]


def offer(name, data=DATA, sha256=HASH):
    return (0, Offer(1, len(data), sha256, "lobby", "", name))


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_an_upload_with_its_offer(tmp_path):
    report = export(tmp_path / "out", *upload(), offer("../../evil\x1b.txt"))
    assert files(tmp_path / "out") == {"evil.txt": DATA}
    assert report == [f"Wrote {tmp_path / 'out' / 'evil.txt'} (10 kB)."]


def test_a_download_in_any_order_with_its_event(tmp_path):
    text = offer_text(FileOffer(len(DATA), HASH, "", "a.bin"))
    event = Event(1, 0, 7, 1, EventKind.FILE, "lobby", "Nova", text)
    pieces = [(1, Chunk(9, at, DATA[at : at + 3000])) for at in (3000, 0, 9000, 6000, 0)]
    export(tmp_path, (1, event), (0, Download(9, 0, 2**20, HASH, "lobby")), *pieces)
    assert files(tmp_path) == {"a.bin": DATA}


def test_a_file_without_an_offer_and_one_with_two(tmp_path):
    other = b"other"
    digest = hashlib.sha256(other).digest()
    two = [offer("a.txt"), offer("b.txt"), offer("a.txt")]
    export(tmp_path, *upload(), *two, *upload(other, 6))
    assert files(tmp_path) == {"a.txt": DATA, "b.txt": DATA, f"{digest.hex()[:16]}.bin": other}


def test_names_that_exist(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"mine")
    export(tmp_path, *upload(), offer("a.txt"))
    assert files(tmp_path) == {"a.txt": b"mine", "a (2).txt": DATA}


def test_an_empty_file(tmp_path):
    digest = hashlib.sha256(b"").digest()
    export(tmp_path, (0, Upload(5, 0, digest, "lobby")), offer("empty", b"", digest))
    assert files(tmp_path) == {"empty": b""}


def test_incomplete_and_wrong_files_are_left_out(tmp_path):
    report = export(tmp_path, *upload(skip=2000), offer("a.txt"))
    assert report == ["a.txt: only 9.2 kB of 10 kB were captured; it was left out."]
    wrong = [(0, Upload(5, 3, HASH, "lobby")), (0, Chunk(5, 0, b"abc"))]
    assert export(tmp_path, *wrong) == [
        f"{HASH.hex()[:16]}.bin: only 3 bytes were captured; it was left out."
    ]
    assert files(tmp_path) == {}


def test_what_belongs_to_no_file_is_ignored(tmp_path):
    nothing = [
        (0, Send(1, "lobby", "hi")),
        (0, Chunk(77, 0, b"x")),
        (0, Upload(5, 2**50, HASH, "lobby")),
        (0, Upload(6, 3, b"short", "lobby")),
        (0, Download(7, 0, 5, HASH, "lobby")),
        (1, Chunk(7, 2**60, b"x")),
        (1, Chunk(7, 0, b"")),
        (1, Event(1, 0, 0, 0, EventKind.FILE, "lobby", "Nova", "no offer")),
        (0, Offer(1, 3, b"short", "lobby", "", "a")),
    ]
    assert export(tmp_path, *nothing) == []


def sealed_talk(data):
    sealed = FileSealer(KEY, len(data)).seal(data, 0, sealed_size(len(data)))
    digest = hashlib.sha256(sealed).digest()
    message = Sealed(EventKind.FILE, 1, 1, 0, 0, b"", b"", bytes(64), b"", (), b"x", bytes(64))
    event = (1, SealedEvent(2, 0, 7, 1, "R", "Nova", (message,)))
    return sealed, FileOffer(len(data), digest, "", "secret.txt", KEY), event


@pytest.mark.parametrize("data", [DATA, b""])
def test_a_sealed_file_with_the_secret_of_its_room(tmp_path, data):
    sealed, found, event = sealed_talk(data)
    text = SealedText("Nova", offer_text(found))
    export(tmp_path, *upload(sealed), event, opener=lambda _: text)
    assert files(tmp_path) == {"secret.txt": data}


def test_a_sealed_file_without_the_secret(tmp_path):
    sealed, found, event = sealed_talk(DATA)
    export(tmp_path, *upload(sealed), event, opener=lambda _: "another secret")
    assert files(tmp_path) == {f"{found.sha256.hex()[:16]}.bin": sealed}


def test_a_sealed_file_with_another_key(tmp_path):
    sealed, found, event = sealed_talk(DATA)
    text = SealedText("Nova", offer_text(found._replace(key=bytes(32))))
    (line,) = export(tmp_path, *upload(sealed), event, opener=lambda _: text)
    assert line.startswith("secret.txt: part 1 of the file was changed")
    assert files(tmp_path) == {}


def test_a_folder_that_cannot_be_used(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(CaptureError, match="Cannot create"):
        FileExport(tmp_path / "file")


def test_packets_of_a_real_capture(tmp_path):
    talk = Talk().open()
    for side, message in [*upload(), offer("a.bin")]:
        talk.say(side, encode(message))
    found = FileExport(tmp_path)
    for item in decode(talk.packets):
        found.add(item)
    found.finish()
    assert files(tmp_path) == {"a.bin": DATA}
