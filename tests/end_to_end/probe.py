"""Latency between two ordinary users during an attack."""

from __future__ import annotations

import select
import statistics
import time
from types import TracebackType
from typing import Self

from netchat.wire import Event, Send
from tests.end_to_end.raw import RawClient

__all__ = ["Probe", "hear"]

#: Pause in seconds after each message. Below 300 messages per second, the server does not take the sender
#: for a heavy one, which waits for its turn.
PAUSE = 0.004

#: Number of messages per window. Its p99 is the third longest latency.
WINDOW = 250


class Probe:
    """Two members of the lobby, a sender and a receiver.

    Args:
        port: Port of the server.
    """

    def __init__(self, port: int) -> None:
        self._speaker, self._listener = RawClient(port, "Speaker"), RawClient(port, "Listener")
        self._speaker.join()
        self._listener.join()
        self.sent = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._speaker.socket.close()
        self._listener.socket.close()

    def message(self) -> float:
        """Send one message; return the seconds until the receiver has it."""
        self.sent += 1
        text = f"probe {self.sent}"
        began = time.perf_counter()
        self._speaker.say(Send(self.sent, "lobby", text))
        # Both read all the time: the server does not read from a client that does not read, so a sender
        # that cannot keep up with a flood and only waits for the receiver would wait forever.
        heard = 0.0
        waiting = {self._speaker.socket: self._speaker, self._listener.socket: self._listener}
        while waiting:
            readable, _, _ = select.select(list(waiting), [], [], 10)
            if not readable:
                raise TimeoutError(f"{text!r} did not reach both users within 10 seconds")
            for sock in readable:
                client = waiting[sock]
                events = [m for m in client.read() if isinstance(m, Event)]
                if any(event.text == text for event in events):
                    heard = time.perf_counter() if client is self._listener else heard
                    del waiting[sock]
        return heard - began

    def catch_up(self, text: str) -> None:
        """Read messages up to one with a given text."""
        hear(self._speaker, text)
        hear(self._listener, text)

    def warm_up(self) -> None:
        """Send some messages: the first ones of a process take longer."""
        for _ in range(50):
            self.message()

    def p99(self) -> float:
        """Return the 99th percentile of one window, in seconds."""
        times = []
        for _ in range(WINDOW):
            times.append(self.message())
            time.sleep(PAUSE)
        return sorted(times)[int(WINDOW * 0.99)]

    def typical(self, windows: int = 3) -> float:
        """Return the median p99 of several windows."""
        return statistics.median(self.p99() for _ in range(windows))


def hear(client: RawClient, text: str) -> None:
    """Continue reading until a text arrives."""
    while client.expect(Event).text != text:
        pass
