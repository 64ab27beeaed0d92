"""The bridge between sockets of any kind: forwarding and protected bytes. No root is needed."""

import math
import socket
import time

import pytest

from netchat.lab.bridge import Bridge

BROADCAST = b"\xff" * 6
IPV4, IPV6, ARP = b"\x08\x00", b"\x86\xdd", b"\x08\x06"


def mac(number):
    return b"\x02\x00\x00\x00\x00" + bytes([number])


class Plain:
    """Line that records its frames."""

    def __init__(self):
        self.seen, self._out = [], []

    @property
    def due(self):
        return 0.0 if self._out else math.inf

    def put(self, packet, now, spared=0):
        self.seen.append((packet, spared))
        self._out.append(packet)

    def take(self, now):
        out, self._out = self._out, []
        return out


@pytest.fixture
def three():
    """Yield the far ends of a bridge with three ports, its lines, and the bridge."""
    pairs = {name: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) for name in "abc"}
    for near, far in pairs.values():
        near.setblocking(False)
        far.settimeout(20)
    lines = {}

    def make(one, other):
        return lines.setdefault(one + other, Plain())

    with Bridge({name: near for name, (near, _) in pairs.items()}, make) as bridge:
        yield {name: far for name, (_, far) in pairs.items()}, lines, bridge
    for _, far in pairs.values():
        far.close()


def silent(sock):
    sock.settimeout(0.05)
    with pytest.raises(TimeoutError):
        sock.recv(100)
    sock.settimeout(20)
    return True


def test_unknown_addresses_are_flooded_and_learned(three):
    ends, lines, _ = three
    question = BROADCAST + mac(1) + IPV4 + b"who?"
    ends["a"].send(question)
    assert ends["b"].recv(100) == ends["c"].recv(100) == question
    answer = mac(1) + mac(2) + IPV4 + b"me"
    ends["b"].send(answer)
    assert ends["a"].recv(100) == answer
    assert silent(ends["c"])
    stray = mac(9) + mac(1) + IPV4 + b"who is 9?"
    ends["a"].send(stray)
    assert ends["b"].recv(100) == ends["c"].recv(100) == stray
    assert set(lines) == {"ab", "ac", "ba"}


def test_a_moved_address_is_learned_again(three):
    ends, _, _ = three
    ends["a"].send(BROADCAST + mac(1) + IPV4)
    ends["b"].recv(100)
    ends["c"].recv(100)
    ends["c"].send(BROADCAST + mac(1) + IPV4)
    ends["a"].recv(100)
    ends["b"].recv(100)
    ends["b"].send(mac(1) + mac(2) + IPV4 + b"moved")
    assert ends["c"].recv(100).endswith(b"moved")
    assert silent(ends["a"])


def test_frames_to_their_own_port_and_runts_are_dropped(three):
    ends, lines, _ = three
    ends["a"].send(BROADCAST + mac(1) + IPV4)
    ends["b"].recv(100)
    ends["a"].send(mac(1) + mac(3) + IPV4)
    ends["a"].send(b"short")
    assert silent(ends["b"])
    assert len(lines["ab"].seen) == 1


@pytest.mark.parametrize(("kind", "spared"), [(IPV4, 14), (IPV6, 14), (ARP, 28)])
def test_headers_and_arp_are_not_damaged(three, kind, spared):
    ends, lines, _ = three
    ends["a"].send(BROADCAST + mac(1) + kind + bytes(14))
    ends["b"].recv(100)
    assert [spared for _, spared in lines["ab"].seen] == [spared]


def test_the_address_table_is_bounded(three):
    ends, _, bridge = three
    for number in range(5000):
        source = b"\x02\x00\x01\x00" + number.to_bytes(2, "big")
        ends["a"].send(mac(8) + source + IPV4)
        ends["b"].recv(100)
        ends["c"].recv(100)
    assert len(bridge._table) <= 4096


def test_an_error_that_ends_the_bridge_is_kept():
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    other, far_other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)

    def broken(one, another):
        raise RuntimeError("no line")

    with far, far_other, Bridge({"a": near, "b": other}, broken) as bridge:
        far.send(BROADCAST + mac(1) + IPV4)
        deadline = time.monotonic() + 20
        while bridge.problem is None and time.monotonic() < deadline:
            time.sleep(0.01)
        assert str(bridge.problem) == "no line"
