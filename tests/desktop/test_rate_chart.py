"""Rates of a server, and their chart."""

from __future__ import annotations

import pytest

pytest.importorskip("tkinter")

from netchat.desktop.rate_chart import SAMPLES, RateChart, Rates, rates_between
from netchat.desktop.theme import Theme
from netchat.net.operator_view import Figures


def figures(time: float, messages: int, received: int = 0, sent: int = 0) -> Figures:
    return Figures(time, 0, 0, 0, 0, 0, messages, received, sent, 0, 0.0, 0)


def test_rates_are_per_second():
    before, after = figures(10.0, 100, 1000, 5000), figures(12.0, 130, 1500, 9000)
    assert rates_between(before, after) == Rates(15.0, 250.0, 2000.0)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, figures(1.0, 5)),
        (figures(10.0, 5), figures(9.0, 6)),  # the clock was set back
        (figures(10.0, 500), figures(11.0, 3)),  # the server was restarted
    ],
)
def test_without_comparable_figures_rates_are_zero(before, after):
    assert rates_between(before, after) == Rates(0.0, 0.0, 0.0)


def test_the_chart_ends_at_the_right_and_its_top_is_the_largest_rate(root):
    chart = RateChart(root, Theme(root, 1.0, is_dark=False))
    chart.canvas.pack(fill="both", expand=True)
    root.geometry("240x60")
    root.update()
    height, width = chart.canvas.winfo_height(), chart.canvas.winfo_width()
    for rate in (0.0, 5.0, 10.0):
        chart.add(rate)
    curve = chart.canvas.coords(chart.canvas.find_all()[-1])
    points = list(zip(curve[::2], curve[1::2], strict=True))
    assert points[0][1] == height - 1
    assert points[2] == (pytest.approx(width), 3)
    assert points[1][1] == pytest.approx((points[0][1] + points[2][1]) / 2)
    for _ in range(2 * SAMPLES):
        chart.add(1.0)
    assert len(chart.samples) == SAMPLES
    chart.clear()
    assert len(chart.canvas.find_all()) == 1  # the line at the bottom
