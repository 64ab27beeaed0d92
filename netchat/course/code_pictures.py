"""Pictures of codes and channels: a cube of words, state diagrams, timelines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from netchat.course.style import COLOURS, INK, PALE, Picture, blank, show

__all__ = ["cube", "timeline", "two_states"]


def cube(groups: Mapping[str, int], *, codewords: tuple[str, ...] = ()) -> Picture:
    """Draw the eight words of three bits as the corners of a cube; each edge flips one bit.

    Args:
        groups: The index of each word's colour; words are texts such as "010".
        codewords: The words to draw larger.
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


def two_states(names: tuple[str, str], ways: tuple[str, str], inside: tuple[str, str]) -> Picture:
    """Draw two states of a Markov chain and the transitions between them.

    Args:
        names: The states' names.
        ways: Labels of the transitions from the first state to the second, and back.
        inside: Text in each state.
    """
    from matplotlib.patches import Circle, FancyArrowPatch

    figure, axes = blank(6.6, 2.3)
    axes.set_aspect("equal")
    middles = (1.5, 1.15), (5.1, 1.15)
    for index, ((x, y), name, what) in enumerate(zip(middles, names, inside, strict=True)):
        axes.add_patch(
            Circle(
                (x, y), 0.8, facecolor=PALE[index * 5], edgecolor=COLOURS[index * 5], linewidth=2
            )
        )
        axes.text(x, y - 0.16, name, ha="center", va="center", size=12, weight="bold", color=INK)
        axes.text(x, y + 0.2, what, ha="center", va="center", size=8.5, color=INK)
    for (start, end), way, y in zip((middles, middles[::-1]), ways, (0.2, 2.1), strict=True):
        side = 1 if end[0] > start[0] else -1
        axes.add_patch(
            FancyArrowPatch(
                (start[0] + 0.72 * side, start[1] - 0.42 * side),
                (end[0] - 0.72 * side, end[1] - 0.42 * side),
                connectionstyle="arc3,rad=-0.18", arrowstyle="-|>", mutation_scale=14,
                color="#666666", linewidth=1.4,
            )
        )  # fmt: skip
        axes.text(3.3, y, way, ha="center", va="center", size=9.5, color=INK)
    return show(figure, f"Two states, {names[0]} and {names[1]}; {ways[0]}, {ways[1]}")


def timeline(
    rows: Mapping[str, Sequence[tuple[float, float, bool]]], *, names: Mapping[str, Sequence[str]]
) -> Picture:
    """Draw the blocks on a line over time; a cross marks a damaged block.

    Args:
        rows: For each scheme, its blocks: start, end, and whether they arrived.
        names: For each scheme, the labels of its blocks.
    """
    from matplotlib.patches import Rectangle

    left, unit, tall = 1.6, 0.45, 0.42
    last = max(end for blocks in rows.values() for _, end, _ in blocks)
    figure, axes = blank(left + last * unit + 0.2, 0.25 + 0.6 * len(rows))
    for row, (title, blocks) in enumerate(rows.items()):
        y = 0.2 + 0.6 * row
        axes.text(left - 0.12, y + tall / 2, title, ha="right", va="center", size=9.5, color=INK)
        axes.plot([left, left + last * unit], [y + tall, y + tall], color="#999999", linewidth=1)
        for (start, end, arrived), name in zip(blocks, names[title], strict=True):
            x, wide = left + start * unit, (end - start) * unit - 0.03
            fill = PALE[0] if arrived else PALE[5]
            edge = COLOURS[0] if arrived else COLOURS[5]
            axes.add_patch(Rectangle((x, y), wide, tall, facecolor=fill, edgecolor=edge))
            if not arrived:
                axes.plot([x, x + wide], [y, y + tall], color=edge, linewidth=1.2)
                axes.plot([x, x + wide], [y + tall, y], color=edge, linewidth=1.2)
            axes.text(x + wide / 2, y + tall / 2, name, ha="center", va="center", size=9, color=INK)
    description = "; ".join(
        f"{title}: {sum(arrived for *_, arrived in blocks)} of {len(blocks)} blocks arrive"
        for title, blocks in rows.items()
    )
    return show(figure, description)
