"""Shannon limits of modulations and fading."""

import pytest

from netchat.bench import worst_ebn0, worst_level
from netchat.bench.axis import limit_of
from netchat.channels import get


@pytest.mark.parametrize(
    ("channel", "decisions", "level"),
    [
        ("awgn:0dB,qpsk", "soft", 0.187), ("awgn:0dB,qpsk", "hard", 1.772),
        # 16-QAM with 2 bits and 64-QAM with 3 bits per symbol, above log2(1 + SNR): 1.76 and 3.68 dB
        ("awgn:0dB,qam16", "soft", 2.11), ("awgn:0dB,qam64", "soft", 4.23),
        # Fast Rayleigh fading with known gains: 1.83 dB (Hall and Wilson 1998)
        ("rayleigh:0dB", "soft", 1.83), ("rayleigh:0dB", "hard", 4.92),
    ],
)  # fmt: skip
def test_rate_one_half(channel, decisions, level):
    assert worst_level(get(channel), 0.5, decisions) == pytest.approx(level, abs=0.01)


def test_all_kinds():
    assert worst_level(get("rayleigh:0dB,unknown"), 0.5, "soft") is None
    assert limit_of(get("awgn:0dB"), 0.5, "soft") == worst_ebn0(0.5, "soft")
    assert limit_of(get("bec:0"), 0.75, "soft") == 0.25
    assert limit_of(get("bsc:0"), 0.5, "hard") == pytest.approx(0.11, abs=1e-4)
    assert limit_of(get("gilbert-elliott:0.1,0.1,0,0.5"), 0.5, "hard") is None
    assert limit_of(get("awgn:0dB"), 1, "hard") is None
