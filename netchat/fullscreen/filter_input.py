"""Input of the filter, which completes options and values."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual import events
from textual.suggester import Suggester
from textual.widgets import Input

__all__ = ["FilterInput"]


class _First(Suggester):
    """Suggester of the first completion.

    Args:
        complete: Returns the lines that a line can become.
    """

    def __init__(self, complete: Callable[[str], Sequence[str]]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._complete = complete

    async def get_suggestion(self, value: str) -> str | None:
        """Return the completion that is shown after the cursor."""
        return next((line for line in self._complete(value) if line.startswith(value)), None)


class FilterInput(Input):
    """Input with completion: Tab shows one candidate after the other.

    Args:
        complete: Returns the lines that a line can become.
        line: Text to begin with.
    """

    def __init__(self, complete: Callable[[str], Sequence[str]], line: str = "") -> None:
        super().__init__(
            line,
            placeholder='such as  user == "Nova" and type == SEND  (Tab completes)',
            suggester=_First(complete),
            select_on_focus=False,
            id="filter",
        )
        self._candidates_of = complete
        self._cycle: tuple[str, list[str], int] | None = None

    async def _on_key(self, event: events.Key) -> None:
        if event.key != "tab":
            await super()._on_key(event)
            return
        if self._cycle is not None and self.value == self._cycle[0]:
            _, candidates, index = self._cycle
            index = (index + 1) % len(candidates)
        else:
            candidates, index = list(self._candidates_of(self.value)), 0
        if candidates:
            self.value = candidates[index]
            self.cursor_position = len(self.value)
            # After the only candidate, Tab completes what follows.
            self._cycle = (self.value, candidates, index) if len(candidates) > 1 else None
        event.stop()
        event.prevent_default()
