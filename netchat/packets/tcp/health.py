"""Health of TCP connections: windows, options, acknowledgements and round-trip times.

It looks at each packet's TCP header, independently of reassembly, because reassembly needs none of this.
"""

from __future__ import annotations

import struct
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from netchat.packets.capture.packet import Packet
from netchat.packets.decode.conversation import Conversation, connection_key, reverse
from netchat.packets.tcp.dissect import ACK, FIN, FRAGMENT, RST, SYN, locate
from netchat.packets.tcp.fragments import FragmentBuffer
from netchat.packets.time_sample import TimeSample
from netchat.wording import many

__all__ = ["ConnectionHealth", "HealthMonitor", "SideHealth"]

#: Connections that are followed; further ones are only counted.
_MAX_CONNECTIONS = 10_000

#: Segments of a direction that wait for their acknowledgement.
_MAX_PENDING = 1024

_TCP = 6
_HEADER = struct.Struct(">IIBBH").unpack_from  # after the ports
_MASK = 0xFFFFFFFF

# Kinds of TCP options (RFC 9293, RFC 7323, RFC 2018).
_END, _NOP, _MSS, _SCALE, _SACK_PERMITTED, _SACK = 0, 1, 2, 3, 4, 5


@dataclass(slots=True)
class SideHealth:
    """Contents of the TCP headers that one side of a connection sent.

    Attributes:
        mss: Maximum segment size that its SYN announced, or None.
        scale: Shift of its window (RFC 7323) from its SYN, or None.
        sack_permitted: Whether its SYN permitted SACK; None if the SYN was not captured.
        window_min: Smallest receive window that it announced after the handshake, in bytes; -1 without any.
        window_max: Largest one.
        zero_windows: Segments that closed the window.
        sacks: Segments with SACK blocks, which report bytes that arrived out of order.
        duplicate_acks: Duplicate acknowledgements (RFC 5681).
        rtt: Times from its segments with data to their acknowledgements, without retransmitted ones
            (Karn's algorithm).
    """

    mss: int | None = None
    scale: int | None = None
    sack_permitted: bool | None = None
    window_min: int = -1
    window_max: int = -1
    zero_windows: int = 0
    sacks: int = 0
    duplicate_acks: int = 0
    rtt: TimeSample = field(default_factory=TimeSample)
    _pending: deque[tuple[int, int]] = field(default_factory=deque)
    _next: int = -1
    _window: int = -1
    _acked: int = -1

    def as_dict(self) -> dict[str, Any]:
        """Return the values as plain data."""
        return {
            "mss": self.mss,
            "window_scale": self.scale,
            "sack_permitted": self.sack_permitted,
            "window_min": None if self.window_min < 0 else self.window_min,
            "window_max": None if self.window_max < 0 else self.window_max,
            "zero_windows": self.zero_windows,
            "sacks": self.sacks,
            "duplicate_acks": self.duplicate_acks,
            "rtt": self.rtt.as_dict(),
        }

    def text(self) -> str:
        """Describe the values in a line."""
        window = "no window seen"
        if self.window_min >= 0:
            window = f"window {self.window_min:,} to {self.window_max:,} bytes"
        sack = {None: "SYN not captured", True: "SACK permitted", False: "no SACK"}
        parts = [
            window,
            many(self.zero_windows, "zero window"),
            sack[self.sack_permitted],
            many(self.sacks, "SACK segment"),
            many(self.duplicate_acks, "duplicate ACK"),
        ]
        parts += [f"MSS {self.mss:,}"] if self.mss is not None else []
        return ", ".join(parts)


class ConnectionHealth:
    """Health of both directions of a connection.

    Attributes:
        began: Time of its first packet, in ns.
        sides: By the key of a direction, what its sender sent.
    """

    def __init__(self, key: bytes, began: int) -> None:
        self.began = began
        self.sides = {key: SideHealth(), reverse(key): SideHealth()}
        self._scaled = False
        self._over = False

    def feed(self, key: bytes, time: int, header: tuple[int, int, int, int, int], options: bytes,
             size: int) -> None:  # fmt: skip
        """Process a segment.

        Args:
            key: Key of its direction.
            time: Capture time, in ns.
            header: Sequence number, acknowledgement, header length, flags, window.
            options: The TCP options.
            size: Length of the payload on the wire, in bytes.
        """
        seq, ack, _, flags, window = header
        side, peer = self.sides[key], self.sides[reverse(key)]
        if flags & SYN:
            self._handshake(side, options)
        elif options and _find(options, _SACK) is not None:
            side.sacks += 1
        if flags & RST:
            return
        if not flags & SYN:
            self._take_window(side, window)
        if flags & ACK:
            _acknowledge(side, peer, ack, time, is_pure=not size and not flags & (SYN | FIN))
        length = size + bool(flags & SYN) + bool(flags & FIN)
        if length:
            _send(side, seq, length, time)

    def _handshake(self, side: SideHealth, options: bytes) -> None:
        mss, scale = _find(options, _MSS), _find(options, _SCALE)
        side.mss = int.from_bytes(mss, "big") if mss is not None else None
        side.scale = min(scale[0], 14) if scale else None
        side.sack_permitted = _find(options, _SACK_PERMITTED) is not None

    def _take_window(self, side: SideHealth, window: int) -> None:
        # Both sides must offer scaling for either to use it.
        scales = [each.scale for each in self.sides.values()]
        if side.scale is not None and None not in scales:
            window <<= side.scale
        side.window_min = window if side.window_min < 0 else min(side.window_min, window)
        side.window_max = max(side.window_max, window)
        side.zero_windows += not window and side._window != 0
        side._window = window


def _send(side: SideHealth, seq: int, length: int, time: int) -> None:
    """Record that a side sent bytes, SYN or FIN."""
    end = (seq + length) & _MASK
    if side._next >= 0 and not 0 < (end - side._next) & _MASK < 1 << 31:
        side._pending.clear()  # a retransmission: whichever copy the next ACK is for is unknown
        return
    side._next = end
    side._pending.append((end, time))
    if len(side._pending) > _MAX_PENDING:
        side._pending.popleft()


def _acknowledge(side: SideHealth, peer: SideHealth, ack: int, time: int, *, is_pure: bool) -> None:
    """Process an acknowledgement that `side` sent."""
    sent = None
    while peer._pending and (ack - peer._pending[0][0]) & _MASK < 1 << 31:
        sent = peer._pending.popleft()
    if sent is not None:
        peer.rtt.add(max(0, time - sent[1]))
    elif is_pure and ack == side._acked and peer._pending:
        side.duplicate_acks += 1
    side._acked = ack


class HealthMonitor:
    """Observer of packets that follows the health of TCP connections.

    Attributes:
        left_out: Number of connections beyond the limit, which were not followed.
    """

    def __init__(self) -> None:
        self.left_out = 0
        self._connections: dict[bytes, list[ConnectionHealth]] = {}
        self._count = 0
        self._fragments = FragmentBuffer()

    def feed(self, packet: Packet) -> None:
        """Process the next packet."""
        located = locate(packet.link, packet.data, packet.length)
        if located == FRAGMENT:
            whole = self._fragments.feed(packet)
            if whole is None:
                return
            packet = whole
            located = locate(packet.link, packet.data, packet.length)
        if isinstance(located, str):
            return
        protocol, at, end, addresses = located
        data = packet.data
        if protocol != _TCP or len(data) < at + 20:
            return
        key = addresses + data[at : at + 4]
        header = _HEADER(data, at + 4)
        start = at + (header[2] >> 4) * 4
        if start < at + 20 or start > end:
            return
        known = self._connections.get(key)
        opens = header[3] & (SYN | ACK) == SYN
        if known is None or (opens and _is_new(known[-1], key, header[0])):
            if self._count >= _MAX_CONNECTIONS:
                self.left_out += opens
                return
            self._count += 1
            connection = ConnectionHealth(key, packet.time)
            known = known if known is not None else []
            known.append(connection)
            self._connections[key] = self._connections[reverse(key)] = known
        known[-1].feed(key, packet.time, header, data[at + 20 : start], end - start)

    def of(self, conversation: Conversation) -> tuple[SideHealth, SideHealth] | None:
        """Return the health of a conversation's client and server, or None if it was not followed."""
        key = connection_key(conversation)
        began = conversation.began
        known = [each for each in self._connections.get(key, ()) if each.began <= began]
        if not known or conversation.transport != "TCP":
            return None
        return known[-1].sides[key], known[-1].sides[reverse(key)]


def _is_new(connection: ConnectionHealth, key: bytes, seq: int) -> bool:
    """Return whether a SYN opens a new connection on the same ports."""
    side = connection.sides[key]
    return side._next >= 0 and side._next != (seq + 1) & _MASK


def _find(options: bytes, kind: int) -> bytes | None:
    """Return the value of a TCP option, or None; malformed options end the search."""
    at = 0
    while at < len(options) and options[at] != _END:
        if options[at] == _NOP:
            at += 1
            continue
        size = options[at + 1] if at + 1 < len(options) else 0
        if size < 2 or at + size > len(options):
            return None
        if options[at] == kind:
            return options[at + 2 : at + size]
        at += size
    return None
