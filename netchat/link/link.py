"""Reliable byte stream over a channel that flips bits, without I/O and without a clock.

    client = Link.client("rs:255,223")            server = Link.server()
    client.send(b"hello")
    for block in client.blocks_to_send(now):      damage `block` here
        server.receive(block, now)
    server.received(now)                          b"hello", once all blocks have arrived

The caller passes in received bytes, sends the blocks that the link returns, and calls `tick` at the
time that `next_timer` returns. After each of these calls there may be blocks to send or bytes to read.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

from netchat.errors import LinkError
from netchat.link.address_validation import cookie_of
from netchat.link.block_outcome import BlockOutcome
from netchat.link.block_scanner import BlockScanner, StreamBlock
from netchat.link.block_writer import BlockWriter
from netchat.link.code_table import REDUNDANCY, CodeSource, block_code, numbered
from netchat.link.datagram_headers import DatagramHeaders
from netchat.link.datagram_mask import KEY_SIZE
from netchat.link.handshake import Action, Handshake, Input
from netchat.link.header import HEAD_SIZE, HEADER_SIZE, Header, Kind, ReadHeader, unwrap
from netchat.link.incremental_redundancy import is_redundancy
from netchat.link.incremental_work import Steps, finish
from netchat.link.open_request import Mode, OpenRequest, read_open_request, write_open_request
from netchat.link.payload_decoder import CONTROL, MAX_CONTROL, PayloadDecoder
from netchat.link.policies.policy import ChannelReport, Policy
from netchat.link.policy_registry import ADAPTIVE, policy, validate_policy
from netchat.link.receiver import Acknowledgement, Receiver
from netchat.link.rtt import RetransmissionTimer
from netchat.link.sender import Sender
from netchat.link.stats import LinkStats

__all__ = ["Link"]


class Link:
    """One side of a link, created by `client` or `server`.

    Attributes:
        mtu: Maximum datagram size in bytes; None for a stream.
        code_out: Spec of the last code sent; before the first block, the requested code or policy.
        stats: Counters.
        policy: Policy that chooses this side's codes; None until it is known.
        useful: Number of received blocks that made progress: they opened or ended the link, carried
            missing bytes, or reported the outcome of a transmission.
        watch: Called with the outcome of each received block that has a payload.
    """

    def __init__(
        self,
        request: OpenRequest | None,
        identity: int,
        mtu: int | None,
        code: CodeSource = block_code,
    ) -> None:
        self.mtu = mtu
        self.code_out: str = ""
        self.stats: LinkStats = LinkStats()
        self.policy: Policy | None = None
        self.useful: int = 0
        self.watch: Callable[[BlockOutcome], None] | None = None
        self._code = code
        self._has_redundancy = False
        self._reads_redundancy = False  # the peer understands headers that announce it
        self._wants_redundancy = self._peer_has_redundancy = False
        self._handshake = Handshake(request, is_stream=mtu is None)
        self._writer = BlockWriter(mtu, self.stats)
        self._writer.announces_redundancy = self._announces_redundancy
        self._payloads = PayloadDecoder(self.stats)
        self._scanner = BlockScanner(self._payloads.size)
        self._unfinished: tuple[StreamBlock, Steps[bool]] | None = None  # it needs more steps
        self._control: list[tuple[Kind, bytes]] = []
        self._refusal = ""
        self._reported = 0, 0
        self._begin(identity >> 32, identity & 0xFFFFFFFF, request)

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
        code: CodeSource = block_code,
    ) -> Link:
        """Create the client side, which opens the link and names the codes.

        Args:
            up: Code of the blocks it sends, such as `rs:255,223`, or a policy such as `adaptive`.
            down: Code or policy of the blocks the server sends; defaults to `up`.
            mode: Handling of failed blocks, in both directions.
            mtu: Maximum datagram size in bytes; None for a stream.
            identity: 48 bits that identify the link; random by default.
            key: Key of `KEY_SIZE` bytes that masks the headers of datagrams; random by default.
                With an empty key they are not masked. Streams are never masked.
            policy: Policy that chooses the codes of the blocks it sends, instead of `up`. Codes with
                incremental redundancy are used only if `up` or `down` is one of them, or adaptive.
            code: Source of the codes. While it returns None for `REDUNDANCY`, the peer is not told that
                this side can decode incremental redundancy.

        Raises:
            ValueError: A link cannot use one of the codes.
        """
        if key is None:
            key = b"" if mtu is None else secrets.token_bytes(KEY_SIZE)
        request = OpenRequest(
            validate_policy(up), validate_policy(down or up), mode, key=key, reads_redundancy=True
        )
        number = secrets.randbits(48) if identity is None else identity
        link = cls(request, number, mtu, code)
        link._use_codes(request)
        if policy is not None:
            link.policy = policy
        return link

    @classmethod
    def server(cls, *, mtu: int | None = None, code: CodeSource = block_code) -> Link:
        """Create the server side, which waits for OPEN.

        Args:
            mtu: Maximum datagram size in bytes; None for a stream.
            code: Source of the codes that OPEN names. While it returns None, OPEN is not answered,
                and the client repeats it. While it returns None for `REDUNDANCY`, the client is not
                told that this side can decode incremental redundancy.
        """
        return cls(None, 0, mtu, code)

    def _begin(self, link: int, first: int, request: OpenRequest | None) -> None:
        """Set the identity and start both byte streams at offset `first`."""
        mode = request.mode if request is not None else Mode.HYBRID
        self._link, self._first = link, first
        key = request.key if request is not None else b""
        self._headers = DatagramHeaders(key, is_sure=not self._handshake.is_client)
        self._sender = Sender(first, datagrams=self.mtu is not None, mode=mode, stats=self.stats)
        self._receiver = Receiver(first, mode, self.stats)
        self._payloads.mode = mode
        self._writer.begin(link, first, self._headers, self._sender, self._receiver)

    def _use_codes(self, request: OpenRequest) -> bool:
        """Use the codes that the client requests; return False while one is not ready.

        Raises:
            ValueError: A link cannot use one of the codes.
        """
        ours, theirs = request.up, request.down
        if not self._handshake.is_client:
            ours, theirs = theirs, ours
        codes = {spec: self._code(spec) for spec in (ours, theirs) if spec not in ADAPTIVE}
        if None in codes.values():
            return False
        self.policy = policy(ours)
        self._writer.opened_code, self._payloads.opened = codes.get(ours), codes.get(theirs)
        self.code_out = ours
        self._handshake.request = request
        self._reads_redundancy = request.reads_redundancy and not self._handshake.is_client
        # With other codes in both directions, there is no use for it.
        self._wants_redundancy = any(
            spec in ADAPTIVE or is_redundancy(numbered(spec)) for spec in (ours, theirs)
        )
        return True

    def _announces_redundancy(self) -> bool:
        if not (self._reads_redundancy and self._wants_redundancy):
            return False
        self._has_redundancy = self._has_redundancy or self._code(REDUNDANCY) is not None
        return self._has_redundancy

    # -- state ----------------------------------------------------------------------------------

    @property
    def opened(self) -> bool:
        """Whether the link is or was open."""
        return self._handshake.has_opened

    @property
    def closed(self) -> str:
        """Reason why the link has ended; empty while it has not."""
        return self._handshake.reason

    @property
    def open_request(self) -> OpenRequest | None:
        """The client's request; None on a server that has not received it."""
        return self._handshake.request

    @property
    def identity(self) -> tuple[int, int]:
        """Identifier of the link, and the offset at which its byte streams start."""
        return self._link, self._first

    @property
    def code_in(self) -> str:
        """Spec of the last code received; empty before the first DATA block."""
        return self._payloads.spec

    @property
    def held(self) -> int:
        """Bytes of memory that the peer occupies; a few hundred KiB at most."""
        return self._receiver.held + self._scanner.held + self._payloads.held

    @property
    def rtt(self) -> RetransmissionTimer:
        """Round-trip time and retransmission timeout."""
        return self._sender.rtt

    # -- the byte stream ------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        """Append bytes to the stream; `buffered` counts those not acknowledged yet."""
        self._sender.send(data)

    @property
    def buffered(self) -> int:
        """Number of sent bytes that the peer has not acknowledged."""
        return self._sender.buffered

    def received(self, now: float) -> bytes:
        """Return the bytes that have arrived in order since the last call.

        If the application stops calling this, flow control pauses the peer.
        """
        return self._receiver.take(now)

    def close(self, why: str = "") -> None:
        """Queue a CLOSE block, which tells the peer that no more data will follow."""
        self._queue_control(Kind.CLOSE, why)

    def abort(self, why: str) -> None:
        """End the link because of the peer's behaviour, and send CLOSE.

        Args:
            why: Reason, for both sides.
        """
        self._handshake.advance(Input.ABORT, why)
        self._queue_control(Kind.CLOSE, why)

    def replace(self, why: str) -> None:
        """End the link without telling the peer, which has opened another one."""
        self._handshake.advance(Input.REPLACED, why)

    def discard(self) -> None:
        """Free the buffers of a link that has ended, without waiting for garbage collection."""
        self._begin(self._link, self._first, self.open_request)
        self._payloads.forget_before(2**63)
        self._scanner, self._unfinished = BlockScanner(self._payloads.size), None

    # -- sending --------------------------------------------------------------------------------

    def data_to_send(self, now: float) -> bytes:
        """Return the blocks to send now, concatenated."""
        return b"".join(self.blocks_to_send(now))

    def blocks_to_send(self, now: float, room: int | None = None) -> list[bytes]:
        """Return the blocks to send now; over datagrams, each is one datagram.

        Args:
            now: Time in seconds.
            room: Number of bytes after which no further DATA blocks are added. Blocks that would
                wait for a slow line can then still use a code chosen later.
        """
        blocks: list[bytes] = []
        if self._handshake.open_is_due(now):
            assert self.open_request is not None
            self._handshake.open_sent(now)
            blocks.append(self._block(Kind.OPEN, now, write_open_request(self.open_request)))
        blocks += [self._block(kind, now, payload) for kind, payload in self._control]
        self._control.clear()
        if self.opened and not self.closed:
            # Oldest first: the peer treats transmissions that a later one omits as lost.
            blocks += [
                self._block(Kind.ACK, now, acknowledgement=snapshot)
                for snapshot in self._receiver.snapshots
            ]
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
        writer, sender = self._writer, self._sender
        unanswered = self.rtt.unanswered
        assert self.policy is not None
        while sender.ready() and (room is None or sum(map(len, blocks)) < room):
            number = self.policy.choose(now)
            aim, maximum = writer.payload_limits(number, now, unanswered)
            segment, payload = sender.take(number, aim, maximum)
            code = writer.code(segment.code)
            block = self._block(Kind.DATA, now, payload, segment.code, segment.start)
            sender.sent(segment, len(block), now)
            blocks.append(block)
            self.code_out = code.spec
            if payload:
                self.stats.payload_sent += len(payload)
                self.stats.coded_sent += code.coded_length(len(payload))
        return blocks

    def _block(
        self,
        kind: Kind,
        now: float,
        payload: bytes = b"",
        code: int = CONTROL,
        offset: int | None = None,
        acknowledgement: Acknowledgement | None = None,
    ) -> bytes:
        return self._writer.write(kind, now, payload, code, offset, acknowledgement)

    def _queue_control(self, kind: Kind, text: str = "") -> None:
        """Queue a block unless the same one is already queued."""
        block = kind, text.encode()[:MAX_CONTROL]
        if block not in self._control:
            self._control.append(block)

    # -- receiving ------------------------------------------------------------------------------

    def receive(self, data: bytes, now: float) -> None:
        """Process bytes received from the stream."""
        self.feed(data)
        while self.step(now):
            pass

    def feed(self, data: bytes) -> None:
        """Buffer bytes received from the stream; then call `step` until it returns False."""
        self.stats.bytes_received += len(data)
        self._scanner.feed(data)

    def step(self, now: float) -> bool:
        """Do a step of processing a block, or search a bounded number of bytes for one.

        This takes at most two milliseconds. `useful` counts the blocks that made progress, and
        `busy` is true while a block needs more steps.

        Returns:
            Whether there is more to do before more bytes arrive.
        """
        scanner = self._scanner
        if self._unfinished is None:
            block = scanner.step()
            if block is not None:
                self._count_header(block.corrected, block.wrong, HEAD_SIZE)
                self._unfinished = block, self._process(block.header, block.coded, now)
        if self._unfinished is not None:
            block, steps = self._unfinished
            try:
                next(steps)
            except StopIteration as done:
                self._unfinished = None
                if not done.value:
                    scanner.mark_undecodable(block)
            else:
                return True
        self.stats.unreadable_headers, self.stats.resyncs = scanner.unreadable, scanner.resyncs
        return not scanner.idle

    @property
    def busy(self) -> bool:
        """Whether the last `step` has left a block unfinished."""
        return self._unfinished is not None

    def receive_block(self, datagram: bytes, now: float) -> None:
        """Process a received datagram."""
        self.receive_with_header(self.read_datagram_header(datagram), datagram, now)

    def read_datagram_header(self, datagram: bytes) -> ReadHeader | None:
        """Read a datagram's header; return None if it is unreadable or not of this link."""
        return self._headers.read(datagram)

    def receive_with_header(self, head: ReadHeader | None, datagram: bytes, now: float) -> None:
        """Process a datagram whose header was already read.

        Args:
            head: The header; None if it could not be read.
            datagram: The whole datagram.
            now: Time in seconds.
        """
        self.stats.bytes_received += len(datagram)
        if head is None:
            self.stats.unreadable_headers += 1
            return
        self._count_header(head.corrected, head.wrong, HEADER_SIZE)
        if self._payloads.size(head.header) != len(datagram) - HEADER_SIZE:
            self.stats.ignored_blocks += 1
            return
        finish(self._process(head.header, datagram[HEADER_SIZE:], now))

    def _count_header(self, corrected: int, wrong: int, size: int) -> None:
        self.stats.blocks_received += 1
        self.stats.corrected_symbols += corrected
        self.stats.wrong_bits += wrong
        self.stats.checked_bits += 8 * size

    def _process(self, header: Header, coded: bytes, now: float) -> Steps[bool]:
        """Process a block in steps; return False if its payload could not be decoded."""
        if header.kind is Kind.OPEN and not self._handshake.is_client:
            return self._process_open(header, coded, now)
        is_ours = header.link == self._link and self.open_request is not None
        has_valid_offset = (
            header.kind in (Kind.DATA, Kind.CHALLENGE) or header.offset == self._first
        )
        if not is_ours or not has_valid_offset or self.closed or header.kind is Kind.OPEN:
            self.stats.ignored_blocks += 1
            return True
        if header.kind is Kind.CHALLENGE:
            self._process_challenge(header)
            return True
        if header.kind in (Kind.REFUSE, Kind.CLOSE):
            return self._process_end(header, coded)
        return (yield from self._process_answer(header, coded, now))

    def _process_answer(self, header: Header, coded: bytes, now: float) -> Steps[bool]:
        """Process ACCEPT, DATA or ACK: acknowledgements, channel report, and payload."""
        unanswered = self.rtt.unanswered
        is_plausible = self._receiver.is_plausible(header)
        outcomes = self._sender.acknowledged(header, now) if is_plausible else None
        if outcomes is None:
            self.stats.ignored_blocks += 1
            return True
        self._note_redundancy(header)
        self.useful += not self.opened or bool(outcomes)
        self._handshake.advance(Input.ANSWER)
        assert self.policy is not None
        for outcome in outcomes:
            self._writer.sizer.outcome(outcome.code, outcome.size, arrived=outcome.arrived)
            self.policy.outcome(now, outcome)
        if self._writer.path_mtu is not None:
            self._writer.path_mtu.answered(now, unanswered, outcomes)
        self._process_report(header, now)
        if header.kind is not Kind.DATA:
            return True
        return (yield from self._process_data(header, coded, now))

    def _note_redundancy(self, header: Header) -> None:
        """Note that the peer can decode incremental redundancy, and understands that we say so."""
        if header.redundancy and not self._peer_has_redundancy:
            self._reads_redundancy = self._peer_has_redundancy = True
            if self._payloads.mode is Mode.HYBRID and self.policy is not None:
                self.policy.use_redundancy()

    def _process_report(self, header: Header, now: float) -> None:
        wrong, checked = self._reported
        more = (header.checked - checked) & 0xFFFF
        if 0 < more < 0x8000:  # otherwise a later report has already arrived
            self._reported = header.wrong, header.checked
            assert self.policy is not None
            report = ChannelReport((header.wrong - wrong) & 0xFFFF, 512 * more)
            self.stats.peer_wrong_bits += report.wrong_bits
            self.stats.peer_checked_bits += report.checked_bits
            self.policy.channel(now, report)

    def _process_data(self, header: Header, coded: bytes, now: float) -> Steps[bool]:
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
        stats = self.stats
        before = stats.corrected_symbols, stats.combined_blocks
        payload = yield from self._payloads.data_steps(header, coded, offset)
        if self.watch is not None:
            corrected, combined = stats.corrected_symbols, stats.combined_blocks
            self.watch(
                BlockOutcome(
                    self._payloads.spec, header.length, len(coded), corrected - before[0],
                    combined > before[1], payload is not None,
                )
            )  # fmt: skip
        arrived = payload is not None and receiver.accept(offset, payload, now)
        receiver.seen(number, now, arrived=arrived)
        if arrived:
            self.useful += 1
            self._payloads.forget_before(receiver.expected)
        return payload is not None

    # -- handshake ------------------------------------------------------------------------------

    def _process_open(self, header: Header, coded: bytes, now: float) -> bool:
        """Process a client's OPEN, which it repeats until it receives an answer."""
        payload = self._payloads.control(header, coded)
        if payload is None:
            return False
        if self.open_request is not None or self.closed:
            if (header.link, header.offset) == self.identity:
                self._perform(self._handshake.advance(Input.OPEN))
            return True
        self.useful += 1
        request = None
        try:
            request = read_open_request(payload)
            is_ready = self._use_codes(request)
        except (LinkError, ValueError) as error:
            self.refuse(header, request, str(error))
            return True
        if not is_ready:
            return True  # the client repeats OPEN
        pending = self._sender.data
        self._begin(header.link, header.offset, request)
        self._sender.send(pending)
        self._sender.acknowledged(header, now)  # sets the send window
        self._perform(self._handshake.advance(Input.OPEN))
        return True

    def refuse(self, header: Header, request: OpenRequest | None, why: str) -> None:
        """Refuse a client's OPEN.

        Args:
            header: Header of the OPEN.
            request: Its payload; None if that is invalid.
            why: Reason for the client.
        """
        self._begin(header.link, header.offset, request)
        self._refusal = why
        self._perform(self._handshake.advance(Input.INVALID_OPEN, f"the link was refused: {why}"))

    def _process_challenge(self, header: Header) -> None:
        """Prove the client's address to the server by sending OPEN with its cookie."""
        answers_us = header.offset == self._first or self._sender.has_sent(header.offset)
        if answers_us and self._handshake.advance(Input.CHALLENGE) is Action.SEND_OPEN:
            self._handshake.present_cookie(cookie_of(header))

    def _process_end(self, header: Header, coded: bytes) -> bool:
        payload = self._payloads.control(header, coded)
        if payload is None:
            return False
        text = payload.decode("utf-8", "replace")
        is_refusal = header.kind is Kind.REFUSE
        what = "refused" if is_refusal else "closed"
        why = f"the peer {what} the link" + (f": {text}" if text else "")
        self._handshake.advance(Input.REFUSE if is_refusal else Input.CLOSE, why)
        self.useful += 1
        return True

    def _perform(self, action: Action) -> None:
        if action is Action.SEND_ACCEPT:
            self._queue_control(Kind.ACCEPT)
        else:
            assert action is Action.SEND_REFUSE
            self._queue_control(Kind.REFUSE, self._refusal or self.closed)

    # -- time -----------------------------------------------------------------------------------

    def reduce_mtu(self, now: float) -> None:
        """Send short datagrams for a while, because the system has rejected a long one."""
        if self._writer.path_mtu is not None:
            self._writer.path_mtu.reduce(now)

    def next_timer(self) -> float | None:
        """Return the time to call `tick`, in seconds; None if no timer is running."""
        if self.closed:
            return None
        if not self.opened:
            return self._handshake.next_timer()
        times = (self._receiver.ack_at, self._sender.next_timer())
        return min((time for time in times if time is not None), default=None)

    def probe(self) -> None:
        """Send a block that the peer must answer, to check whether it is still there."""
        self._sender.probe()

    def tick(self, now: float) -> None:
        """Handle expired timers; afterwards there may be blocks to send."""
        if self.opened:
            self._sender.tick(now)
        elif not self.closed:
            self._handshake.tick(now)
