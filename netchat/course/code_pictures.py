"""Pictures of codes: words as corners."""

from __future__ import annotations

from collections.abc import Mapping

from netchat.course.style import COLOURS, INK, PALE, Picture, blank, show

__all__ = ["cube"]


def cube(groups: Mapping[str, int], *, codewords: tuple[str, ...] = ()) -> Picture:
    """The eight words of three bits as the corners of a cube: an edge is one bit turned over.

    Args:
        groups: for each word, as text, the number of its colour.
        codewords: those to draw larger.
    """
    from matplotlib.patches import Circle

    figure, axes = blank(4.6, 3.7)
    axes.set_aspect("equal")
    places = {
        f"{word:03b}": (
            0.8 + 2.0 * (word >> 2) + 0.95 * (word & 1),
            3.1 - 1.75 * (word >> 1 & 1) - 0.75 * (word & 1),
        )
        for word in range(8)
    }
    for one, (x, y) in places.items():
        for other, (to_x, to_y) in places.items():
            if one < other and sum(a != b for a, b in zip(one, other, strict=True)) == 1:
                axes.plot([x, to_x], [y, to_y], color="#999999", linewidth=1.4, zorder=1)
    for word, (x, y) in places.items():
        large = word in codewords
        colours = COLOURS if large else PALE
        axes.add_patch(
            Circle(
                (x, y), 0.3 if large else 0.24, zorder=2,
                facecolor=colours[groups[word]], edgecolor=INK, linewidth=2 if large else 0.8,
            )
        )  # fmt: skip
        axes.text(
            x, y, word, ha="center", va="center", zorder=3, family="DejaVu Sans Mono",
            size=11 if large else 9, color="#FFFFFF" if large else INK,
        )  # fmt: skip
    return show(figure, "A cube whose corners are the words of three bits, coloured by group")
