"""Entries of a log as styled lines: time, name, text."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from netchat.tui.entries import Entry, tint_of
from netchat.tui.lines import LOCK, LineKind

__all__ = ["log_line"]

#: Colours of names, for dark and for light themes.
_DARK = ("#ffa77a", "#e3c34c", "#9bd66f", "#5fd6b8", "#74bdf5", "#a9a4ff", "#dd9cf5", "#ff94c2")
_LIGHT = ("#a8461a", "#7a5c00", "#3c7a1a", "#127a63", "#1c6fae", "#5a50c8", "#9138b0", "#b02a72")


def log_line(entry: Entry, console: Console, width: int, *, is_dark: bool) -> Text:
    """Return an entry as text with styles, wrapped with a hanging indent.

    Args:
        entry: The entry.
        console: Console for which it is wrapped.
        width: Width of the log, in columns.
        is_dark: The background is dark.
    """
    clock = f"{entry.clock} "
    indent = len(clock)
    body = _body(entry, is_dark=is_dark)
    lines = body.wrap(console, max(width - indent, 10))
    return Text.assemble((clock, "dim"), Text(f"\n{' ' * indent}").join(lines))


def _body(entry: Entry, *, is_dark: bool) -> Text:
    if not entry.sender:
        is_error = entry.kind is LineKind.ERROR
        text = f"{entry.tag}: {entry.text}" if is_error and entry.tag else entry.text
        styles = {LineKind.ERROR: "bold red", LineKind.ANSWER: ""}
        return Text(text, style=styles.get(entry.kind, "dim"))
    tints, own = (_DARK, "#8aa8ff") if is_dark else (_LIGHT, "#3355dd")
    colour = own if entry.is_own else tints[tint_of(entry.sender, len(tints))]
    lock = f"{LOCK} " if entry.is_sealed else ""
    style = "bold red" if entry.kind is LineKind.ERROR else ""
    return Text.assemble(lock, (entry.sender, f"bold {colour}"), "  ", (entry.text, style))
