"""Content and labels of the plot."""

import subprocess
import sys

import numpy as np
import pytest

from netchat import bench
from netchat.bench.report.plot_style import looks
from netchat.errors import BenchError


@pytest.fixture(scope="module")
def results():
    return bench.run(
        ["hamming:7,4", "rs:60,50", "uncoded:64"],
        ["bsc:0.1", "bsc:0.01", "bsc:0.0001", "awgn:2dB", "awgn:6dB", "bec:0.3", "bec:0.01",
         "gilbert-elliott:0.0008,0.1,0,0.5", "gilbert-elliott:0.00008,0.01,0,0.5"],
        errors=100, frames=5000, workers=1,
    )  # fmt: skip


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


@pytest.mark.slow
def test_a_panel_for_each_kind_of_channel(results):
    figure = results.plot()
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert [title.partition(" (")[0] for title in titles] == [
        "Independent errors", "Gaussian noise", "Erasures", "Bursts"
    ]  # fmt: skip
    assert [axes.get_xlabel() for axes in figure.axes] == [
        "fraction of bits that the channel flips",
        "$E_b/N_0$ in dB, per bit of information",
        "fraction of symbols erased",
        "mean length of a burst in bits",
    ]
    assert "p = 0.4 %" in titles[3]
    assert figure.axes[0].get_ylabel() == "bit error rate after decoding"
    assert all(axes.get_yscale() == "log" for axes in figure.axes)
    assert [axes.get_xscale() for axes in figure.axes] == ["log", "linear", "log", "log"]
    low, high = figure.axes[0].get_xlim()
    assert low > high  # channels get better to the right
    assert legend(figure) == [
        "Hamming (7,4), rate 0.57", "Reed-Solomon (60,50), rate 0.83", "uncoded",
        "Shannon limit",
    ]  # fmt: skip
    assert "95 % intervals" in figure.get_suptitle()


def test_the_heading_fits_a_single_panel():
    point = bench.run(["repetition:3"], ["bsc:0.1"], frames=100, workers=1)
    figure = point.plot()
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure.draw(FigureCanvasAgg(figure).get_renderer())
    (heading,) = figure.texts
    box = heading.get_window_extent()
    assert box.x1 < figure.bbox.x1
    assert box.y0 > figure.axes[0].title.get_window_extent().y1


def test_markers_are_measured_and_lines_are_theory(results):
    axes = results.plot("fer").axes[0]
    assert axes.get_ylabel() == "frame error rate"
    drawn = {}
    for container in axes.containers:
        line, _, (bars,) = container.lines
        drawn[line.get_color()] = line.get_xdata(), line.get_ydata(), bars.get_segments()
    colour = looks(["hamming:7,4", "rs:60,50"])["hamming:7,4"][0]
    x, y, segments = drawn[colour]
    points = [results.point("hamming:7,4", channel) for channel in ("bsc:0.1", "bsc:0.01")]
    assert x[:2] == pytest.approx([0.1, 0.01])
    assert y[:2] == pytest.approx([point.fer for point in points])
    for point, segment in zip(points, segments, strict=False):
        assert segment[:, 1] == pytest.approx(list(point.fer_interval))
    (theory,) = (
        line for line in axes.lines
        if line.get_color() == colour and line.get_linestyle() == "-" and len(line.get_xdata()) > 9
    )  # fmt: skip
    at = np.exp(np.interp(np.log(0.01), np.log(theory.get_xdata()), np.log(theory.get_ydata())))
    assert at == pytest.approx(points[1].theory.fer, rel=0.02)
    limits = [line.get_xdata()[0] for line in axes.lines if line.get_linestyle() == ":"]
    assert any(place == pytest.approx(0.08765, rel=1e-3) for place in limits)  # of rate 4/7


def test_no_error_is_an_upper_limit(results):
    point = results.point("hamming:7,4", "bsc:0.0001")
    assert point.tally.frame_errors == 0
    axes = results.plot().axes[0]
    arrows = [text.xy for text in axes.texts if text.arrow_patch is not None]
    assert any(start == pytest.approx((0.0001, point.ber_interval.high / 4)) for start in arrows)


def test_an_uncoded_curve_is_always_shown():
    results = bench.run(["repetition:3"], ["bsc:0.1", "bsc:0.01"], workers=1)
    figure = results.plot()
    assert "uncoded" in legend(figure)
    grey = [line for line in figure.axes[0].lines if line.get_color() == "#444444"]
    assert any(np.allclose(line.get_xdata(), line.get_ydata()) for line in grey)  # BER = p


def test_one_point_of_an_unknown_code(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("from netchat.coding.block.uncoded import Uncoded\nclass Mine(Uncoded): pass\n")
    results = bench.run([f"{file}:Mine"], ["bsc:0.1"], workers=1)
    results.to_json(tmp_path / "results.json")
    file.unlink()
    figure = bench.Results.read(tmp_path / "results.json").plot()
    assert any(f"{file}:Mine" in text for text in legend(figure))


def test_channels_that_differ_in_more_than_bursts():
    results = bench.run(
        ["hamming:7,4"],
        ["gilbert-elliott:0.001,0.1,0,0.5", "gilbert-elliott:0.01,0.1,0,0.5"],
        workers=1,
    )
    figure = results.plot()
    assert figure.axes[0].get_xlabel() == "fraction of bits that the channel flips"


@pytest.mark.parametrize(
    "channel",
    ["bsc:0", "bsc:0.5", "bsc:1", "bec:1", "awgn:-100dB", "awgn:100dB",
     "gilbert-elliott:0.5,1,0,1", "gilbert-elliott:0.5,0,0,1"],
)  # fmt: skip
@pytest.mark.slow
def test_channels_at_the_end_of_their_range(channel, tmp_path):
    results = bench.run(["hamming:7,4"], [channel], frames=1000, workers=1)
    results.save_plot(tmp_path / "picture.png")
    assert results.plot().axes[0].get_xlim()[0] != results.plot().axes[0].get_xlim()[1]


@pytest.mark.parametrize("suffix", ["png", "svg"])
@pytest.mark.slow
def test_plots_are_written(tmp_path, suffix):
    results = bench.run(["hamming:7,4"], ["bsc:0.1"], workers=1)
    path = tmp_path / f"picture.{suffix}"
    results.save_plot(path)
    start = path.read_bytes()[:500]
    assert start.startswith(b"\x89PNG") if suffix == "png" else b"<svg" in start
    if suffix == "svg":
        assert "bit error rate after decoding" in path.read_text()
    with pytest.raises(BenchError, match="Cannot write"):
        results.save_plot(tmp_path / "missing" / f"picture.{suffix}")


def test_without_matplotlib():
    program = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "from netchat import bench\n"
        "results = bench.run(['hamming:7,4'], ['bsc:0.1'], workers=1)\n"
        "print(results.table())\n"
        "results.plot()\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "bsc:0.1" in result.stdout
    assert "pip install matplotlib" in result.stderr


@pytest.fixture(scope="module")
def soft():
    """Codes with one rate and length, over channels at which all of them err."""
    return bench.run(
        ["conv:5,7,k=98", "repetition:2", "conv:133,171,k=94"], ["awgn:2dB", "awgn:3dB"],
        errors=30, workers=1,
    )  # fmt: skip


def test_the_legend_names_the_grey_limits(soft):
    """Codes that share limits have them in black, or in grey if their decoders get hard decisions."""
    hard = bench.run(["conv:5,7,k=98@hard", "conv:7,5,k=98@hard"], "awgn:4dB", errors=20, workers=1)
    assert "limits of hard decisions" in legend(hard.plot("fer"))
    assert "limits of hard decisions" not in legend(soft.plot("fer"))


def lines_of(axes, style):
    return [
        line for line in axes.lines if line.get_linestyle() == style and len(line.get_xdata()) > 5
    ]


def test_limits_of_the_length(soft):
    """Codes of the same length share them; without them if asked, and in a plot of BERs."""
    figure = soft.plot("fer")
    assert {"normal approximation", "lower bound (converse)"} <= set(legend(figure))
    black = [
        line
        for line in figure.axes[0].lines
        if line.get_color() == "#222222" and len(line.get_xdata()) > 5
    ]
    approximation, bound = sorted(
        black, key=lambda line: -np.interp(1.0, line.get_xdata(), line.get_ydata())
    )
    at = float(approximation.get_xdata()[5])
    assert approximation.get_ydata()[5] == pytest.approx(
        bench.normal_approximation(200, 98, f"awgn:{at!r}dB"), rel=1e-6
    )
    assert bound.get_ydata()[0] < 1
    assert "normal approximation" not in legend(soft.plot("fer", bounds=False))
    assert "normal approximation" not in legend(soft.plot("ber"))


def test_a_column_of_a_paper(soft, tmp_path):
    import matplotlib as mpl

    figure = soft.plot("fer", style="paper")
    assert figure.get_figwidth() == 3.5
    assert figure.axes[0].xaxis.label.get_fontsize() == 8
    assert not figure.axes[0].get_title(loc="left")
    with mpl.rc_context({"font.size": 11, "figure.figsize": (5, 4)}):
        figure = soft.plot("fer", style="paper")
    assert figure.get_figwidth() == 5
    assert figure.axes[0].xaxis.label.get_fontsize() == 11
    soft.save_plot(tmp_path / "a.PDF", "fer", style="paper")
    soft.save_plot(tmp_path / "a.SVG", "fer", style="paper")
    pdf = (tmp_path / "a.PDF").read_bytes()
    assert b"/TrueType" in pdf or b"/CIDFontType2" in pdf
    assert b"/Type3" not in pdf
    assert "frame error rate" in (tmp_path / "a.SVG").read_text()


def test_the_legend_fits_the_column(soft):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = soft.plot("fer", style="paper")
    figure.draw(FigureCanvasAgg(figure).get_renderer())
    box = figure.legends[0].get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.x1


def test_axes_of_your_own(results, soft):
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    assert soft.plot("fer", ax=axes) is axes.figure
    assert axes.get_yscale() == "log"
    assert "normal approximation" in [text.get_text() for text in axes.get_legend().get_texts()]
    with pytest.raises(ValueError, match="'ax' needs points over one kind of channel, got 4"):
        results.plot(ax=axes)
    with pytest.raises(ValueError, match="'style' must be slide or paper"):
        soft.plot(style="poster")
    with pytest.raises(ValueError, match="'rate' must be ber or fer"):
        soft.plot("ser")


def test_published_curves(tmp_path):
    results = bench.run("uncoded:4003", ["awgn:4dB", "awgn:6dB"], frames=100, workers=1)
    figure = results.plot(references=True)
    assert "published (AFF3CT)" in legend(figure)
    (curve,) = bench.published("uncoded:4003", "awgn:4dB")
    drawn = [line for line in figure.axes[0].lines if line.get_markerfacecolor() == "none"]
    assert drawn[0].get_ydata() == pytest.approx([point.ber for point in curve.points])
    assert "published (AFF3CT)" not in legend(results.plot())
    with pytest.raises(BenchError, match="Cannot read"):
        results.plot(references=tmp_path / "none.json")


def test_limits_of_modulations():
    results = bench.run("conv:5,7,k=98", ["rayleigh:4dB", "rayleigh:8dB"], frames=200, workers=1)
    axes = results.plot("fer").axes[0]
    limits = [line.get_xdata()[0] for line in axes.lines if line.get_linestyle() == ":"]
    assert limits == []  # 1.8 dB is outside the picture
    results = bench.run(
        "conv:5,7,k=98", ["awgn:1dB,qam16", "awgn:8dB,qam16"], frames=200, workers=1
    )
    limits = [
        line.get_xdata()[0]
        for line in results.plot("fer").axes[0].lines
        if line.get_linestyle() == ":"
    ]
    assert limits == [pytest.approx(2.1, abs=0.1)]
