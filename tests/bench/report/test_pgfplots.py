"""LaTeX for pgfplots: what the plot shows, and that LaTeX accepts it."""

import re
import shutil
import subprocess

import pytest

from netchat import bench


@pytest.fixture(scope="module")
def results():
    return bench.run(
        ["conv:5,7,k=98", "hamming:7,4"], ["awgn:2dB", "awgn:3dB", "bsc:0.1", "bsc:0.01"],
        errors=30, workers=1,
    )  # fmt: skip


def test_points_with_their_intervals(results):
    text = results.pgfplots("fer")
    assert text.count("\\begin{tikzpicture}") == 2
    rows = re.findall(r"^(\S+) (\S+) (\S+) (\S+)$", text, re.M)
    point = results.point("conv:5,7,k=98", "awgn:3dB")
    low, high = point.fer_interval
    found = [
        row for row in rows if row[0] == "3" and float(row[1]) == pytest.approx(point.fer, rel=1e-3)
    ]
    assert [float(x) for x in found[0][2:]] == pytest.approx(
        [high - point.fer, point.fer - low], rel=1e-2
    )
    assert "x dir=reverse" in text
    assert text.count("\\addlegendentry") == len(results.plot("fer").legends[0].get_texts())
    assert "\\addlegendentry{Shannon limit}" in text


def test_text_for_latex():
    from netchat.bench.report.pgfplots import _text

    assert _text("50 % & $E_b/N_0$ of a_b") == r"50 \% \& $E_b/N_0$ of a\_b"


def test_a_file(results, tmp_path):
    results.save_plot(tmp_path / "plot.TEX", "fer")
    assert (tmp_path / "plot.TEX").read_text() == results.pgfplots("fer")


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
@pytest.mark.slow
def test_latex_accepts_it(results, tmp_path):
    results.save_plot(tmp_path / "plot.tex", "fer")
    known = subprocess.run(["kpsewhich", "pgfplots.sty"], capture_output=True, check=False)
    if not known.stdout:
        pytest.skip("pgfplots is not installed")
    result = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "plot.tex"],
        cwd=tmp_path, capture_output=True, encoding="utf-8", errors="replace", timeout=120,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout[-2000:]
    assert (tmp_path / "plot.pdf").read_bytes().startswith(b"%PDF")
