"""Filling in the modal windows that a window shows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tkinter as tk

__all__ = ["fill", "walk"]


def fill(root: tk.Misc, *answers: str) -> None:
    """Fill in the modal window of a root and confirm it, once it is there."""
    windows = [child for child in root.winfo_children() if child.winfo_class() == "Toplevel"]
    if not windows or not windows[0].winfo_viewable():
        root.after(10, lambda: fill(root, *answers))
        return
    fields = [each for each in walk(windows[0]) if each.winfo_class() == "TEntry"]
    for field, answer in zip(fields, answers, strict=True):
        field.insert(0, answer)
    _confirm(windows[0])


def _confirm(window: tk.Misc, tries: int = 100) -> None:
    """Press Return until the modal window is closed: a key is lost if the window has no focus yet."""
    if not window.winfo_exists():
        return
    if not tries:
        window.destroy()  # otherwise the test would wait forever
        return
    window.focus_force()
    window.event_generate("<Return>")
    window.after(20, lambda: _confirm(window, tries - 1))


def walk(widget: tk.Misc) -> Iterator[tk.Misc]:
    """Yield all widgets in a widget."""
    for child in widget.winfo_children():
        yield child
        yield from walk(child)
