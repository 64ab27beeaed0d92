"""Pictures of bytes, bits, layers and conversations for the notebooks.

For example:

    byte_grid(frame, [("magic", 2), ("version", 1), ("type", 1)])
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from netchat.course.capture import Capture
from netchat.course.style import COLOURS, INK, PALE, Picture, blank, show
from netchat.packets import Decoder, Item, read_capture
from netchat.packets.views.ladder import Ladder
from netchat.packets.views.ladder_svg import ladder_svg
from netchat.wire.safe_text import show_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["bit_grid", "byte_grid", "ladder", "nested"]

#: Inches of a byte's cell.
_CELL, _TALL = 0.42, 0.46


def byte_grid(
    data: bytes,
    parts: Iterable[tuple[str, int]] = (),
    *,
    across: int = 16,
    marked: Iterable[int] = (),
) -> Picture:
    """Draw bytes as hexadecimal digits with their characters; each part has its own colour.

    Args:
        data: The bytes.
        parts: Names and sizes from the first byte on; bytes after the last part stay white.
        across: Bytes per row.
        marked: Offsets of bytes to frame.
    """
    parts = list(parts)
    owner = [index for index, (_, size) in enumerate(parts) for _ in range(size)]
    rows = -(-len(data) // across)
    columns = 1 if len(parts) <= max(rows, 8) else 2
    legend = -(-len(parts) // columns)
    column_width = 1.0 + 0.075 * max((len(name) for name, _ in parts), default=0)
    top, left = 0.36, 0.5
    wide = left + across * _CELL + (column_width * columns + 0.3 if parts else 0.1)
    figure, axes = blank(wide, top + max(rows * _TALL, legend * 0.26) + 0.1)
    for column in range(min(across, len(data))):
        _text(axes, left + (column + 0.5) * _CELL, top - 0.12, f"{column}", 7, "#777777")
    for place, byte in enumerate(data):
        row, column = divmod(place, across)
        x, y = left + column * _CELL, top + row * _TALL
        if not column:
            _text(axes, left - 0.22, y + _TALL / 2, f"{place}", 7, "#777777")
        fill = PALE[owner[place] % len(PALE)] if place < len(owner) else "#FFFFFF"
        _box(axes, x, y, _CELL, _TALL, fill, "#FFFFFF" if fill != "#FFFFFF" else "#CCCCCC")
        _text(axes, x + _CELL / 2, y + 0.17, f"{byte:02x}", 9, mono=True)
        character = chr(byte) if 32 < byte < 127 else "␣" if byte == 32 else "·"
        _text(axes, x + _CELL / 2, y + 0.36, character, 7, "#666666", mono=True)
    for place in marked:
        row, column = divmod(place, across)
        _box(axes, left + column * _CELL, top + row * _TALL, _CELL, _TALL, "none", COLOURS[5], 2.2)
    at = 0
    for index, (name, size) in enumerate(parts):
        x = left + across * _CELL + 0.25 + column_width * (index // legend)
        y = top + 0.26 * (index % legend)
        _box(axes, x, y + 0.03, 0.2, 0.18, PALE[index % len(PALE)], "#BBBBBB")
        where = f"{at}" if size == 1 else f"{at}-{at + size - 1}"
        _text(axes, x + 0.28, y + 0.12, f"{where}  {name}", 8.5, align="left")
        at += size
    named = ", ".join(f"{name} {size}" for name, size in parts)
    return show(figure, f"{len(data)} bytes" + (f": {named}" if named else ""))


def bit_grid(
    bits: Sequence[Sequence[int]] | np.ndarray,
    *,
    rows: Sequence[str] = (),
    columns: Sequence[str] = (),
    marked: Iterable[tuple[int, int]] = (),
    tinted: Callable[[int, int], bool] = lambda _row, _column: False,
    title: str = "",
) -> Picture:
    """Draw bits in rows and columns: ones dark, zeros light.

    Args:
        bits: A table of 0 and 1.
        rows: Labels of the rows, on the left.
        columns: Labels of the columns, above.
        marked: Positions (row, column) to frame, such as errors.
        tinted: Whether a position is in the second colour, such as parity.
        title: Title of the figure.
    """
    table = np.atleast_2d(np.asarray(bits))
    height, width = table.shape
    cell = 0.34 if width <= 24 else 0.2
    left = 0.2 + 0.085 * max(map(len, rows), default=0)
    top = 0.15 + (0.3 if title else 0) + (0.26 if columns else 0)
    figure, axes = blank(
        max(left + width * cell + 0.2, 0.3 + 0.09 * len(title)), top + height * cell + 0.12
    )
    if title:
        _text(axes, 0.1, 0.2, title, 10, align="left")
    for row, name in enumerate(rows):
        _text(axes, left - 0.1, top + (row + 0.5) * cell, name, 8, "#555555", align="right")
    for column, name in enumerate(columns):
        _text(axes, left + (column + 0.5) * cell, top - 0.12, name, 8, "#555555")
    for (row, column), bit in np.ndenumerate(table):
        dark, light = (COLOURS[5], PALE[5]) if tinted(row, column) else (COLOURS[0], PALE[4])
        x, y = left + column * cell, top + row * cell
        _box(axes, x, y, cell, cell, dark if bit else light, "#FFFFFF")
        if cell > 0.3:
            _text(
                axes, x + cell / 2, y + cell / 2, str(bit), 9, "#FFFFFF" if bit else INK, mono=True
            )
    for row, column in marked:
        _box(axes, left + column * cell, top + row * cell, cell, cell, "none", INK, 2.6)
    return show(figure, title or f"{height} rows of {width} bits")


def nested(layers: Sequence[tuple[str, int]], *, payload: str = "") -> Picture:
    """Draw nested headers: each layer is the payload of the one above.

    Args:
        layers: Names and sizes in bytes of the layers' headers, the outermost first; the last
            one is the innermost payload.
        payload: Text for the last row's label.
    """
    total = sum(size for _, size in layers)
    width, left, tall = 8.4, 1.5, 0.5
    scale = (width - left - 0.2) / total
    figure, axes = blank(width, 0.15 + tall * len(layers) + 0.1)
    start = 0
    for row, (name, size) in enumerate(layers):
        y = 0.12 + row * tall
        x, rest = left + start * scale, (total - start) * scale
        last = row == len(layers) - 1
        _text(axes, left - 0.15, y + 0.2, name, 9.5, align="right")
        _box(axes, x, y, rest, tall - 0.1, PALE[7], "#FFFFFF")
        _box(axes, x, y, rest if last else size * scale, tall - 0.1, PALE[row], "#FFFFFF")
        label = f"{size} bytes" + (f": {payload}" if last and payload else "")
        if size * scale > 0.09 * len(label):
            place, align = x + size * scale / 2, "center"
        else:  # no space inside: to its right or, at the right edge, to its left
            place, align = (x - 0.1, "right") if last else (x + size * scale + 0.08, "left")
        _text(axes, place, y + 0.2, label, 8.5, align=align)
        start += size
    alt = ", then ".join(f"{name} {size} bytes" for name, size in layers)
    return show(figure, f"From outside to inside: {alt}; {total} bytes in all.")


def ladder(
    capture: Capture | str | Path, title: str, *, wanted: Callable[[Item], bool] | None = None
) -> Picture:
    """Draw a ladder diagram: one arrow per segment, time running down.

    Args:
        capture: A capture, or its file.
        title: Title of the figure.
        wanted: Returns whether to draw an item; by default all are drawn.
    """
    rows = Ladder(wanted)
    decoder = Decoder(trace=True)
    source = io.BytesIO(capture.data()) if isinstance(capture, Capture) else capture
    for item in read_capture(source, decoder=decoder):
        rows.add(item)
    return Picture(ladder_svg(rows, title), f"{title}: a ladder diagram of the segments")


def _box(
    axes: Axes, x: float, y: float, width: float, height: float, fill: str, edge: str,
    line: float = 1.0,
) -> None:  # fmt: skip
    from matplotlib.patches import Rectangle

    patch = Rectangle((x, y), width, height, facecolor=fill, edgecolor=edge, linewidth=line)
    axes.add_patch(patch)


def _text(
    axes: Axes, x: float, y: float, text: str, size: float, colour: str = INK, *,
    mono: bool = False, align: str = "center",
) -> None:  # fmt: skip
    family = "DejaVu Sans Mono" if mono else "DejaVu Sans"
    axes.text(
        x, y, show_line(text), size=size, color=colour, family=family, ha=align, va="center",
        parse_math=False,
    )  # fmt: skip
