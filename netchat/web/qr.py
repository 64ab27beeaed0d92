"""QR codes of the page's addresses."""

from __future__ import annotations

import io
from itertools import zip_longest

__all__ = ["svg_qr", "terminal_qr"]

#: Light modules around the code. The standard wants four; phones are content with two.
_BORDER = 2

#: Black on white whatever the terminal's colours are (of its 256, the two that no theme changes):
#: some phones do not read codes with light and dark exchanged.
_COLOURS, _RESET = "\033[38;5;16;48;5;231m", "\033[0m"


def svg_qr(text: str) -> bytes:
    """A QR code as an SVG picture, with the text as its title."""
    import segno

    out = io.BytesIO()
    segno.make(text, error="m").save(
        out,
        kind="svg",
        scale=8,
        unit="px",  # with it comes the viewBox that lets a page show it in any size
        border=_BORDER,
        xmldecl=False,
        light="#fff",
        dark="#000",
        title=text,
    )
    return out.getvalue()


def terminal_qr(text: str) -> str:
    """A QR code for a terminal: two rows of modules a line."""
    import segno

    rows = [list(row) for row in segno.make(text, error="l").matrix_iter(border=_BORDER)]
    pairs = zip_longest(rows[::2], rows[1::2], fillvalue=[0] * len(rows[0]))
    lines = (
        "".join(" ▄▀█"[2 * upper + lower] for upper, lower in zip(*pair, strict=True))
        for pair in pairs
    )
    return "\n".join(f"{_COLOURS}{line}{_RESET}" for line in lines)
