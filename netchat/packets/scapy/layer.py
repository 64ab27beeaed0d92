r"""Scapy layers for NCP: the frame and every message.

    from scapy.layers.inet import IP, TCP
    from netchat.packets.scapy import *

    pkt = IP() / TCP(dport=6464) / NCP() / NCPSend(counter=1, room="lobby", text="hello")
    pkt.show2()

The layers are generated from the wire's declarations. TCP on port 6464 is NCP; on other ports it is if
the payload begins with a valid header. Lengths, counts and the CRC are computed if they are None, and
kept otherwise. See docs/SCAPY.md.
"""

from __future__ import annotations

from typing import Any, ClassVar

from scapy.fields import (
    ByteEnumField,
    ByteField,
    IntField,
    StrFixedLenField,
    XByteField,
    XIntField,
    XShortField,
)
from scapy.layers.inet import TCP
from scapy.packet import NoPayload, Packet, Padding, Raw, bind_bottom_up, bind_layers

from netchat.errors import BadBody, PeerError
from netchat.packets.scapy.fields import (
    TextField,
    new_layer,
    python_name,
    record_layer,
)
from netchat.wire import (
    DEFAULT_PORT,
    HEADER_SIZE,
    MAGIC,
    MAX_FRAME,
    MESSAGES,
    VERSION,
    Error,
    Message,
    check_header,
)
from netchat.wire.frame import CRC_OFFSET, checksum
from netchat.wire.pairs import ANSWERS, link_field
from netchat.wire.spec import records
from netchat.wire.walk import walk

#: Maximum number of frames of one TCP segment that are dissected as stacked layers; the rest is Padding.
#: Scapy builds, shows and dissects layers recursively, and Python's stack is limited.
MAX_FRAMES = 32


def _frame_size(data: bytes, at: int = 0) -> int:
    """Return the size of a frame, from its complete header at `at`."""
    return HEADER_SIZE + int.from_bytes(data[at + 8 : at + 12], "big")


def looks_like_ncp(data: bytes) -> bool:
    """Return whether bytes begin with a complete, valid header."""
    try:
        check_header(data)
    except PeerError:
        return False
    return len(data) >= HEADER_SIZE


class NCP(Packet):
    """Header of a frame; the payload is one message.

    If a TCP segment holds several frames, they are stacked: `NCP / NCPWelcome / NCP / NCPJoined`. A body
    that does not match its type's declaration is Raw.
    """

    name: str = "NCP"
    fields_desc: ClassVar[list[Any]] = [
        StrFixedLenField("magic", MAGIC, length=len(MAGIC)),
        ByteField("version", VERSION),
        ByteEnumField("type", 0, {number: cls.NAME for number, cls in MESSAGES.items()}),
        XShortField("flags", 0),
        XByteField("suite", 0),
        XByteField("reserved", 0),
        IntField("length", None),
        XIntField("crc", None),
    ]

    @classmethod
    def dispatch_hook(cls, _pkt: bytes | None = None, *_: Any, **options: Any) -> type[Packet]:
        """Return Raw for a segment on the server's port that does not begin with a frame."""
        inside = isinstance(options.get("_underlayer"), TCP) and _pkt is not None
        return Raw if inside and not (_pkt or b"").startswith(MAGIC) else cls

    def post_build(self, pkt: bytes, pay: bytes) -> bytes:
        """Fill in the length and the CRC, unless they were given."""
        if self.length is None or self.crc is None:
            body = pay[: self._body_size()]
            if self.length is None:
                pkt = pkt[:8] + len(body).to_bytes(4, "big") + pkt[12:]
            if self.crc is None:
                pkt = pkt[:CRC_OFFSET] + checksum(pkt + body).to_bytes(4, "big")
        return pkt + pay

    def _body_size(self) -> int:
        """Return the length of the body, up to the next frame if one is stacked."""
        size, layer = 0, self.payload
        while not isinstance(layer, (NCP, NoPayload, Padding)):
            size += len(layer.self_build())
            layer = layer.payload
        return size

    def extract_padding(self, s: bytes) -> tuple[bytes, bytes]:
        """Split the body from the bytes after it."""
        return s[: self.length], s[self.length :]

    def dissect(self, s: bytes) -> None:
        """Dissect a frame; in a TCP segment also the frames after it."""
        if not isinstance(self.underlayer, TCP):
            super().dissect(s)
            return
        # Dissected one by one rather than recursively.
        pieces, rest = _cut(s)
        super().dissect(pieces[0] if pieces else s)
        layers = [NCP(piece) for piece in pieces[1:]]
        for layer in [*layers, Padding(rest)] if rest and pieces else layers:
            self.lastlayer().add_payload(layer)

    def guess_payload_class(self, payload: bytes) -> type[Packet]:
        """Return the message's layer, or Raw if the body does not match its declaration."""
        declared = MESSAGES.get(self.type)
        if declared is None or len(payload) != self.length or self.version != VERSION:
            return Raw
        try:
            for _ in walk(declared, payload):
                pass
        except BadBody:
            return Raw
        return LAYERS[declared]

    @classmethod
    def tcp_reassemble(
        cls, data: bytes, metadata: dict[str, Any], _session: dict[str, Any]
    ) -> Packet | None:
        """Return the first frame of a stream, or None while it is incomplete.

        The bytes after it become Padding. Bytes that cannot be a frame become Raw, up to where the
        next frame may begin.
        """
        if len(data) < HEADER_SIZE and MAGIC.startswith(data[: len(MAGIC)]):
            return None
        size = _frame_size(data) if data.startswith(MAGIC) else 0
        if not 0 < size <= MAX_FRAME:
            end = data.find(MAGIC, 1)
            return Raw(data) if end < 0 else Raw(data[:end]) / Padding(data[end:])
        if len(data) < size:
            metadata["tcp_min_len"] = size
            return None
        return cls(data)

    def answers(self, other: Packet) -> int:
        """Return whether this frame is a response to `other`."""
        return int(isinstance(other, NCP) and bool(self.payload.answers(other.payload)))

    def hashret(self) -> bytes:
        """Return a hash that is equal for a request and its responses."""
        return self.payload.hashret()

    def mysummary(self) -> Any:
        """Return the type, unless a message's layer follows."""
        known = MESSAGES.get(self.type)
        has_message = isinstance(self.payload, _MessageLayer)
        title = known.NAME if known else f"type {self.type:#04x}"
        return "NCP" if has_message else f"NCP {title}", _SUMMARISED


class _MessageLayer(Packet):
    """Base class of all messages' layers."""

    message: ClassVar[type[Message]]

    def _link(self) -> int:
        name = link_field(self.message)
        return 0 if name is None else int(self.getfieldval(python_name(name)))

    def answers(self, other: Packet) -> int:
        """Return whether this message is a response to `other`."""
        if not isinstance(other, _MessageLayer) or self._link() != other._link():
            return 0
        if self.message is Error:
            return int(self.about == other.message.TYPE)
        return int(self.message in ANSWERS.get(other.message, ()))

    def hashret(self) -> bytes:
        """Return the number that a request and its responses share."""
        return self._link().to_bytes(8, "big")

    def mysummary(self) -> Any:
        """Return the message's name and its most important fields."""
        shown = [self.message.NAME]
        for name in ("code", "room", "sender", "name_", "text"):
            if name in self.fieldtype and self.getfieldval(name) not in (b"", None):
                field, value = self.getfield_and_val(name)
                shown.append(str(field.i2repr(self, value)))
        return " ".join(shown), _SUMMARISED


def _cut(data: bytes) -> tuple[list[bytes], bytes]:
    """Cut a segment into frames, the last possibly incomplete, and the rest."""
    pieces, at = list[bytes](), 0
    while len(pieces) < MAX_FRAMES and data.startswith(MAGIC, at) and len(data) >= at + HEADER_SIZE:
        end = at + _frame_size(data, at)
        pieces.append(data[at:end])
        at = end
    return pieces, data[at:]


def _message_layer(declared: type[Message]) -> type[Packet]:
    layer = new_layer(declared, _MessageLayer, f"NCP {declared.NAME}", message=declared)
    bind_layers(NCP, layer, type=declared.TYPE)
    return layer


#: Layer of each message: `LAYERS[Send]` is `NCPSend`.
LAYERS: dict[type[Message], type[Packet]] = {
    declared: _message_layer(declared) for _, declared in sorted(MESSAGES.items())
}

#: Layers that are part of a packet's one-line summary.
_SUMMARISED = [TCP, NCP, *LAYERS.values()]

#: All layers by name; each is also a name of this module.
NAMES = {layer.__name__: layer for layer in [*LAYERS.values(), *map(record_layer, records())]}
globals().update(NAMES)

__all__ = ["LAYERS", "MAX_FRAMES", "NCP", "TextField", "looks_like_ncp", *NAMES]


def _by_content(self: TCP, payload: bytes) -> type[Packet]:
    """Return the class of a TCP payload that no port determines."""
    return NCP if looks_like_ncp(payload) else _tcp_default(self, payload)


_tcp_default = TCP.default_payload_class
TCP.default_payload_class = _by_content  # type: ignore[method-assign,assignment]

bind_bottom_up(TCP, NCP, sport=DEFAULT_PORT)
bind_bottom_up(TCP, NCP, dport=DEFAULT_PORT)
bind_layers(TCP, NCP, sport=DEFAULT_PORT, dport=DEFAULT_PORT)
