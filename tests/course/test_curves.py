"""Tests of the curves: measured rates are drawn with their intervals."""

import numpy as np

import netchat.bench
from netchat.course.code_pictures import cube, timeline, two_states
from netchat.course.curves import Estimate, bench_curve, error_axes, measured
from netchat.course.style import show
from tests.course.test_pictures import shapes


def test_a_rate_of_zero_is_drawn_as_an_upper_limit():
    figure, axes = error_axes("Errors", "p", "rate", falling=True)
    measured(
        axes,
        [Estimate(0.1, 0.02, 0.015, 0.03), Estimate(0.01, 0.0, 0.0, 0.004)],
        "a code",
        theory=([0.1, 0.01], [0.02, 0.001]),
    )
    seen, limit = axes.containers
    assert np.allclose(seen.lines[0].get_xydata(), [[0.1, 0.02]])
    assert np.allclose(limit.lines[0].get_xydata(), [[0.01, 0.004]])
    assert axes.get_xlim()[0] > axes.get_xlim()[1]
    assert shapes(show(figure, "a code"))


def test_a_code_and_its_theory_share_a_colour():
    _, axes = error_axes("Errors", "p", "rate")
    for name in "ab":
        measured(axes, [Estimate(0.1, 0.02, 0.01, 0.03)], name, theory=([0.1, 0.2], [0.02, 0.03]))
    theory = [line for line in axes.lines if len(line.get_xdata()) == 2]
    colours = [line.get_color() for line in theory]
    assert len(set(colours)) == 2
    assert colours == [container.lines[0].get_color() for container in axes.containers[::2]]


def test_bench_results_are_drawn_with_theory():
    _, axes = error_axes("Errors", "p", "rate")
    points = netchat.bench.run(
        ["hamming:7,4"], ["bsc:0.02", "bsc:0.1"], errors=50, workers=1
    ).points
    bench_curve(axes, [0.02, 0.1], points)
    assert axes.get_legend_handles_labels()[1] == ["hamming:7,4"]
    drawn = axes.containers[0].lines[0].get_ydata()
    assert np.allclose(drawn, [point.ber for point in points])
    assert np.allclose(axes.lines[-1].get_ydata(), [point.theory.ber for point in points])


def test_a_cube_has_eight_corners_and_twelve_edges():
    picture = cube({f"{word:03b}": word.bit_count() > 1 for word in range(8)}, codewords=("000",))
    fills = shapes(picture)
    assert (fills.count("#0072b2"), fills.count("#b8d8ec"), fills.count("#f9dda6")) == (1, 3, 4)
    assert picture.svg.count('id="line2d_') == 12


def test_two_states_have_two_transitions():
    picture = two_states(("good", "bad"), ("p_gb", "p_bg"), ("no errors", "errors"))
    fills = shapes(picture)
    assert (fills.count("#b8d8ec"), fills.count("#f3c7a8")) == (1, 1)
    assert fills.count("#666666") == 2  # the heads of the arrows


def test_a_timeline_has_a_box_per_block_and_a_cross_per_damaged_block():
    picture = timeline({"a": [(0, 1, True), (1, 2, False)]}, names={"a": ["1", "2"]})
    fills = shapes(picture)
    assert (fills.count("#b8d8ec"), fills.count("#f3c7a8")) == (1, 1)
    assert picture.svg.count('id="line2d_') == 1 + 2  # the line, and the cross
    assert picture.alt == "a: 1 of 2 blocks arrive"
