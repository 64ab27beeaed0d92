"""A reliable stream of bytes over a pipe that turns bits over. Without I/O, and without a clock.

    client = Link.client("rs:255,223")            server = Link.server()
    client.send(b"hello")
    for block in client.blocks_to_send(now):      what the pipe makes of `block`
        server.receive(block, now)
    server.received(now)                          b"hello", sooner or later

Whoever drives a link hands it what arrives, sends what it wants sent, and calls `tick` when
`next_timer` says so; after each of these there may be something to be sent or to be taken.
"""

from __future__ import annotations

import secrets
from dataclasses import replace

from netchat.errors import LinkError
from netchat.link.address_validation import cookie_of
from netchat.link.block_scanner import BlockScanner
from netchat.link.block_size import MAX_CODED, BlockSizer
from netchat.link.code_table import OPENED, BlockCode, CodeSource, block_code, table
from netchat.link.datagram_headers import DatagramHeaders
from netchat.link.datagram_mask import KEY_SIZE
from netchat.link.header import (
    HEAD_SIZE,
    HEADER_SIZE,
    Header,
    Kind,
    ReadHeader,
    unwrap,
    write_header,
)
from netchat.link.open_request import Mode, OpenRequest, read_open_request, write_open_request
from netchat.link.open_retry import OpenRetry
from netchat.link.path_mtu import PathMtu
from netchat.link.payload_decoder import (
    CONTROL,
    MAX_CONTROL,
    MAX_PAYLOAD,
    PayloadDecoder,
    payload_context,
)
from netchat.link.policies.policy import ChannelReport, Policy
from netchat.link.policy_registry import ADAPTIVE, policy, validate_policy
from netchat.link.receiver import Acknowledgement, Receiver
from netchat.link.rtt import RetransmissionTimer
from netchat.link.sender import Sender
from netchat.link.stats import LinkStats
from netchat.link.sync_marker import MARKER

__all__ = ["Link"]

#: Bytes of coded payload below which a datagram is not cut any more.
_LEAST_DATAGRAM = 64


class Link:
    """One side of a link; made by `client` or `server`.

    Attributes:
        opened: the other side has answered; data flow.
        opening: what the client asked for; None on a server that has not heard it.
        closed: why the link is at an end: the other side refused it, closed it, or did not answer.
            Empty while it is not.
        code_out: the code of the last block sent; at first, the one that is to be used.
        stats: what it has done.
        policy: what decides the code of this side's blocks; None until it is known.
        useful: blocks received that brought something new: they opened or ended the link, carried
            bytes that were missing, or told what became of a transmission.
        mtu: bytes of a datagram at most; None is a stream.
    """

    def __init__(
        self,
        opening: OpenRequest | None,
        identity: int,
        mtu: int | None,
        code: CodeSource = block_code,
    ) -> None:
        self.opening = opening
        self.opened = False
        self.closed = ""
        self.code_out = ""
        self.stats = LinkStats()
        self.policy: Policy | None = None
        self.useful = 0
        self._code = code
        self._is_client = opening is not None
        self.mtu = mtu
        self._path = None if mtu is None else PathMtu(mtu)
        self._sizes = BlockSizer(
            MAX_CODED if mtu is None else max(_LEAST_DATAGRAM, mtu - HEADER_SIZE)
        )
        self._payloads = PayloadDecoder(self.stats)
        self._reader = BlockScanner(self._payloads.size)
        self._codes = table()
        self._opened: BlockCode | None = None
        self._control: list[tuple[Kind, bytes]] = []
        self._attempts = OpenRetry()
        self._reported = 0, 0
        self._begin(identity >> 32, identity & 0xFFFFFFFF, opening)

    @classmethod
    def client(
        cls,
        up: str,
        down: str | None = None,
        *,
        mode: Mode = Mode.HYBRID,
        mtu: int | None = None,
        identity: int | None = None,
        key: bytes | None = None,
        policy: Policy | None = None,
    ) -> Link:
        """The side that opens a link, and says what codes are used.

        Args:
            up: the code of what it sends: a spec such as `rs:255,223`, or who chooses one for each
                block, such as `adaptive`.
            down: the same for what it wants to be sent; as `up`, unless given.
            mode: what is done about losses, both ways.
            mtu: bytes of a datagram; None is a stream.
            identity: 48 bits that tell this link from others; random ones, unless given.
            key: what headers of datagrams are masked with, `KEY_SIZE` bytes; random ones, unless
                given. With an empty one they are not masked, as a stream's never are.
            policy: decides the code of what it sends instead of `up`.

        Raises:
            ValueError: a code is none for a link.
        """
        if key is None:
            key = b"" if mtu is None else secrets.token_bytes(KEY_SIZE)
        opening = OpenRequest(validate_policy(up), validate_policy(down or up), mode, key=key)
        link = cls(opening, secrets.randbits(48) if identity is None else identity, mtu)
        link._agree(opening)
        if policy is not None:
            link.policy = policy
        return link

    @classmethod
    def server(cls, *, mtu: int | None = None, code: CodeSource = block_code) -> Link:
        """The side that waits for a link to be opened.

        Args:
            mtu: bytes of a datagram; None is a stream.
            code: makes the codes that OPEN names. Where it returns None, OPEN is not answered: the
                client repeats it.
        """
        return cls(None, 0, mtu, code)

    def _begin(self, link: int, first: int, opening: OpenRequest | None) -> None:
        mode = opening.mode if opening is not None else Mode.HYBRID
        self._link, self._first = link, first
        key = opening.key if opening is not None else b""
        self._heads = DatagramHeaders(key, is_sure=not self._is_client)
        self._sender = Sender(first, datagrams=self.mtu is not None, mode=mode, stats=self.stats)
        self._receiver = Receiver(first, mode, self.stats)
        self._payloads.mode = mode

    def _agree(self, opening: OpenRequest) -> bool:
        """Use the codes that the client asks for; False if one of them is not ready yet.

        Raises:
            ValueError: one of them is none for a link.
        """
        ours, theirs = opening.up, opening.down
        if not self._is_client:
            ours, theirs = theirs, ours
        codes = {wish: self._code(wish) for wish in (ours, theirs) if wish not in ADAPTIVE}
        if None in codes.values():
            return False
        self.policy = policy(ours)
        self._opened, self._payloads.opened = codes.get(ours), codes.get(theirs)
        self.code_out = ours
        self.opening = opening
        return True

    # -- what goes in and comes out -------------------------------------------------------------

    def send(self, data: bytes) -> None:
        """Append to the stream; `buffered` says how much of it is not acknowledged yet."""
        self._sender.send(data)

    @property
    def buffered(self) -> int:
        """Bytes given to `send` that the other side does not have yet."""
        return self._sender.buffered

    def received(self, now: float) -> bytes:
        """What has arrived of the other side's stream since the last call.

        Who does not call it makes the other side stop when the window is full.
        """
        return self._receiver.take(now)

    @property
    def identity(self) -> tuple[int, int]:
        """What tells this link from others: its number, and what its bytes are counted from."""
        return self._link, self._first

    @property
    def code_in(self) -> str:
        """The code of the last block of data received; empty before."""
        return self._payloads.spec

    @property
    def held(self) -> int:
        """Bytes that the other side has made us hold; a few hundred KiB at most."""
        return self._receiver.held + self._reader.held + self._payloads.held

    @property
    def rtt(self) -> RetransmissionTimer:
        """The round trip."""
        return self._sender.rtt

    def close(self, why: str = "") -> None:
        """Tell the other side once that nothing more will come."""
        self._answer(Kind.CLOSE, why)

    def give_up(self, why: str) -> None:
        """End the link because of what the other side sends, and tell it."""
        self.closed = why
        self._answer(Kind.CLOSE, why)

    # -- sending --------------------------------------------------------------------------------

    def data_to_send(self, now: float) -> bytes:
        """The blocks to be sent now, one behind the other."""
        return b"".join(self.blocks_to_send(now))

    def blocks_to_send(self, now: float, room: int | None = None) -> list[bytes]:
        """The blocks to be sent now; over datagrams, each is one.

        Args:
            now: seconds.
            room: no more blocks of data once this many bytes are there, so that those that wait for
                a slow pipe can still be in the code that is right when their turn comes.
        """
        blocks: list[bytes] = []
        asks = self._is_client and not self.closed
        if asks and self._attempts.due(now, opened=self.opened):
            assert self.opening is not None
            self._attempts.made(now)
            blocks.append(self._block(Kind.OPEN, now, payload=write_open_request(self.opening)))
        blocks += [self._block(kind, now, payload=payload) for kind, payload in self._control]
        self._control.clear()
        if self.opened and not self.closed:
            # Oldest first: what a later one does not tell of any more is taken for lost.
            blocks += [self._block(Kind.ACK, now, seen=seen) for seen in self._receiver.snapshots]
            self._receiver.snapshots.clear()
            blocks += self._data_blocks(now, room)
            ack_at = self._receiver.ack_at
            if ack_at is not None and now >= ack_at:
                blocks.append(self._block(Kind.ACK, now))
        self.stats.blocks_sent += len(blocks)
        self.stats.bytes_sent += sum(map(len, blocks))
        return blocks

    def _data_blocks(self, now: float, room: int | None) -> list[bytes]:
        blocks: list[bytes] = []
        path = self._path
        datagram = None if path is None else path.longest(now, self.rtt.unanswered)
        assert self.policy is not None
        while self._sender.ready() and (room is None or sum(map(len, blocks)) < room):
            number = self.policy.choose(now)
            code = self._code_out(number)
            aim, most = self._sizes.coded(number), MAX_PAYLOAD
            if datagram is not None:
                most = code.payload_within(max(_LEAST_DATAGRAM, datagram - HEADER_SIZE))
            longest = min(most, code.payload_within(aim))
            segment, payload = self._sender.take(number, longest, most)
            block = self._block(Kind.DATA, now, payload, number, segment.start)
            self._sender.sent(segment, len(block), now)
            blocks.append(block)
            self.code_out = code.spec
            if payload:
                self.stats.payload_sent += len(payload)
                self.stats.coded_sent += code.coded_length(len(payload))
        return blocks

    def _code_out(self, number: int) -> BlockCode:
        if number == OPENED:
            assert self._opened is not None
            return self._opened
        return self._codes[number]

    def _block(
        self,
        kind: Kind,
        now: float,
        payload: bytes = b"",
        code: int = CONTROL,
        offset: int | None = None,
        seen: Acknowledgement | None = None,
    ) -> bytes:
        seen = self._receiver.acknowledge() if seen is None else seen
        header = Header(
            kind=kind,
            code=code,
            link=self._link,
            length=len(payload),
            offset=(self._first if offset is None else offset) & 0xFFFFFFFF,
            number=self._sender.number,
            window=self._receiver.window,
            ack=seen.ack,
            echo=seen.echo,
            delay=min(255, int((now - seen.time) * 1e4)),
            arrived=seen.arrived,
            wrong=self.stats.wrong_bits,
            checked=self.stats.checked_bits // 512,
        )
        head = MARKER + write_header(header) if self.mtu is None else self._heads.write(header)
        if not payload:
            return head
        return head + self._code_out(code).encode(payload_context(header), payload)

    # -- receiving ------------------------------------------------------------------------------

    def receive(self, data: bytes, now: float) -> None:
        """Bytes have come out of the stream."""
        self.feed(data)
        while self.step(now):
            pass

    def feed(self, data: bytes) -> None:
        """Keep bytes that have come out of the stream; then call `step` until it returns False."""
        self.stats.bytes_received += len(data)
        self._reader.feed(data)

    def step(self, now: float) -> bool:
        """Look at one block of what was fed, or search a bit further for one.

        The most that this costs is some milliseconds, for a long block that fails and has many
        earlier copies. `useful` tells whether it was worth it.

        Returns:
            Whether there is more to be done before more bytes arrive.
        """
        reader = self._reader
        block = reader.step()
        if block is not None:
            self._head_read(block.corrected, block.wrong, HEAD_SIZE)
            if not self._take(block.header, block.coded, now):
                reader.mark_undecodable(block)
        self.stats.unreadable_headers, self.stats.resyncs = reader.unreadable, reader.resyncs
        return not reader.idle

    def receive_block(self, datagram: bytes, now: float) -> None:
        """A datagram has arrived."""
        self.receive_with_header(self.read_datagram_header(datagram), datagram, now)

    def read_datagram_header(self, datagram: bytes) -> ReadHeader | None:
        """Read a datagram's header; None if there is none, or none of this link."""
        return self._heads.read(datagram)

    def receive_with_header(self, head: ReadHeader | None, datagram: bytes, now: float) -> None:
        """A datagram has arrived whose header was read already, or could not be."""
        self.stats.bytes_received += len(datagram)
        if head is None:
            self.stats.unreadable_headers += 1
            return
        self._head_read(head.corrected, head.wrong, HEADER_SIZE)
        if self._payloads.size(head.header) != len(datagram) - HEADER_SIZE:
            self.stats.ignored_blocks += 1
            return
        self._take(head.header, datagram[HEADER_SIZE:], now)

    def _head_read(self, corrected: int, wrong: int, size: int) -> None:
        self.stats.blocks_received += 1
        self.stats.corrected_symbols += corrected
        self.stats.wrong_bits += wrong
        self.stats.checked_bits += 8 * size

    def _take(self, header: Header, coded: bytes, now: float) -> bool:
        """A block has arrived. Returns whether its payload could be decoded."""
        if header.kind is Kind.OPEN and not self._is_client:
            return self._open(header, coded, now)
        ours = header.link == self._link and self.opening is not None
        placed = header.kind in (Kind.DATA, Kind.CHALLENGE) or header.offset == self._first
        if not ours or not placed or self.closed or header.kind is Kind.OPEN:
            self.stats.ignored_blocks += 1
            return True
        if header.kind is Kind.CHALLENGE:
            if header.offset == self._first or self._sender.has_sent(header.offset):
                self._show(cookie_of(header))
            return True
        if header.kind in (Kind.REFUSE, Kind.CLOSE):
            return self._end(header, coded)
        waited = self.rtt.unanswered
        plausible = self._receiver.is_plausible(header)
        outcomes = self._sender.acknowledged(header, now) if plausible else None
        if outcomes is None:
            self.stats.ignored_blocks += 1
            return True
        self.useful += not self.opened or bool(outcomes)
        self.opened = True
        assert self.policy is not None
        for outcome in outcomes:
            self._sizes.outcome(outcome.code, outcome.size, arrived=outcome.arrived)
            self.policy.outcome(now, outcome)
        if self._path is not None:
            self._path.answered(now, waited, outcomes)
        self._report(header, now)
        return self._data(header, coded, now) if header.kind is Kind.DATA else True

    def _report(self, header: Header, now: float) -> None:
        wrong, checked = self._reported
        more = (header.checked - checked) & 0xFFFF
        if 0 < more < 0x8000:  # not one that was overtaken by a later one
            self._reported = header.wrong, header.checked
            assert self.policy is not None
            self.policy.channel(now, ChannelReport((header.wrong - wrong) & 0xFFFF, 512 * more))

    def _data(self, header: Header, coded: bytes, now: float) -> bool:
        receiver = self._receiver
        offset = unwrap(header.offset, 32, receiver.expected)
        number = unwrap(header.number, 24, receiver.highest)
        if not header.length:
            receiver.seen(number, now, arrived=True)
            return True
        if not receiver.is_new(offset, header.length):
            self.stats.duplicate_blocks += 1
            receiver.seen(number, now, arrived=True)
            return True
        payload = self._payloads.data(header, coded, offset)
        arrived = payload is not None and receiver.accept(offset, payload, now)
        receiver.seen(number, now, arrived=arrived)
        if arrived:
            self.useful += 1
            self._payloads.forget_before(receiver.expected)
        return payload is not None

    # -- beginning and end ----------------------------------------------------------------------

    def _open(self, header: Header, coded: bytes, now: float) -> bool:
        """A client asks for a link, for the first time or because it has not heard the answer."""
        payload = self._payloads.control(header, coded)
        if payload is None:
            return False
        if self.opening is not None:
            if (header.link, header.offset) == self.identity:
                self._answer(Kind.ACCEPT)
            return True
        self.useful += 1
        opening = None
        try:
            opening = read_open_request(payload)
            ready = self._agree(opening)
        except (LinkError, ValueError) as error:
            self.refuse(header, opening, str(error))
            return True
        if not ready:
            return True  # the client asks again
        said = self._sender.data
        self._begin(header.link, header.offset, opening)
        self._sender.send(said)
        self._sender.acknowledged(header, now)  # for its window
        self.opened = True
        self._answer(Kind.ACCEPT)
        return True

    def refuse(self, header: Header, opening: OpenRequest | None, why: str) -> None:
        """Say no to a client's OPEN."""
        self._begin(header.link, header.offset, opening)
        self.closed = f"the link was refused: {why}"
        self._answer(Kind.REFUSE, why)

    def _show(self, cookie: bytes) -> None:
        """The server wants to know whether we are where we say we are: then ask with its cookie."""
        if self._is_client and self.opening is not None:
            self.opening = replace(self.opening, cookie=cookie)
            self._attempts.challenged = True

    def _answer(self, kind: Kind, text: str = "") -> None:
        """Have a block sent; who asks twice before it has gone is answered once."""
        block = kind, text.encode()[:MAX_CONTROL]
        if block not in self._control:
            self._control.append(block)

    def _end(self, header: Header, coded: bytes) -> bool:
        payload = self._payloads.control(header, coded)
        if payload is None:
            return False
        text = payload.decode("utf-8", "replace")
        done = "refused" if header.kind is Kind.REFUSE else "closed"
        self.closed = f"the other side {done} the link" + (f": {text}" if text else "")
        self.useful += 1
        return True

    # -- time -----------------------------------------------------------------------------------

    def too_long(self, now: float) -> None:
        """A datagram was too long for its way, as the system knows: send short ones for a while."""
        if self._path is not None:
            self._path.too_long(now)

    def next_timer(self) -> float | None:
        """When `tick` should be called; None if time changes nothing."""
        if self.closed:
            return None
        if not self.opened:
            return self._attempts.next
        times = (self._receiver.ack_at, self._sender.next_timer())
        return min((time for time in times if time is not None), default=None)

    def probe(self) -> None:
        """Find out whether the other side is still there: send what it must answer."""
        self._sender.probe()

    def tick(self, now: float) -> None:
        """Time has passed; there may be something to be sent."""
        if self.opened:
            self._sender.tick(now)
        elif not self.closed:
            self.closed = self._attempts.failure(now)
