"""Handshake of a link: its states, the transitions between them, and the client's retries."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum
from typing import NamedTuple

from netchat.link.open_request import OpenRequest

__all__ = [
    "LOADING_TIMEOUT",
    "OPEN_TIMEOUT",
    "RETRY_EVERY",
    "TRANSITIONS",
    "Action",
    "Handshake",
    "Input",
    "State",
]

#: Seconds between a client's OPEN blocks, and timeout in seconds for opening a link.
RETRY_EVERY, OPEN_TIMEOUT = 0.5, 10.0

#: The timeout if there is a peer: it may have to load or compile its codes before it can answer.
LOADING_TIMEOUT = 60.0


class State(Enum):
    """State of one side of a link."""

    LISTENING = "LISTENING"
    """A server that has not received a valid OPEN."""
    CONNECTING = "CONNECTING"
    """A client that has not received an answer to OPEN."""
    OPEN = "OPEN"
    """Data can be sent and received."""
    CLOSED = "CLOSED"
    """The link has ended, or was refused."""


class Input(Enum):
    """Input that can change the state of a link."""

    OPEN = "OPEN received"
    INVALID_OPEN = "invalid OPEN received"
    CHALLENGE = "CHALLENGE received"
    ANSWER = "ACCEPT, DATA or ACK received"
    REFUSE = "REFUSE received"
    CLOSE = "CLOSE received"
    TIMEOUT = "timeout"
    ABORT = "local abort"
    REPLACED = "replaced by another link"


class Action(Enum):
    """Reaction to an input, besides the new state."""

    NONE = "none"
    SEND_OPEN = "send OPEN with the cookie"
    SEND_ACCEPT = "send ACCEPT"
    SEND_REFUSE = "send REFUSE"
    SEND_CLOSE = "send CLOSE"
    PROCESS = "process the block"


class Transition(NamedTuple):
    """New state and action."""

    state: State
    action: Action


#: The state machine; inputs that are not listed for a state are ignored. docs/LINK.md shows it.
TRANSITIONS: dict[State, dict[Input, Transition]] = {
    State.LISTENING: {
        Input.OPEN: Transition(State.OPEN, Action.SEND_ACCEPT),
        Input.INVALID_OPEN: Transition(State.CLOSED, Action.SEND_REFUSE),
        Input.ABORT: Transition(State.CLOSED, Action.SEND_CLOSE),
    },
    State.CONNECTING: {
        Input.CHALLENGE: Transition(State.CONNECTING, Action.SEND_OPEN),
        Input.ANSWER: Transition(State.OPEN, Action.PROCESS),
        Input.REFUSE: Transition(State.CLOSED, Action.NONE),
        Input.CLOSE: Transition(State.CLOSED, Action.NONE),
        Input.TIMEOUT: Transition(State.CLOSED, Action.NONE),
        Input.ABORT: Transition(State.CLOSED, Action.SEND_CLOSE),
    },
    State.OPEN: {
        Input.OPEN: Transition(State.OPEN, Action.SEND_ACCEPT),
        Input.CHALLENGE: Transition(State.OPEN, Action.SEND_OPEN),
        Input.ANSWER: Transition(State.OPEN, Action.PROCESS),
        Input.REFUSE: Transition(State.CLOSED, Action.NONE),
        Input.CLOSE: Transition(State.CLOSED, Action.NONE),
        Input.ABORT: Transition(State.CLOSED, Action.SEND_CLOSE),
        Input.REPLACED: Transition(State.CLOSED, Action.NONE),
    },
    State.CLOSED: {
        Input.OPEN: Transition(State.CLOSED, Action.SEND_REFUSE),
        Input.INVALID_OPEN: Transition(State.CLOSED, Action.SEND_REFUSE),
        Input.ABORT: Transition(State.CLOSED, Action.SEND_CLOSE),
    },
}


class Handshake:
    """State machine of one side of a link.

    Args:
        request: The client's request; None on a server.
        is_stream: Whether an established connection carries the link, and not datagrams.

    Attributes:
        state: Current state.
        has_opened: Whether the link is or was open.
        reason: Reason for the end of the link; empty unless it is closed.
        request: The client's request; None on a server that has not received it.
    """

    def __init__(self, request: OpenRequest | None, *, is_stream: bool = False) -> None:
        self.is_client = request is not None
        self.state = State.CONNECTING if self.is_client else State.LISTENING
        self.has_opened = False
        self.reason = ""
        self.request = request
        self._retry_at: float | None = None
        self._began = 0.0
        self._has_peer = is_stream
        self._must_send_cookie = False

    def advance(self, event: Input, reason: str = "") -> Action:
        """Change the state according to `TRANSITIONS`.

        Args:
            event: The input.
            reason: Reason for the end of the link, if the input ends it.

        Returns:
            The action to perform; `Action.NONE` if the input is ignored.
        """
        transition = TRANSITIONS[self.state].get(event)
        if transition is None:
            return Action.NONE
        if transition.state is State.CLOSED and self.state is not State.CLOSED:
            self.reason = reason
        self.state = transition.state
        self.has_opened |= self.state is State.OPEN
        return transition.action

    def present_cookie(self, cookie: bytes) -> None:
        """Send OPEN again at once, with the cookie of the server's CHALLENGE."""
        if self.is_client and self.request is not None:
            self.request = replace(self.request, cookie=cookie)
            self._has_peer = True
            self._must_send_cookie = True

    def open_is_due(self, now: float) -> bool:
        """Return whether the client must send OPEN now; the first call starts the timeout."""
        if not self.is_client or self.state is State.CLOSED:
            return False
        if self._retry_at is None:
            self._retry_at = self._began = now
        is_waiting = self.state is State.CONNECTING and now >= self._retry_at
        return self._must_send_cookie or is_waiting

    def open_sent(self, now: float) -> None:
        """Schedule the next OPEN after one was sent."""
        self._must_send_cookie, self._retry_at = False, now + RETRY_EVERY

    def next_timer(self) -> float | None:
        """Return the time of the next OPEN in seconds, or None before the first."""
        return self._retry_at

    def tick(self, now: float) -> None:
        """Close the link if opening it has timed out."""
        timeout = LOADING_TIMEOUT if self._has_peer else OPEN_TIMEOUT
        if self._retry_at is not None and now > self._began + timeout:
            self.advance(
                Input.TIMEOUT,
                f"no answer within {timeout:g} s: the peer does not support links, or the "
                "channel is too noisy",
            )
