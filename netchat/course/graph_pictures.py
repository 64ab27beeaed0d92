"""Pictures of the graphs on which decoders work: trellises and Tanner graphs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from netchat.course.style import COLOURS, INK, PALE, Picture, blank, show

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["tanner", "trellis"]


def trellis(
    states: Sequence[str],
    branches: Iterable[tuple[int, int, str, bool]],
    steps: int,
    *,
    end: int | None = None,
    columns: Sequence[str] = (),
    sums: Mapping[tuple[int, int], str] | None = None,
    path: Sequence[int] = (),
    title: str = "",
) -> Picture:
    """Draw a trellis from state 0 on: states from top to bottom, and time from left to right.

    Args:
        states: Names of the states.
        branches: The state that a branch leaves, the one that it enters, its label, and whether it is
            dashed.
        steps: Number of steps.
        end: The state in which all paths end; by default any.
        columns: Text above each step.
        sums: Text in the node of a (step, state).
        path: States of a path to emphasise, one more than its steps.
        title: Title of the figure.
    """
    edges, sums = list(branches), sums or {}
    alive = _alive(edges, len(states), steps, end)
    left, top, wide, tall = 0.75, 0.65 + 0.3 * bool(title), 1.45, 0.78
    width = max(left + wide * steps + 0.45, 0.3 + 0.09 * len(title))
    figure, axes = blank(width, top + tall * (len(states) - 1) + 0.4)
    if title:
        _text(axes, 0.1, 0.18, title, 11, align="left")
    for step, name in enumerate(columns):
        _text(axes, left + (step + 0.5) * wide, top - 0.42, name, 9.5)
    for state, name in enumerate(states):
        _text(axes, 0.15, top + state * tall, name, 10, "#555555", align="left")
    taken = set(zip(range(steps), path, path[1:], strict=False))
    for step in range(steps):
        for start, target, label, dashed in edges:
            if start not in alive[step] or target not in alive[step + 1]:
                continue
            x, y = left + step * wide, top + start * tall
            down = (target - start) * tall
            bold = (step, start, target) in taken
            axes.plot(
                [x, x + wide], [y, y + down], linestyle="--" if dashed else "-", zorder=1,
                color=COLOURS[5] if bold else "#888888", linewidth=3 if bold else 1.2,
            )  # fmt: skip
            # A quarter of the way along the branches, no two of them cross.
            _text(axes, x + 0.24 * wide, y + 0.24 * down, label, 8.5, INK, box=True)
    for step, reached in enumerate(alive):
        for state in range(len(states)):
            _node(
                axes, left + step * wide, top + state * tall, sums.get((step, state), ""),
                PALE[0] if state in reached else "#FFFFFF", INK if state in reached else "#CCCCCC",
            )  # fmt: skip
    return show(figure, title or f"A trellis of {len(states)} states and {steps} steps")


def tanner(
    checks: Sequence[Sequence[int]],
    values: Sequence[str],
    *,
    marked: Iterable[int] = (),
    title: str = "",
) -> Picture:
    """Draw a Tanner graph: bits as circles, parity checks as squares, an edge where a check has a bit.

    Args:
        checks: The positions of the bits of each check.
        values: Text in the circle of each bit.
        marked: Positions of bits in another colour.
        title: Title of the figure.
    """
    from matplotlib.patches import Rectangle

    left, wide, other = 0.5, 0.78, set(marked)
    upper, lower = 0.75 + 0.3 * bool(title), 2.35 + 0.3 * bool(title)
    width = max(2 * left + wide * (len(values) - 1), 0.3 + 0.09 * len(title))
    figure, axes = blank(width, lower + 0.6)
    if title:
        _text(axes, 0.1, 0.18, title, 11, align="left")
    between = wide * (len(values) - 1) / max(len(checks) - 1, 1)
    for number, bits in enumerate(checks):
        x = left + number * between
        for bit in bits:
            axes.plot(
                [x, left + bit * wide], [lower, upper], zorder=1, linewidth=1.6,
                color=COLOURS[number % 6],
            )  # fmt: skip
        axes.add_patch(
            Rectangle(
                (x - 0.19, lower - 0.19), 0.38, 0.38, zorder=2, facecolor=PALE[number % 6],
                edgecolor=INK,
            )
        )  # fmt: skip
        _text(axes, x, lower, "+", 13)
        _text(axes, x, lower + 0.38, f"check {number}", 8, "#555555")
    for bit, value in enumerate(values):
        fill = PALE[5] if bit in other else PALE[4]
        _node(axes, left + bit * wide, upper, value, fill, INK, 0.25)
        _text(axes, left + bit * wide, upper - 0.42, f"bit {bit}", 8, "#555555")
    count = sum(len(bits) for bits in checks)
    return show(figure, title or f"{len(values)} bits and {len(checks)} checks with {count} edges")


def _alive(
    edges: Sequence[tuple[int, int, str, bool]], states: int, steps: int, end: int | None
) -> list[set[int]]:
    """Return the states that a path from state 0 to the end can pass, before and after each step."""
    reached = [{0}]
    for _ in range(steps):
        reached.append({target for start, target, *_ in edges if start in reached[-1]})
    back = set(range(states)) if end is None else {end}
    for step in range(steps, -1, -1):
        reached[step] &= back
        back = {start for start, target, *_ in edges if target in reached[step]}
    return reached


def _node(
    axes: Axes, x: float, y: float, text: str, fill: str, edge: str, radius: float = 0.2
) -> None:
    from matplotlib.patches import Circle

    axes.add_patch(Circle((x, y), radius, zorder=3, facecolor=fill, edgecolor=edge))
    _text(axes, x, y, text, 8.5)


def _text(
    axes: Axes, x: float, y: float, text: str, size: float, colour: str = INK, *,
    align: str = "center", box: bool = False,
) -> None:  # fmt: skip
    around = {"facecolor": "#FFFFFF", "edgecolor": "none", "pad": 0.8} if box else None
    axes.text(
        x, y, text, size=size, color=colour, ha=align, va="center", zorder=4, bbox=around,
        parse_math=False,
    )  # fmt: skip
