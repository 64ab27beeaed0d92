"""Replay of a capture's clients against a server.

The steps are executed in the order of the capture, at its pace or as fast as possible. Before a client
sends, the server must have sent as many responses as in the capture. They are compared with the
captured ones.

Identifiers that a server chooses in each run are translated: room codes, log and sequence numbers,
tokens. Fields that cannot be equal are not compared; see `IGNORED`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from netchat.packets.items import Damage, DecodedMessage, Gap, Item, Notice
from netchat.packets.replay.matching import AnswerMatcher, Difference
from netchat.packets.replay.translation import Translation
from netchat.wire import Hello, Message, Ping, Pong, encode
from netchat.wording import many

__all__ = ["Replay", "ReplayConnection", "Step", "plan"]

#: Seconds to wait for a response that the capture contains; each is awaited only once.
TIMEOUT = 3.0

#: Seconds to wait at the end for responses that the capture does not contain.
SETTLE = 0.3

#: Polling interval of all connections before the next step is due, in seconds.
_LOOK = 0.05


class ReplayConnection(Protocol):
    """Connection to the server, such as `netchat.net.probe.Probe`."""

    closed: str

    def send(self, data: bytes) -> None:
        """Send bytes."""

    def listen(
        self, seconds: float, until: Callable[[Message], bool] | None = None
    ) -> list[Message]:
        """Receive messages for a time in seconds, or until one for which `until` returns True."""

    def close(self) -> None:
        """Close the connection."""


@dataclass(frozen=True, slots=True)
class Step:
    """Action of one side.

    Attributes:
        time: Seconds since the first step.
        conversation: Number of the connection.
        to_server: Whether the client acted.
        message: The message; None for an invalid frame, and for closing the connection.
        raw: The frame; empty for closing the connection.
    """

    time: float
    conversation: int
    to_server: bool
    message: Message | None
    raw: bytes


def plan(items: Iterable[Item]) -> tuple[list[Step], list[str]]:
    """Return the steps to replay, and why each other conversation is left out."""
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
        elif isinstance(item, DecodedMessage):
            message, raw = item.message, item.raw
        elif isinstance(item, Damage):
            message, raw = None, item.raw
        else:
            continue
        if number not in begun:
            if not item.conversation.whole and not isinstance(message, Hello):
                left_out[number] = f"conversation {number}: its beginning was not captured"
                continue
            begun.add(number)
        first = item.time if first is None else first
        to_server = item.to_server or not raw
        steps.append(Step((item.time - first) / 1e9, number, to_server, message, raw))
    kept = [step for step in steps if step.conversation not in left_out]
    return kept, list(left_out.values())


@dataclass(slots=True)
class Replay:
    """Run of `steps` against a server.

    Args:
        steps: The steps, from `plan`.
        connect: Opens a new connection to the server.
        speed: Speed relative to the capture; None for as fast as possible.
        timeout: Seconds to wait for a response.
        progress: Called with each step before it is executed.

    Attributes:
        sent: Number of frames sent.
        answers: Responses of each conversation, by its number.
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
        """Execute all steps.

        Returns:
            The differences between the server's responses and the capture's.

        Raises:
            CannotConnect: No server accepts the connection.
        """
        for number in sorted({step.conversation for step in self.steps}):
            responses = [
                s.message for s in self.steps if s.conversation == number and not s.to_server
            ]
            self.answers[number] = AnswerMatcher(number, [m for m in responses if m is not None])
        began = time.monotonic()
        due = dict.fromkeys(self.answers, 0)
        try:
            for step in self.steps:
                if not step.to_server:
                    due[step.conversation] += self._is_awaited(step)
                    continue
                if self.speed is not None:
                    self._wait_until(began + step.time / self.speed)
                self._await_answers(due)
                self._execute(step)
            self._await_answers(due)
            self._wait_until(
                time.monotonic() + SETTLE
            )  # for responses that the capture does not contain
        finally:
            for line in self._lines.values():
                line.close()
        return [
            d for answers in self.answers.values() for d in answers.differences(self._translation)
        ]

    @staticmethod
    def _is_awaited(step: Step) -> int:
        """Return 1 if a response is awaited; PINGs are unpredictable, so they are not."""
        return 0 if step.message is None or isinstance(step.message, Ping) else 1

    def _execute(self, step: Step) -> None:
        if self.progress is not None:
            self.progress(step)
        number = step.conversation
        if not step.raw:
            if number in self._lines:
                self._listen(number, 0.0)
                self._lines[number].close()
            return
        if isinstance(step.message, Pong):
            return  # responds to the captured server's PING; live PINGs get their own PONG
        if number not in self._lines:
            self._lines[number] = self.connect()
        message = step.message
        raw = step.raw if message is None else encode(self._translation.to_live(message))
        self._lines[number].send(raw)
        self.sent += 1

    def _await_answers(self, due: dict[int, int]) -> None:
        """Wait until each connection has received as many responses as in the capture."""
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
