"""Plays the clients of a capture against a server, and compares what it answers.

The steps are taken in the order of the capture. Before a client speaks, the server must have said
what it had said by then, so a replay goes as the capture went, at its pace or as fast as can be.

What the server chooses anew each time is translated: room codes, log and sequence numbers, tokens.
What cannot be the same is not compared, see `IGNORED`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from netchat.packets.items import Damage, Decoded, Gap, Item, Notice
from netchat.packets.replay.matching import AnswerMatcher, Difference
from netchat.packets.replay.translation import Translation
from netchat.wire import Hello, Message, Ping, Pong, encode
from netchat.wording import many

__all__ = ["Replay", "ReplayConnection", "Step", "plan"]

#: Seconds to wait for an answer that the capture has. It is waited for only once.
TIMEOUT = 3.0

#: Seconds to listen at the end for answers that the capture does not have.
SETTLE = 0.3

#: Seconds between two looks at all lines while it is too early for the next step.
_LOOK = 0.05


class ReplayConnection(Protocol):
    """One connection to the server, such as `netchat.net.probe.Probe`."""

    closed: str

    def send(self, data: bytes) -> None:
        """Send bytes."""

    def listen(
        self, seconds: float, until: Callable[[Message], bool] | None = None
    ) -> list[Message]:
        """Hear messages, for so long or until one for which `until` is true."""

    def close(self) -> None:
        """Hang up."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a side did.

    Attributes:
        time: when, in seconds after the first step.
        conversation: the number of the connection.
        to_server: a client did it.
        message: what was said; None for a frame that is wrong, and for hanging up.
        raw: the frame; empty for hanging up.
    """

    time: float
    conversation: int
    to_server: bool
    message: Message | None
    raw: bytes


def plan(items: Iterable[Item]) -> tuple[list[Step], list[str]]:
    """The steps to replay, and what of the capture cannot be, in sentences."""
    steps: list[Step] = []
    left_out: dict[int, str] = {}
    begun: set[int] = set()
    first: int | None = None
    for item in items:
        number = item.conversation.number
        if number in left_out or (isinstance(item, Damage) and item.cause != "frame"):
            continue
        if isinstance(item, Gap):
            if item.to_server:
                left_out[number] = (
                    f"conversation {number}: {many(item.size, 'byte')} of the client "
                    f"{'is' if item.size == 1 else 'are'} missing"
                )
            continue
        if isinstance(item, Notice):
            if item.event == "doubled":
                left_out[number] = f"conversation {number}: every packet was captured several times"
            if item.event not in ("closed", "reset") or number not in begun:
                continue
            message, raw = None, b""
        elif isinstance(item, Decoded):
            message, raw = item.message, item.raw
        elif isinstance(item, Damage):
            message, raw = None, item.raw
        else:
            continue
        if number not in begun:
            if not item.conversation.whole and not isinstance(message, Hello):
                left_out[number] = f"conversation {number}: the capture does not have its beginning"
                continue
            begun.add(number)
        first = item.time if first is None else first
        to_server = item.to_server or not raw
        steps.append(Step((item.time - first) / 1e9, number, to_server, message, raw))
    kept = [step for step in steps if step.conversation not in left_out]
    return kept, list(left_out.values())


@dataclass(slots=True)
class Replay:
    """A run of `steps` against a server.

    Args:
        steps: what `plan` made of a capture.
        connect: makes a new connection to the server.
        speed: how many times faster than the capture; None is as fast as can be.
        timeout: seconds to wait for an answer.
        progress: called with each step as it is taken.

    Attributes:
        sent: frames that were sent.
        answers: what was answered in each conversation, by its number.
    """

    steps: list[Step]
    connect: Callable[[], ReplayConnection]
    speed: float | None = 1.0
    timeout: float = TIMEOUT
    progress: Callable[[Step], None] | None = None
    sent: int = 0
    answers: dict[int, AnswerMatcher] = field(default_factory=dict)
    _lines: dict[int, ReplayConnection] = field(default_factory=dict)
    _translation: Translation = field(default_factory=Translation)

    def run(self) -> list[Difference]:
        """Take all steps.

        Returns:
            Where the server's answers differ from the capture's; empty if nowhere.

        Raises:
            CannotConnect: there is no server.
        """
        for number in sorted({step.conversation for step in self.steps}):
            told = [s.message for s in self.steps if s.conversation == number and not s.to_server]
            self.answers[number] = AnswerMatcher(number, [m for m in told if m is not None])
        began = time.monotonic()
        due = dict.fromkeys(self.answers, 0)
        try:
            for step in self.steps:
                if not step.to_server:
                    due[step.conversation] += self._counts(step)
                    continue
                if self.speed is not None:
                    self._wait_until(began + step.time / self.speed)
                self._hear(due)
                self._take(step)
            self._hear(due)
            self._wait_until(time.monotonic() + SETTLE)  # for what the capture does not have
        finally:
            for line in self._lines.values():
                line.close()
        return [
            d for answers in self.answers.values() for d in answers.differences(self._translation)
        ]

    @staticmethod
    def _counts(step: Step) -> int:
        """Whether an answer is waited for. Nobody knows when a server asks for a sign of life."""
        return 0 if step.message is None or isinstance(step.message, Ping) else 1

    def _take(self, step: Step) -> None:
        if self.progress is not None:
            self.progress(step)
        number = step.conversation
        if not step.raw:
            if number in self._lines:
                self._listen(number, 0.0)
                self._lines[number].close()
            return
        if isinstance(step.message, Pong):
            return  # the answer to a PING of that server; those of this one are answered as they come
        if number not in self._lines:
            self._lines[number] = self.connect()
        message = step.message
        raw = step.raw if message is None else encode(self._translation.to_live(message))
        self._lines[number].send(raw)
        self.sent += 1

    def _hear(self, due: dict[int, int]) -> None:
        """Wait until each line has said as much as it had in the capture."""
        for number, answers in self.answers.items():
            if number not in self._lines:
                continue
            deadline = time.monotonic() + self.timeout
            while answers.found + answers.given_up < due[number]:
                left = deadline - time.monotonic()
                if left <= 0 or self._lines[number].closed:
                    answers.given_up = due[number] - answers.found
                    break
                self._listen(number, left)

    def _wait_until(self, moment: float) -> None:
        while (left := moment - time.monotonic()) > 0:
            for number in self._lines:
                self._listen(number, 0.0)
            time.sleep(min(left, _LOOK))

    def _listen(self, number: int, seconds: float) -> None:
        line, answers = self._lines[number], self.answers[number]
        if line.closed:
            return
        for message in line.listen(seconds, lambda _: True):
            if isinstance(message, Ping):
                line.send(encode(Pong(message.time)))
            else:
                answers.take(message, self._translation)
