"""Chart of a rate over the last minutes, and the rates between two figures."""

from __future__ import annotations

import tkinter as tk
from collections import deque
from typing import NamedTuple

from netchat.desktop.theme import Theme
from netchat.net.operator_view import Figures

__all__ = ["RateChart", "Rates", "rates_between"]

#: Number of samples that are shown.
SAMPLES = 120


class Rates(NamedTuple):
    """Rates per second."""

    messages: float
    bytes_in: float
    bytes_out: float


def rates_between(before: Figures | None, after: Figures) -> Rates:
    """Return the rates between two figures of one run of a server; zero without earlier ones."""
    if before is None or after.time <= before.time or after.messages < before.messages:
        return Rates(0.0, 0.0, 0.0)
    seconds = after.time - before.time
    return Rates(
        (after.messages - before.messages) / seconds,
        (after.bytes_in - before.bytes_in) / seconds,
        (after.bytes_out - before.bytes_out) / seconds,
    )


class RateChart:
    """Chart of the last samples, from left to right, scaled to the largest one.

    Args:
        parent: Widget to place it in.
        theme: Colours and fonts.
    """

    def __init__(self, parent: tk.Misc, theme: Theme) -> None:
        self._theme = theme
        self.samples: deque[float] = deque(maxlen=SAMPLES)
        self.canvas = tk.Canvas(
            parent, height=theme.px(46), width=theme.px(240), highlightthickness=0, borderwidth=0
        )
        self.canvas.bind("<Configure>", lambda _: self.draw())
        self.restyle()

    def restyle(self) -> None:
        """Apply the theme's colours and fonts."""
        self.canvas.configure(background=self._theme.colours.window)
        self.draw()

    def add(self, rate: float) -> None:
        """Add a sample."""
        self.samples.append(rate)
        self.draw()

    def clear(self) -> None:
        """Remove all samples."""
        self.samples.clear()
        self.draw()

    def draw(self) -> None:
        """Draw the chart."""
        canvas, colours = self.canvas, self._theme.colours
        canvas.delete("all")
        width, height = canvas.winfo_width(), canvas.winfo_height()
        bottom = height - 1
        canvas.create_line(0, bottom, width, bottom, fill=colours.line)
        top = max(self.samples, default=0.0)
        if top <= 0 or width < 2:
            return
        step = width / (SAMPLES - 1)
        left = width - step * (len(self.samples) - 1)
        line = [
            (left + step * index, bottom - rate / top * (bottom - 3))
            for index, rate in enumerate(self.samples)
        ]
        area = [(line[0][0], bottom), *line, (line[-1][0], bottom)]
        canvas.create_polygon(area, fill=colours.hover, outline="")
        if len(line) > 1:
            canvas.create_line(line, fill=colours.accent, width=max(1, self._theme.px(1.5)))
