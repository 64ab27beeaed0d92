"""Live capture on Linux: a raw socket with a ring buffer shared with the kernel.

The ring consists of blocks (TPACKET_V3). The kernel fills a block with many packets and passes it
to the program, which copies it and sets a flag to return it. So the rate is not limited by a system
call per packet, and the ring holds packets while the program is busy.
Source: Linux, Documentation/networking/packet_mmap.rst and include/uapi/linux/if_packet.h.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import select
import socket
import struct
import sys
import time
from collections.abc import Collection

from netchat.errors import CaptureError
from netchat.packets.capture.bpf import NOTHING, chat_filter
from netchat.packets.capture.packet import ETHERNET, RAW, SLL2, Packet
from netchat.wire.safe_text import show_line

__all__ = ["ANY", "AfPacketRing"]

#: Name that selects all interfaces.
ANY = "any"

#: Size and number of blocks: 64 MiB hold 2 s of 100,000 packets of 300 bytes a second. If that much
#: memory is not available, it is halved, down to 1 MiB.
_BLOCK, _BLOCKS = 1024 * 1024, 64

#: Milliseconds after which a block is passed on even if it is not full: the latency of a message.
_RETIRE = 20

_ETH_P_ALL, _SOL_PACKET, _SO_ATTACH_FILTER = 0x0003, 263, 26
_ADD_MEMBERSHIP, _RX_RING, _STATISTICS, _VERSION, _V3 = 1, 5, 6, 10, 2
_PROMISCUOUS = 1
_STATUS_AT, _KERNEL, _USER = 8, 0, 1

# Block header: number of packets, offset of the first, bytes used.
_BLOCK_HEAD = struct.Struct("=8x4xIII").unpack_from
# Packet header: offset of the next, s, ns, bytes kept, bytes on the wire, status, data offset.
_PACKET_HEAD = struct.Struct("=IIIIIIH").unpack_from
_ADDRESS = struct.Struct("=2sIHBB8s").unpack_from
_ADDRESS_AT, _VLAN_AT = 50, 32
_VLAN_VALID, _TPID_VALID = 0x10, 0x40

# Link layer before IP, by the kernel's hardware type: Ethernet (on the loopback
# interface with empty addresses), or none. All others are "cooked": the kernel removes the link
# layer, and a generic header replaces it.
_LINKS = {1: ETHERNET, 772: ETHERNET, 65534: RAW, 519: RAW}


class AfPacketRing:
    """Live capture on one interface, or on all.

    Args:
        interface: Name of the interface, or `any`.
        ports: TCP ports to capture; empty for all.

    Attributes:
        link: Link type of its packets.
        received: Packets that passed the filter, up to the last `count`.
        dropped: Number of those dropped by the kernel, because the ring was full.

    Raises:
        PermissionError: This process may not capture packets.
        CaptureError: The interface does not exist, or cannot be captured.
    """

    def __init__(self, interface: str, ports: Collection[int]) -> None:
        self.received = self.dropped = 0
        self._name = interface
        hardware = _hardware(interface)
        self.link = _LINKS.get(hardware, SLL2)
        kind = socket.SOCK_DGRAM if self.link == SLL2 else socket.SOCK_RAW
        # Python cannot bind to "all interfaces"; a socket created with a protocol is bound to all.
        at_once = socket.htons(_ETH_P_ALL) if interface == ANY else 0
        self._socket = socket.socket(socket.AF_PACKET, kind, at_once)
        try:
            # The filter first, the address last, so that only filtered packets arrive. (On all
            # interfaces, the kernel discards earlier packets when the ring is set up.)
            self._attach(chat_filter(ports))
            self._socket.setsockopt(_SOL_PACKET, _VERSION, _V3)
            self._map, self._blocks = self._open_ring()
            if interface == ANY:
                self._socket.getsockopt(_SOL_PACKET, _STATISTICS, 12)  # discard the counters so far
            else:
                self._socket.bind((interface, _ETH_P_ALL))
                index = socket.if_nametoindex(interface)
                request = struct.pack("=iHH8s", index, _PROMISCUOUS, 0, b"")
                self._socket.setsockopt(_SOL_PACKET, _ADD_MEMBERSHIP, request)
        except OSError as error:
            self._socket.close()
            raise CaptureError(f"Cannot capture on {interface}: {error.strerror}") from error
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN | select.POLLERR)
        self._view = memoryview(self._map)
        self._at = 0

    def read(self, timeout: float) -> bytes | None:
        """Take the next block of packets.

        Args:
            timeout: Seconds to wait for one.

        Returns:
            A block for `parse`, or None if none arrived in time.

        Raises:
            CaptureError: The interface is gone.
        """
        start = self._at * _BLOCK
        status = start + _STATUS_AT
        if not self._view[status] & _USER:
            for _, event in self._poll.poll(timeout * 1000):
                if event & ~select.POLLIN:
                    self._trouble()
            if not self._view[status] & _USER:
                return None
        used = _BLOCK_HEAD(self._view, start)[2]
        block = bytes(self._view[start : start + used])
        self._view[status : status + 4] = _KERNEL.to_bytes(4, sys.byteorder)
        self._at = (self._at + 1) % self._blocks
        return block

    def parse(self, block: bytes, number: int) -> list[Packet]:
        """Return the packets of a block.

        Args:
            block: A block from `read`.
            number: Number of its first packet.
        """
        count, at, _ = _BLOCK_HEAD(block, 0)
        link, cooked = self.link, self.link == SLL2
        packets: list[Packet] = []
        new = tuple.__new__  # bypasses the named tuple's own constructor, for speed
        for number in range(number, number + count):  # noqa: B020 - continues the numbering
            step, seconds, ns, kept, length, status, data_at = _PACKET_HEAD(block, at)
            data = block[at + data_at : at + data_at + kept]
            if cooked:
                data = _cooked(block, at) + data
                length += 20
            elif status & _VLAN_VALID:
                data = data[:12] + _vlan_tag(block, at, status) + data[12:]
                length += 4
            time_ns = seconds * 1_000_000_000 + ns
            packets.append(new(Packet, (number, time_ns, link, data, length)))
            at += step
        return packets

    def stop(self) -> None:
        """Stop capturing; packets in the kernel can still be read."""
        self._attach(NOTHING)

    def count(self) -> None:
        """Update `received` and `dropped` from the kernel's counters."""
        counters = self._socket.getsockopt(_SOL_PACKET, _STATISTICS, 12)
        received, dropped, _ = struct.unpack("=III", counters)  # reading resets the counters
        self.received += received
        self.dropped += dropped

    def close(self) -> None:
        """Free the ring."""
        self._view.release()
        self._map.close()
        self._socket.close()

    def _attach(self, program: bytes) -> None:
        code = ctypes.create_string_buffer(program)
        head = struct.pack("@HP", len(program) // 8, ctypes.addressof(code))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, head)

    def _open_ring(self) -> tuple[mmap.mmap, int]:
        blocks = _BLOCKS
        while True:
            request = struct.pack("=7I", _BLOCK, blocks, _BLOCK, blocks, _RETIRE, 0, 0)
            try:
                self._socket.setsockopt(_SOL_PACKET, _RX_RING, request)
                return mmap.mmap(self._socket.fileno(), blocks * _BLOCK), blocks
            except OSError as error:
                if error.errno != errno.ENOMEM or blocks == 1:
                    raise
                blocks //= 2

    def _trouble(self) -> None:
        """Handle a socket error: pause if the interface is down, otherwise raise."""
        number = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number == errno.ENETDOWN and self._name in (name for _, name in socket.if_nameindex()):
            time.sleep(0.1)
        elif number:
            raise CaptureError(f"Cannot capture on {self._name}: {os.strerror(number)}")


def _hardware(interface: str) -> int:
    """Return the kernel's hardware type of an interface, or -1 for all interfaces."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0) as probe:
        if interface == ANY:
            return -1
        try:
            probe.bind((interface, 0))
        except (OSError, UnicodeEncodeError) as error:
            names = ", ".join(name for _, name in socket.if_nameindex())
            raise CaptureError(
                f"Unknown interface {show_line(interface)}; use {ANY}, {names}"
            ) from error
        return int(probe.getsockname()[3])


def _cooked(block: bytes, at: int) -> bytes:
    """Return a Linux cooked header, version 2.

    Source: https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL2.html
    """
    protocol, index, hardware, kind, size, address = _ADDRESS(block, at + _ADDRESS_AT)
    return struct.pack(">2sHIHBB8s", protocol, 0, index, hardware, kind, size, address)


def _vlan_tag(block: bytes, at: int, status: int) -> bytes:
    """Return the VLAN tag, which the kernel has removed from the packet."""
    tag, protocol = struct.unpack_from("=IH", block, at + _VLAN_AT)
    return struct.pack(">HH", protocol if status & _TPID_VALID else 0x8100, tag & 0xFFFF)
