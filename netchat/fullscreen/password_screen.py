"""Prompt for passwords, on top of the app."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label

__all__ = ["PasswordScreen"]


class PasswordScreen(ModalScreen[list[str] | None]):
    """Prompt for passwords, which are not shown.

    Args:
        prompts: The prompts.
    """

    DEFAULT_CSS = """
    PasswordScreen { align: center middle; }
    PasswordScreen #passwords { width: 50; height: auto; border: round $primary; padding: 1 2; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [("escape", "dismiss(None)", "Cancel")]

    def __init__(self, prompts: Iterable[str]) -> None:
        super().__init__()
        self._prompts = list(prompts)

    def compose(self) -> ComposeResult:
        """Create the fields."""
        with Vertical(id="passwords"):
            for prompt in self._prompts:
                yield Input(placeholder=prompt.rstrip(": "), password=True)
            yield Label("Enter confirms, Escape cancels.", id="password-hint")

    def on_input_submitted(self) -> None:
        """Confirm, once all fields are filled in and repeated passwords are equal."""
        fields = list(self.query(Input))
        empty = next((field for field in fields if not field.value), None)
        if empty is not None:
            empty.focus()
            return
        values = [field.value for field in fields]
        repeats = [at for at, text in enumerate(self._prompts) if text.startswith("Repeat")]
        if any(values[at] != values[at - 1] for at in repeats):
            self.query_one("#password-hint", Label).update("The two passwords differ.")
            return
        self.dismiss([value for at, value in enumerate(values) if at not in repeats])
