"""The input of the app: a text of several lines, with history and completion."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual import events
from textual.message import Message
from textual.widgets import TextArea

__all__ = ["PromptArea"]

#: Maximum number of inputs in the history.
_MAX_HISTORY = 200

#: Keys that begin a new line: terminals differ in what they send for Shift-Enter.
_NEW_LINE = frozenset({"shift+enter", "ctrl+j", "alt+enter"})


class PromptArea(TextArea):
    """Input of messages and commands.

    Args:
        complete: Returns the number of characters before the cursor to replace, and the candidates.
    """

    class Sent(Message):
        """Message of Textual: the user has sent a text."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self, complete: Callable[[str], tuple[int, Sequence[str]]]) -> None:
        super().__init__(soft_wrap=True, show_line_numbers=False, compact=True, id="prompt")
        self._candidates_of = complete
        self._inputs: list[str] = []
        self._at = 0
        self._draft = ""
        self._cycle: tuple[str, list[str], int] | None = None

    def set(self, text: str) -> None:
        """Replace the text."""
        self.load_text(text)
        self.move_cursor(self.document.end)

    async def _on_key(self, event: events.Key) -> None:
        row, last = self.cursor_location[0], self.document.line_count - 1
        if event.key == "enter":
            self._send()
        elif event.key in _NEW_LINE:
            self.insert("\n")
        elif event.key == "up" and row == 0:
            self._recall(-1)
        elif event.key == "down" and row == last:
            self._recall(1)
        elif event.key == "tab" and self.text:
            self._complete()
        elif event.key in ("pageup", "pagedown"):
            await self.run_action(f"app.page({-1 if event.key == 'pageup' else 1})")
        elif event.key == "escape" and self.text:
            self.set("")
        else:
            await super()._on_key(event)
            return
        event.stop()
        event.prevent_default()

    def _send(self) -> None:
        text = self.text
        if not text.strip():
            return
        self._inputs = [*(each for each in self._inputs if each != text), text][-_MAX_HISTORY:]
        self._at, self._draft = len(self._inputs), ""
        self.set("")
        self.post_message(self.Sent(text))

    def _recall(self, step: int) -> None:
        if self._at == len(self._inputs):
            self._draft = self.text
        self._at = min(max(self._at + step, 0), len(self._inputs))
        self.set(self._draft if self._at == len(self._inputs) else self._inputs[self._at])

    def _complete(self) -> None:
        """Complete the word before the cursor; pressed again, show the next candidate."""
        before = self.get_text_range((0, 0), self.cursor_location)
        if self._cycle is not None and before == self._cycle[0]:
            _, candidates, index = self._cycle
            replaced, index = len(candidates[index]), (index + 1) % len(candidates)
        else:
            replaced, found = self._candidates_of(before)
            candidates, index = list(found), 0
            if not candidates:
                return
            if len(candidates) == 1:
                candidates = [f"{candidates[0]} "]
        row, column = self.cursor_location
        self.replace(candidates[index], (row, column - replaced), (row, column))
        self._cycle = self.get_text_range((0, 0), self.cursor_location), candidates, index
