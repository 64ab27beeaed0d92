"""Detection of what a TCP connection carries, with a transport that records calls."""

from __future__ import annotations

import asyncio
import random

import pytest

from netchat.link.sync_marker import MARKER, OPEN_BYTES
from netchat.net.protocol_detector import CarriedProtocol, ProtocolDetector, detect
from netchat.wire import Hello, encode

HELLO = encode(Hello(0, bytes(16), b"", "Nova", "test", ()))

#: Constant bytes of an OPEN, as in `netchat.link.sync_marker`.
OPEN = MARKER + bytes.fromhex("11010000" + "00" * 26)


class Upper(asyncio.Protocol):
    """Protocol that records what it gets."""

    def __init__(self) -> None:
        self.calls: list[object] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.calls.append("made")

    def data_received(self, data: bytes) -> None:
        self.calls.append(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.calls.append("lost")

    def pause_writing(self) -> None:
        self.calls.append("pause")


class Recorder(asyncio.Transport):
    """Transport that records its protocol and whether it reads."""

    def __init__(self) -> None:
        super().__init__()
        self.protocol: asyncio.BaseProtocol | None = None
        self.reading = True

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        assert self.protocol is not None
        return self.protocol

    def is_closing(self) -> bool:
        return False

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


def detector() -> tuple[ProtocolDetector, Upper, Recorder, list[bytes]]:
    links: list[bytes] = []
    upper, transport = Upper(), Recorder()
    first = ProtocolDetector(upper, links.append)
    first.connection_made(transport)
    return first, upper, transport, links


@pytest.mark.parametrize("size", [1, 2, len(HELLO)])
def test_frames_go_to_the_protocol_above(size: int) -> None:
    first, upper, transport, links = detector()
    first.data_received(HELLO[:size])
    assert upper.calls == ["made", HELLO[:size]]
    assert transport.protocol is upper
    assert transport.reading
    assert links == []


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n", b"\x16\x03\x01\x02\x00", b"?", bytes(40)])
def test_anything_else_goes_there_too_at_once(data: bytes) -> None:
    assert detect(data) is CarriedProtocol.FRAMES


@pytest.mark.parametrize("step", [1, 3, OPEN_BYTES - 1, OPEN_BYTES, 100])
def test_a_link_is_detected_in_pieces_of_any_size(step: int) -> None:
    first, upper, transport, links = detector()
    data = OPEN + random.Random(1).randbytes(66)
    for at in range(0, len(data), step):
        if not transport.reading:
            break
        first.data_received(data[at : at + step])
    ((begin),) = links
    assert len(begin) >= OPEN_BYTES
    assert data.startswith(begin)
    assert upper.calls == ["made"]
    assert not transport.reading


def test_a_marker_without_the_rest_of_open_loads_nothing() -> None:
    first, upper, transport, links = detector()
    first.data_received(MARKER)
    assert links == []
    assert transport.reading
    first.data_received(b"\xff" * 30)
    assert links == []
    assert upper.calls == ["made", MARKER + b"\xff" * 30]


def test_a_full_buffer_before_the_decision_holds_nothing() -> None:
    first, upper, _, _ = detector()
    first.pause_writing()
    first.resume_writing()
    assert upper.calls == ["made"]


def test_a_lost_connection_is_reported() -> None:
    first, upper, _, _ = detector()
    first.data_received(MARKER[:2])
    first.connection_lost(None)
    assert upper.calls == ["made", "lost"]


class TestDelay:
    """A connection whose address group connects too often."""

    def start(self) -> tuple[ProtocolDetector, Upper, Recorder]:
        upper, transport = Upper(), Recorder()
        first = ProtocolDetector(upper, lambda _: None, delay=lambda: 0.01)
        transport.protocol = first
        first.connection_made(transport)
        first.data_received(HELLO[:5])
        first.data_received(HELLO[5:])  # read before the pause
        assert upper.calls == ["made"]
        assert not transport.reading
        return first, upper, transport

    async def test_it_is_read_after_the_delay(self) -> None:
        _, upper, transport = self.start()
        await asyncio.sleep(0.03)
        assert upper.calls == ["made", HELLO]
        assert transport.reading
        assert transport.protocol is upper

    async def test_a_connection_closed_meanwhile_stays_with_its_new_protocol(self) -> None:
        _, upper, transport = self.start()
        transport.protocol = drain = asyncio.Protocol()
        await asyncio.sleep(0.03)
        assert upper.calls == ["made"]
        assert transport.protocol is drain

    async def test_a_lost_connection_is_not_read(self) -> None:
        first, upper, _ = self.start()
        first.connection_lost(None)
        await asyncio.sleep(0.03)
        assert upper.calls == ["made", "lost"]


CLIENT_HELLO = bytes.fromhex("1603010200010001fc0303")


@pytest.mark.parametrize("step", [1, 5, 6, 11])
def test_tls_is_detected_in_pieces_of_any_size(step: int) -> None:
    found: list[bytes] = []
    upper, transport = Upper(), Recorder()
    first = ProtocolDetector(upper, lambda _: None, open_tls=found.append)
    first.connection_made(transport)
    for at in range(0, len(CLIENT_HELLO), step):
        if not found:
            first.data_received(CLIENT_HELLO[at : at + step])
    assert CLIENT_HELLO.startswith(found[0])
    assert len(found[0]) >= 6
    assert not transport.reading
    assert upper.calls == ["made"]


@pytest.mark.parametrize(
    "data", [b"\x16\x02", b"\x16\x03\x01\x00\x05\x02", b"\x15\x03\x03\x00\x02\x02"]
)
def test_other_records_are_no_client_hello(data: bytes) -> None:
    assert detect(data, has_tls=True) is CarriedProtocol.FRAMES
