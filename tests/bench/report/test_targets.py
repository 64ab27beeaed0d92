"""Table of targets."""

from netchat.bench.report.targets import as_text
from netchat.bench.target import Target


def test_distances_in_decibels_and_limits_as_probabilities():
    text = as_text(
        [
            Target("hamming:7,4", "awgn,qam16", 1e-3, 7.2, 7.1, 7.3, 2.0, None),
            Target("hamming:7,4", "bsc", 1e-3, 0.007, 0.0068, 0.0072, 0.0876, 0.0065),
            Target("uncoded:64", "awgn,qam16", 1e-3, None),
        ]
    )
    level, share = (table.splitlines() for table in text.split("\n\n"))
    assert level[0].startswith("FER 0.001")
    assert level[0].endswith("from Shannon  from length")
    assert level[1].split() == ["hamming:7,4", "7.20", "7.10..7.30", "5.20", "-"]
    assert level[2].split() == ["uncoded:64", "not", "reached", "-", "-", "-"]
    assert share[1].split() == ["hamming:7,4", "0.007", "0.0068..0.0072", "0.0876", "0.0065"]
