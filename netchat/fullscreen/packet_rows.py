"""Columns and colours of the packet list."""

from __future__ import annotations

from rich.text import Text
from wcwidth import ljust
from wcwidth import width as columns_of

from netchat.packets.browse.rows import PacketRow

__all__ = ["KINDS", "headings", "packet_text"]

#: Styles by kind of row, for dark and for light themes.
KINDS = {
    "message": ("", ""),
    "ack": ("dim", "dim"),
    "data": ("dim", "dim"),
    "other": ("dim", "dim"),
    "control": ("magenta", "magenta"),
    "again": ("yellow", "#8a6d00"),
    "block": ("cyan", "#006d75"),
    "tls": ("dim cyan", "#4a6d70"),
    "damage": ("bold red", "bold #b00020"),
    "failed": ("bold red", "bold #b00020"),
    "gap": ("red", "#b00020"),
    "head": ("bold", "bold"),
}

#: Width of the list in columns from which protocol and microseconds are shown.
_WIDE = 100


def headings(width: int) -> str:
    """Return the headings of the columns.

    Args:
        width: Width of the list, in columns.
    """
    if width < _WIDE:
        return f"{'No.':>6} {'Time':>9}  {'Source':<13} {'Target':<13} {'Bytes':>5}  Contents"
    return f"{'No.':>7} {'Time':>13}  {'Source':<16} {'Target':<16} {'Proto':<5} {'Bytes':>6}  Contents"


def packet_text(row: PacketRow, width: int, *, is_dark: bool) -> Text:
    """Return a row of the list.

    Args:
        row: The row.
        width: Width of the list, in columns.
        is_dark: The background is dark.
    """
    style = KINDS[row.kind][not is_dark]
    text = Text(no_wrap=True, end="")
    if width < _WIDE:
        time = row.time.partition(".")[0] if ":" in row.time else row.time[:-3]
        text.append(f"{row.number:>6} {time:>9}  ", "dim")
        text.append(f"{_fit(row.source, 13)} {_fit(row.target, 13)} {row.length:>5}  ", style)
    else:
        text.append(f"{row.number:>7} {row.time:>13}  ", "dim")
        text.append(f"{_fit(row.source, 16)} {_fit(row.target, 16)} ", style)
        text.append(f"{row.protocol:<5} {row.length:>6}  ", style)
    text.append(row.info, style)
    text.truncate(width, overflow="ellipsis")
    return text


def _fit(end: str, width: int) -> str:
    """Return an address in its column; of a long one, the end stays."""
    while columns_of(end) > width:
        end = f"…{end[2:]}"
    return ljust(end, width)
