"""Truncated, foreign and hostile files in everything that reads captures, and the growth of its cost."""

from __future__ import annotations

import bz2
import gc
import gzip
import io
import json
import lzma
import random
import sys
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from netchat import wire
from netchat.errors import CaptureError
from netchat.packets import Item, Packet, PcapngWriter, PcapWriter, read, read_capture, read_packets
from netchat.packets.decode import decoder
from netchat.packets.tcp import health
from netchat.packets.views import ladder, stats
from netchat.packets.views.ladder import Ladder
from netchat.packets.views.ladder_svg import ladder_svg
from netchat.packets.views.ladder_text import ladder_lines
from netchat.packets.views.lines import Lines
from netchat.packets.views.records import as_dict
from netchat.packets.views.stats import Stats
from netchat.packets.views.throughput import Throughput
from tests.packets.chatter import chat_messages, decode, renumber, talk_of
from tests.packets.segments import ACK, SYN, Talk

PACKETS = talk_of(chat_messages(4)).packets


def _written(writer: type[PcapWriter] | type[PcapngWriter]) -> bytes:
    file = io.BytesIO()
    out = writer(file)
    for packet in PACKETS:
        out.write(packet)
    out.flush()
    return file.getvalue()


PCAP, PCAPNG = _written(PcapWriter), _written(PcapngWriter)
FORMATS = {
    "pcap": PCAP,
    "pcapng": PCAPNG,
    "pcap.gz": gzip.compress(PCAP),
    "pcapng.gz": gzip.compress(PCAPNG),
}

#: Functions that read a capture file to its end.
READERS: dict[str, Callable[[Path], object]] = {
    "read_packets": lambda path: list(read_packets(path)),
    "read_capture": lambda path: list(read_capture(path)),
    "read": lambda path: list(read(path)),
}


def _zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.pcap", PCAP)
    return file.getvalue()


FOREIGN = {
    "empty": b"",
    "a zero": b"\0",
    "zeros": bytes(100_000),
    "text": b"hello\n" * 1000,
    "utf-16": "\ufeffhello".encode("utf-16"),
    "json": json.dumps({"a": [1] * 100}).encode(),
    "png": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "elf": b"\x7fELF" + bytes(100),
    "xz": lzma.compress(PCAP),
    "bzip2": bz2.compress(PCAP),
    "zip": _zip(),
    "zlib": zlib.compress(PCAP),
    "gzip of text": gzip.compress(b"hello"),
    "gzip of nothing": gzip.compress(b""),
    "gzip twice": gzip.compress(gzip.compress(PCAP)),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file"


def _error(work: Callable[[], object]) -> str:
    """Return the error of a capture; other exceptions propagate."""
    try:
        work()
    except CaptureError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("name", FOREIGN)
@pytest.mark.parametrize("reader", READERS)
def test_a_foreign_file_is_refused_in_one_sentence(path: Path, reader: str, name: str) -> None:
    path.write_bytes(FOREIGN[name])
    with pytest.raises(CaptureError) as caught:
        READERS[reader](path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", FORMATS)
def test_a_truncated_file_yields_all_complete_packets(path: Path, name: str) -> None:
    data = FORMATS[name]
    seen = 0
    for size in range(0, len(data), max(1, len(data) // 150)):
        path.write_bytes(data[:size])
        packets: list[Packet] = []
        error = _error(lambda packets=packets: packets.extend(read_packets(path)))
        assert not error or str(path) in error
        assert [p.data for p in packets] == [p.data for p in PACKETS[: len(packets)]]
        assert len(packets) >= seen
        seen = len(packets)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", FORMATS)
def test_a_damaged_file_raises_only_capture_errors(path: Path, name: str, reader: str) -> None:
    choose = random.Random(name)
    for _ in range(40):
        data = bytearray(FORMATS[name])
        for _ in range(choose.choice((1, 3, 30))):
            data[choose.randrange(len(data))] = choose.choice((0, 0xFF, choose.randrange(256)))
        path.write_bytes(data)
        assert "\n" not in _error(lambda: READERS[reader](path))


# -- cost -----------------------------------------------------------------------------------------


def _participants(count: int) -> list[Packet]:
    packets = []
    for n in range(count):
        talk = Talk(client=f"10.1.{n // 200}.{n % 200 + 1}")
        talk.add(0, ACK, wire.encode(wire.Hello(0, bytes(16), b"", f"user{n}", "t", ())))
        packets += talk.packets
    return renumber(packets)


def _servers(count: int) -> list[Packet]:
    packets = []
    for n in range(count):
        talk = Talk(server=f"10.1.{n // 200}.{n % 200 + 1}")
        talk.add(0, ACK, wire.encode(wire.Ping(n)))
        packets += talk.packets
    return renumber(packets)


def _long(count: int) -> list[Packet]:
    return talk_of(chat_messages(count)).packets


def _reordered(count: int) -> list[Packet]:
    packets = _long(count)
    return renumber([packets[n ^ 1] if n ^ 1 < len(packets) else p for n, p in enumerate(packets)])


def _reused(count: int) -> list[Packet]:
    """Connections that reuse the same ports, none of which is closed."""
    packets = []
    for n in range(count):
        talk = Talk(isn=(n * 2**24 + 1, n * 2**25 + 1)).open()
        talk.say(0, wire.encode(wire.Ping(n)))
        packets += talk.packets
    return renumber(packets)


def _half_open(count: int) -> list[Packet]:
    packets = []
    for n in range(count):
        talk = Talk(7000, client_port=1024 + n)
        talk.add(0, SYN, ack=0)
        packets += talk.packets
    return renumber(packets)


CAPTURES = {
    f.__name__.strip("_"): f
    for f in (_participants, _servers, _long, _reordered, _reused, _half_open)
}


def _text_ladder(items: list[Item]) -> Iterator[object]:
    drawn = Ladder()
    for item in items:
        drawn.add(item)
    yield from ladder_lines(drawn, 80)
    yield ladder_svg(drawn, "")


def _stats(items: list[Item]) -> Iterator[object]:
    counted = Stats()
    for item in items:
        counted.add(item)
    yield from counted.lines()
    yield from counted.as_dicts()


VIEWS: dict[str, Callable[[list[Item]], object]] = {
    "ladder": lambda items: list(_text_ladder(items)),
    "stats": lambda items: list(_stats(items)),
    "lines": lambda items: [Lines().line(item) for item in items],
    "json": lambda items: [as_dict(item) for item in items if type(item).__name__ != "Trace"],
}


def _calls(work: Callable[[], object]) -> int:
    """Return the number of function calls of some work, a reproducible measure of its cost."""
    count = 0

    def step(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(step)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("name", CAPTURES)
def test_decoding_twice_as_much_costs_twice_as_much(name: str) -> None:
    once, twice = CAPTURES[name](150), CAPTURES[name](300)
    assert _calls(lambda: decode(twice, trace=True)) < 2.4 * _calls(
        lambda: decode(once, trace=True)
    )


@pytest.mark.parametrize("name", ["participants", "servers", "long", "reused"])
@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.slow
def test_viewing_twice_as_much_costs_twice_as_much(view: str, name: str) -> None:
    once, twice = (decode(CAPTURES[name](n), trace=True) for n in (150, 300))
    assert _calls(lambda: VIEWS[view](twice)) < 2.4 * _calls(lambda: VIEWS[view](once))
    # Calls do not count the bytes that a view prints.
    assert len(str(VIEWS[view](twice))) < 2.4 * len(str(VIEWS[view](once)))


def _kept(work: Callable[[], object]) -> int:
    """Return the bytes that the result of some work keeps."""
    gc.collect()
    tracemalloc.start()
    try:
        result = work()
        gc.collect()
        assert result
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", ["participants", "half_open"])
def test_memory_does_not_grow_with_the_participants(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoder, "MAX_CONVERSATIONS", 32)
    monkeypatch.setattr(decoder, "_MAX_FOREIGN", 64)
    monkeypatch.setattr(stats, "_MAX_ROWS", 20)
    monkeypatch.setattr(health, "_MAX_CONNECTIONS", 20)
    monkeypatch.setattr(ladder, "MAX_ROWS", 40)

    def work(packets: list[Packet]) -> object:
        monitor, drawn = health.HealthMonitor(), Ladder()
        counted, plotted = Stats(monitor), Throughput()
        decoding = decoder.Decoder(trace=True)
        for packet in packets:
            monitor.feed(packet)
            for item in decoding.feed(packet):
                for view in (counted, drawn, plotted):
                    view.add(item)
        return decoding, monitor, counted, drawn, plotted

    few, many = CAPTURES[name](100), CAPTURES[name](400)
    work(few)  # what is loaded once
    assert _kept(lambda: work(many)) < 1.2 * _kept(lambda: work(few))
