"""A noisy line between one page and this server, simulated in the server: *My line*.

The WebSocket of the page stays intact. Its frames pass through a connection within the server, whose
bits a channel flips in both directions; with a link, both ends of it run here, too. All other users'
connections are as before. This module is imported by the first page that asks for a line.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from netchat.channels.stream import ChannelStream
from netchat.errors import PeerError
from netchat.link.block_outcome import BlockOutcome
from netchat.link.link import Link
from netchat.link.policy_registry import validate_policy
from netchat.net.link.client_codes import ready_code, warm_up_client
from netchat.net.link.transport import LinkTransport
from netchat.net.memory_pipe import memory_pipe
from netchat.net.noise.transport import NoiseTransport
from netchat.net.server_driver import LINGER
from netchat.wire import FrameReader
from netchat.wire.frame import seal
from netchat.wording import cut, many

if TYPE_CHECKING:
    from netchat.net.link.cpu_budget import LinkWork
    from netchat.web.websocket import WebSocket

__all__ = ["NoisyLine", "NoisyPath", "read_line"]

#: Largest bit error rate: above it, even the strongest code of a link fails.
MOST_ERRORS = 0.1
#: Seconds between two reports to the page, and most blocks in one.
REPORT_EVERY, MOST_BLOCKS = 0.5, 32
#: Bytes that a page has not read, from which it gets no reports.
MOST_UNREAD = 64 * 1024
#: Longest text of a channel or of a code.
_LONGEST = 64
#: Bytes with which the error rate of a channel is measured.
_SAMPLE = 64 * 1024


@dataclass(frozen=True)
class NoisyPath:
    """Request of a page for a noisy line.

    Attributes:
        channel: Channel in both directions, such as `bsc:1e-3`.
        link: Code or policy of the link; None for none.
    """

    channel: str
    link: str | None


def read_line(query: Mapping[str, str]) -> NoisyPath:
    """Read what a page asks for, and load what its link needs: this may take seconds.

    Args:
        query: `channel`, and optionally `link`.

    Raises:
        ValueError: There is no such channel or code, or no line like that.
    """
    channel, link = query.get("channel", ""), query.get("link") or None
    for name, text in (("channel", channel), ("link", link or "")):
        if len(text) > _LONGEST:
            raise ValueError(f"the {name} must have at most {_LONGEST} characters, got {len(text)}")
    if channel.partition(":")[0] not in ("bsc", "gilbert-elliott"):
        raise ValueError(f"the channel must be bsc:P or gilbert-elliott:…, got {cut(channel)!r}")
    stream = ChannelStream(channel)
    stream.damage(bytes(_SAMPLE))
    rate = stream.flipped / (8 * _SAMPLE)
    if rate > 1.1 * MOST_ERRORS:  # a sample differs from the mean by less
        raise ValueError(
            f"the channel must flip at most {MOST_ERRORS:.0%} of the bits, got {rate:.0%}"
        )
    if link is not None:
        link = validate_policy(link)
        warm_up_client(link)
    return NoisyPath(channel, link)


class NoisyLine(asyncio.Protocol):
    """Carries the frames of one WebSocket over a noisy path to the chat in the same process.

    It is the protocol of the WebSocket's TCP connection; its other side is an ordinary client's.

    Args:
        path: What the page has asked for.
        websocket: The WebSocket.
        lower: Transport of its TCP connection.
        max_frame: Maximum size of a frame, in bytes.

    Attributes:
        is_over: Whether the line has ended.
    """

    def __init__(
        self, path: NoisyPath, websocket: WebSocket, lower: asyncio.Transport, max_frame: int
    ) -> None:
        self._path, self._websocket, self._lower = path, websocket, lower
        self._loop = asyncio.get_running_loop()
        self._out, self._back = ChannelStream(path.channel), ChannelStream(path.channel)
        self._frames = FrameReader(max_frame)
        self._top: asyncio.Transport | None = None
        self._client_link: Link | None = None
        self._server_link: Link | None = None
        self._blocks: deque[dict[str, Any]] = deque(maxlen=MOST_BLOCKS)
        self._timer: asyncio.TimerHandle | None = None
        self._last: dict[str, Any] = {}
        self.is_over = False

    def begin(self, chat: asyncio.Protocol, work: LinkWork, share: str) -> None:
        """Connect to the chat.

        Args:
            chat: Protocol of the connection at the server.
            work: Scheduler of the CPU time of links.
            share: Address group that this time counts against.
        """
        address = self._lower.get_extra_info("peername") or ("?", 0)
        here, there = memory_pipe(address[:2])
        there.start(chat)
        self._there = there
        upper: asyncio.Protocol = _Upper(self)
        if self._path.link is not None:
            self._client_link = Link.client(self._path.link, code=ready_code)
            self._client_link.watch = lambda outcome: self._note("down", outcome)
            upper = LinkTransport(upper, self._client_link, work, share)
        here.start(NoiseTransport(upper, self._out, self._back))
        self._report()

    # -- from the browser -----------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Send the frames of the page over the line."""
        if self.is_over:
            self._websocket.ignore(data)
            return
        try:
            frames = self._websocket.feed(data)
        except PeerError as error:
            self._end(str(error))
            return
        self._watch_server()
        for frame in frames:
            if self._top is not None:
                self._top.write(seal(frame.type, frame.body))

    def eof_received(self) -> bool:
        """Close: the page is gone."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Close the connection to the chat: the page is gone."""
        self._stop()
        if self._top is not None:
            self._top.abort()

    def pause_writing(self) -> None:
        """Stop reading from the chat, because the page is slow."""
        if self._top is not None:
            self._top.pause_reading()

    def resume_writing(self) -> None:
        """Read from the chat again."""
        if self._top is not None:
            self._top.resume_reading()

    # -- from the chat --------------------------------------------------------------------------

    def connected(self, transport: asyncio.Transport) -> None:
        """Note the transport to the chat."""
        self._top = transport

    def arrived(self, data: bytes) -> None:
        """Send the frames of the chat to the page."""
        damage: PeerError | None = None
        try:
            frames = self._frames.feed(data)
        except PeerError as error:
            frames, damage = list(error.frames), error
        for frame in frames:
            self._websocket.write(seal(frame.type, frame.body))
        if damage is not None:
            self._end(f"The page's end of the line found damage: {damage}")

    def chat_lost(self, exc: Exception | None) -> None:
        """Close the WebSocket: the connection to the chat has ended."""
        self._top = None
        self._end(str(exc) if exc is not None else "The server has closed the line.")

    def throttle(self, *, is_full: bool) -> None:
        """Stop or continue reading from the page, because the line is slow."""
        if self._lower.is_closing():
            return
        if is_full:
            self._lower.pause_reading()
        else:
            self._lower.resume_reading()

    # -- reports --------------------------------------------------------------------------------

    def _watch_server(self) -> None:
        """Watch the chat's end of the link, once the chat has opened it."""
        if self._server_link is None and self._client_link is not None:
            transport = self._there.get_protocol()
            if isinstance(transport, LinkTransport):
                self._server_link = transport.link
                self._server_link.watch = lambda outcome: self._note("up", outcome)

    def _note(self, direction: str, outcome: BlockOutcome) -> None:
        """Keep the outcome of a block for the next report."""
        result = "intact"
        if not outcome.decoded:
            result = "failed"
        elif outcome.combined:
            result = "combined"
        elif outcome.corrected:
            result = "repaired"
        self._blocks.append({
            "direction": direction, "result": result, "code": outcome.code, "size": outcome.size,
            "coded": outcome.coded, "corrected": outcome.corrected,
        })  # fmt: skip

    def _report(self) -> None:
        """Tell the page about the line, if there is news."""
        if self.is_over:
            return
        self._timer = self._loop.call_later(REPORT_EVERY, self._report)
        if self._lower.get_write_buffer_size() > MOST_UNREAD:
            return
        report = self.summary()
        if self._blocks or report != self._last:
            self._last = report
            self._tell({**report, "blocks": list(self._blocks)})
            self._blocks.clear()

    def summary(self) -> dict[str, Any]:
        """Return the figures of the line: up is from the page to the chat."""
        report: dict[str, Any] = {
            "channel": self._path.channel,
            "link": self._path.link,
            "up": {"bits": 8 * self._out.passed, "flipped": self._out.flipped},
            "down": {"bits": 8 * self._back.passed, "flipped": self._back.flipped},
        }
        for name, sender, receiver in (
            ("up", self._client_link, self._server_link),
            ("down", self._server_link, self._client_link),
        ):
            if sender is not None and receiver is not None:
                out, into = sender.stats, receiver.stats
                report[name] |= {
                    "code": sender.code_out,
                    "blocks": into.blocks_received,
                    "repaired": into.corrected_symbols,
                    "failed": into.failed_blocks,
                    "combined": into.combined_blocks,
                    "retransmitted": out.retransmissions,
                    "delivered": into.delivered,
                    "capacity": out.capacity,
                    "efficiency": out.efficiency,
                }
        return report

    def _tell(self, what: dict[str, Any]) -> None:
        self._websocket.send_text(json.dumps({"line": what}))

    def _end(self, why: str) -> None:
        """Close the WebSocket, and say why."""
        if self.is_over:
            return
        flipped = self._out.flipped + self._back.flipped
        self._tell(
            {**self.summary(), "lost": f"{why.rstrip('.')}. So far {many(flipped, 'bit')} flipped."}
        )
        self._stop()
        self._websocket.close()
        # It waits for the page's CLOSE, and until the page reads what was sent.
        self._loop.call_later(LINGER, self._lower.abort)
        if self._top is not None:
            self._top.abort()

    def _stop(self) -> None:
        self.is_over = True
        if self._timer is not None:
            self._timer.cancel()


class _Upper(asyncio.Protocol):
    """The chat's side of a line: what the page receives."""

    def __init__(self, line: NoisyLine) -> None:
        self._line = line

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._line.connected(cast(asyncio.Transport, transport))

    def data_received(self, data: bytes) -> None:
        self._line.arrived(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._line.chat_lost(exc)

    def pause_writing(self) -> None:
        self._line.throttle(is_full=True)

    def resume_writing(self) -> None:
        self._line.throttle(is_full=False)
