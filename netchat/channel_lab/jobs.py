"""Requests that a worker process answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netchat.channel_lab.state import StateError, parse_state

__all__ = ["Jobs"]


class Jobs:
    """Requests of visitors, and the measurements in progress.

    Args:
        plugins: Codes of the server's owner, by the name that visitors see.
    """

    def __init__(self, plugins: Mapping[str, str]) -> None:
        self._plugins = plugins
        self._runs: dict[int, Any] = {}

    def run(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer a request.

        Raises:
            StateError: It is invalid.
        """
        match request["do"]:
            case "codes":
                from netchat.channel_lab.catalogue import catalogue

                return catalogue(self._plugins)
            case "line":
                from netchat.channel_lab.line import compute_line

                return {
                    "line": compute_line(
                        parse_state(request["state"], self._plugins), self._plugins
                    )
                }
            case "explain":
                from netchat.channel_lab.explain import explain

                state = parse_state(request["state"], self._plugins)
                return {"explain": explain(state, self._plugins)}
            case "start":
                from netchat.channel_lab.thousand import Thousand

                self._runs[request["run"]] = Thousand(request["request"], self._plugins)
                return {}
            case "slice":
                return self._slice(request["run"], request["seconds"], is_last=request["last"])
            case "drop":
                self._runs.pop(request["run"], None)
                return {}
            case _:
                raise StateError(f"there is no request {request['do']!r}", "do")

    def _slice(self, number: int, seconds: float, *, is_last: bool) -> dict[str, Any]:
        """Continue a measurement for some time."""
        run = self._runs[number]
        answer: dict[str, Any] = run.advance(seconds, is_last=is_last)
        if answer.get("done"):
            del self._runs[number]
        return answer
