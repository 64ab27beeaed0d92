"""QR codes of the page's URLs."""

from __future__ import annotations

import io
from itertools import zip_longest

__all__ = ["png_qr", "svg_qr", "terminal_qr"]

#: Width of the quiet zone in modules. The standard requires four; phones accept two.
_BORDER = 2

#: Black on white, from the terminal colours that no theme changes: some phones do not read inverted
#: codes.
_COLOURS, _RESET = "\033[38;5;16;48;5;231m", "\033[0m"


def svg_qr(text: str) -> bytes:
    """Return a QR code as an SVG image, with the text as its title."""
    import segno

    out = io.BytesIO()
    segno.make(text, error="m").save(
        out,
        kind="svg",
        scale=8,
        unit="px",  # adds the viewBox that makes the image scalable
        border=_BORDER,
        xmldecl=False,
        light="#fff",
        dark="#000",
        title=text,
    )
    return out.getvalue()


def png_qr(text: str, width: int) -> bytes:
    """Return a QR code as a PNG image, black on white.

    Args:
        text: Its content.
        width: Largest width in pixels; the code has at least one pixel per module.
    """
    import segno

    code = segno.make(text, error="m")
    scale = max(1, width // code.symbol_size(border=_BORDER)[0])
    out = io.BytesIO()
    code.save(out, kind="png", scale=scale, border=_BORDER)
    return out.getvalue()


def terminal_qr(text: str) -> str:
    """Return a QR code for a terminal, with two rows of modules per line."""
    import segno

    rows = [list(row) for row in segno.make(text, error="l").matrix_iter(border=_BORDER)]
    pairs = zip_longest(rows[::2], rows[1::2], fillvalue=[0] * len(rows[0]))
    lines = (
        "".join(" ▄▀█"[2 * upper + lower] for upper, lower in zip(*pair, strict=True))
        for pair in pairs
    )
    return "\n".join(f"{_COLOURS}{line}{_RESET}" for line in lines)
