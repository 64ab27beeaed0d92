"""Requests of one visitor: JSON objects in, JSON objects out, within limits."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from netchat.channel_lab.limits import (
    MAX_CODES,
    MAX_ERRORS,
    MAX_REQUEST,
    MAX_SEED,
)
from netchat.channel_lab.pool import LabPool
from netchat.channel_lab.specs import check_channel, check_code, check_interleaver
from netchat.channel_lab.state import StateError, parse_state, whole
from netchat.wording import cut

__all__ = ["LabService"]

#: Largest id of a request.
_MAX_ID = 2**53 - 1


class LabService:
    """Serves the requests of one visitor.

    Args:
        pool: Worker processes.
        address: Group of addresses that the visitor belongs to.
        send: Sends a text to the visitor; it must not block.
    """

    def __init__(self, pool: LabPool, address: str, send: Callable[[str], None]) -> None:
        self._pool = pool
        self._send = send
        self._visitor = pool.enter(address)
        self._runs: dict[int, int] = {}

    def close(self) -> None:
        """Drop all jobs of the visitor, who has left."""
        self._pool.leave(self._visitor)

    def receive(self, text: str) -> None:
        """Answer a request, now or later."""
        number = 0
        try:
            number, request = _parse(text)
            self._handle(number, request)
        except StateError as error:
            self._refuse(number, str(error), error.field)

    def _refuse(self, number: int, text: str, field: str | None) -> None:
        self._send(json.dumps({"id": number, "error": text, "field": field}))

    def _handle(self, number: int, request: dict[str, Any]) -> None:
        def receive(content: bytes) -> None:
            self._send(f'{{"id":{number},{content[1:].decode()}')

        match request.get("do"):
            case "codes":
                self._pool.ask(self._visitor, {"do": "codes"}, receive)
            case "line" | "explain" as what:
                state = parse_state(request.get("state", {}), self._pool.plugins)
                self._pool.ask(self._visitor, {"do": what, "state": state.as_dict()}, receive)
            case "run":
                wanted = _run_request(request, self._pool)
                self._runs = {number: self._pool.measure(self._visitor, wanted, receive)}
            case "stop":
                of = whole(request.get("of"), "of", 0, _MAX_ID)
                if of not in self._runs:
                    raise StateError(f"no measurement with the id {of} is running", "of")
                self._pool.stop_run(self._runs[of])
                self._send(json.dumps({"id": number, "stopped": of}))
            case other:
                raise StateError(
                    f"do must be codes, line, explain, run or stop, got {cut(repr(other), 30)}",
                    "do",
                )


def _parse(text: str) -> tuple[int, dict[str, Any]]:
    """Parse a request; return its id and the request.

    Raises:
        StateError: It is not a JSON object with an id.
    """
    if len(text) > MAX_REQUEST:
        raise StateError(f"a request must be at most {MAX_REQUEST} bytes, got {len(text)}")
    try:
        request = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise StateError(f"the request is not JSON: {cut(str(error), 60)}") from None
    if not isinstance(request, dict):
        raise StateError("the request must be a JSON object")
    return whole(request.get("id"), "id", 0, _MAX_ID), request


def _run_request(request: dict[str, Any], pool: LabPool) -> dict[str, Any]:
    """Check a request for a measurement, and return it with its defaults.

    Raises:
        StateError: A field is invalid.
    """
    codes = request.get("codes")
    if (
        not isinstance(codes, list)
        or not 1 <= len(codes) <= MAX_CODES
        or not all(isinstance(code, str) for code in codes)
    ):
        raise StateError(f"codes must be a list of 1 to {MAX_CODES} specifications", "codes")
    channel, interleave = request.get("channel", "bsc"), request.get("interleave", "")
    for name, value in (("channel", channel), ("interleave", interleave)):
        if not isinstance(value, str):
            raise StateError(f"{name} must be a text", name)
    try:
        field = "codes"
        for code in codes:
            check_code(code, pool.plugins)
        field = "channel"
        channel = check_channel(channel, has_range=True)
        field = "interleave"
        check_interleaver(interleave)
    except ValueError as error:
        raise StateError(str(error), field) from None
    return {
        "codes": list(dict.fromkeys(codes)),
        "channel": channel,
        "interleave": interleave,
        "seed": whole(request.get("seed", 1), "seed", 0, MAX_SEED),
        "target": whole(request.get("target", 100), "target", 1, MAX_ERRORS),
    }
