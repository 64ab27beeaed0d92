"""Channels with a modulation, against theory, published counts and numerical integration."""

import math

import numpy as np
import pytest
from scipy.integrate import quad

import netchat.channels
from netchat import bench
from netchat.channels import ModulatedAWGN, Rayleigh

#: Eb/N0, bits sent and bit errors, from aff3ct/error_rate_references (max-log demappers).
PUBLISHED = {
    "awgn:{}dB,qpsk,maxlog": [(0, 547 * 4003, 171529), (4, 506 * 4003, 25393)],
    "awgn:{}dB,qam64,maxlog": [(4, 544 * 4003, 257986), (12, 547 * 4003, 21247)],
    "rayleigh:{}dB": [(8, 1003 * 4003, 141746), (24, 1028 * 4003, 3995)],
    "rayleigh:{}dB,qam16,maxlog": [(8, 1003 * 4003, 249508), (24, 1003 * 4003, 7914)],
}


def generator(seed=1):
    return np.random.Generator(np.random.SFC64(seed))


@pytest.mark.parametrize(
    "spec",
    [
        "awgn:4dB,qpsk", "awgn:8dB,qam16,maxlog", "awgn:10dB,qam64,maxlog", "rayleigh:10dB",
        "rayleigh:8dB,qpsk,block=3", "rayleigh:8dB,unknown", "rayleigh:15dB,qam64,maxlog",
    ],
)  # fmt: skip
def test_measured_error_rate(spec):
    channel = netchat.channels.get(spec)
    sent = generator(2).integers(0, 2, (500, 998), dtype=np.uint8)
    received = channel.transmit(sent, generator())
    p = channel.p
    scatter = math.sqrt(p * (1 - p) * (1 + 2 * channel.memory) / sent.size)
    assert abs((received.block != sent).mean() - p) < 5 * scatter
    assert ((received.soft < 0) == received.block).all()


@pytest.mark.parametrize("spec", PUBLISHED)
def test_published_error_rates(spec):
    for ebn0_db, bits, errors in PUBLISHED[spec]:
        p = netchat.channels.get(spec.format(ebn0_db)).p
        # A fade of a symbol hits all of its bits.
        assert abs(errors - bits * p) < 5 * math.sqrt(4 * bits * p), ebn0_db


@pytest.mark.parametrize(
    "spec", ["awgn:5dB,qam16", "rayleigh:6dB", "rayleigh:4dB,unknown", "rayleigh:8dB,qam64"]
)
def test_soft_values_are_log_likelihood_ratios(spec):
    """Of the bits whose ratio is near L, a share of 1 / (1 + e^L) is wrong."""
    sent = generator(3).integers(0, 2, (200, 3000), dtype=np.uint8)
    received = netchat.channels.get(spec).transmit(sent, generator(4))
    for ratio in (0.5, 1.5, 3.0):
        near = np.abs(np.abs(received.soft) - ratio) < 0.05
        wrong = (received.block != sent)[near].mean()
        exact = 1 / (1 + math.exp(ratio))
        assert abs(wrong - exact) < 5 * math.sqrt(exact * (1 - exact) / near.sum()) + 0.002


def test_exact_ratios_are_no_worse_than_maxlog():
    """The exact demapper makes at most as many errors; `p` is then an upper bound."""
    sent = generator(5).integers(0, 2, (400, 4000), dtype=np.uint8)
    rates = [
        (ModulatedAWGN(-2, "qam64", maxlog=maxlog).transmit(sent, generator()).block != sent).mean()
        for maxlog in (False, True)
    ]
    assert rates[0] < rates[1]
    assert not ModulatedAWGN(-2, "qam64").p_is_exact
    found = bench.theory("uncoded:8", "awgn:-2dB,qam64")
    assert (found.ber_kind, found.ber) == ("bound", ModulatedAWGN(-2, "qam64").p)


def test_ratios_without_the_gain_by_integration():
    from netchat.channels.modulated import _ratios_of_unknown_gain

    es_n0 = 3.0
    for y in (-1.7, -0.2, 0.05, 0.8, 2.5):
        density = [
            quad(lambda a, x=x: 2 * a * math.exp(-a * a - es_n0 * (x - a) ** 2), 0, np.inf)[0]
            for x in (y, -y)
        ]
        exact = math.log(density[0] / density[1])
        found = _ratios_of_unknown_gain(np.array([y], np.float32), es_n0, 1.0)[0]
        assert found == pytest.approx(exact, rel=1e-5)


def test_ratios_without_the_gain_are_smooth():
    """The forms for small and large values meet, up to a certainty of e^10000."""
    from netchat.channels.modulated import _ratios_of_unknown_gain

    y = np.geomspace(1e-3, 1e4, 100_000).astype(np.float32)
    ratio = _ratios_of_unknown_gain(y, 1.0, 1.0)
    assert (np.diff(ratio) >= 0).all()
    assert (np.diff(ratio) <= 3e-3 * ratio[1:] + 1e-6).all()


def test_ergodic_capacity_by_integration():
    channel = Rayleigh(5)
    es_n0 = 10**0.5

    def at(x):
        return math.exp(-x) * netchat.channels.AWGN(10 * math.log10(es_n0 * x)).capacity

    exact, _ = quad(at, 1e-9, 60, epsabs=1e-8, limit=200)
    assert channel.capacity == pytest.approx(exact, abs=1e-5)
    assert Rayleigh(5, known=False).capacity is None
    assert 0 < channel.capacity < netchat.channels.AWGN(5).capacity


def test_frames_begin_with_a_symbol_of_their_own():
    """A frame that does not fill its last symbol shares none with the next frame."""
    channel = netchat.channels.get("awgn:100dB,qam64")
    sent = generator().integers(0, 2, (50, 7), dtype=np.uint8)
    assert (channel.transmit(sent, generator()).block == sent).all()
    faded = netchat.channels.get("rayleigh:100dB,block=100").transmit(sent, generator())
    magnitudes = np.abs(faded.soft)
    assert np.allclose(magnitudes, magnitudes[:, :1], rtol=1e-3)
    assert np.unique(magnitudes[:, 0].round(-3)).size > 40


def test_energy_per_information_bit_is_divided_by_the_rate():
    for spec in ("awgn:6dB,qam16,maxlog", "rayleigh:6dB,qam16,block=2", "rayleigh:6dB,unknown"):
        channel = netchat.channels.get(spec)
        half = channel.at_rate(0.5)
        less = netchat.channels.get(spec.replace("6dB", f"{6 - 10 * math.log10(2)}dB"))
        assert half.p == pytest.approx(less.p)
        assert half.spec == spec
        assert (half.known if isinstance(half, Rayleigh) else half.maxlog) == (
            channel.known if isinstance(channel, Rayleigh) else channel.maxlog
        )


def test_theory_of_hard_decisions():
    """Independent errors are those of a BSC; a fade hits both bits of a symbol."""
    p = netchat.channels.get("rayleigh:10dB").at_rate(4 / 7).p
    bsc = bench.theory("hamming:7,4", netchat.channels.BSC(p))
    assert bench.theory("hamming:7,4", "rayleigh:10dB").fer == pytest.approx(bsc.fer)
    assert bench.theory("hamming:7,4", "rayleigh:10dB,qpsk").fer is None
    assert bench.theory("uncoded:8", "rayleigh:10dB,qpsk").ber == pytest.approx(Rayleigh(10).p)
    (point,) = bench.run("hamming:7,4", "rayleigh:12dB", errors=400, workers=1).points
    assert point.fer_interval.low < point.theory.fer < point.fer_interval.high


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("awgn:4dB,qam8", "'qam8' must be one of bpsk, qpsk, qam16, qam64, maxlog"),
        ("awgn:4dB,block=3", "'block=3' must be one of"),
        ("rayleigh:4dB,qam16,qpsk", "'qpsk' repeats an option"),
        ("rayleigh:4dB,qam16,unknown", "must be bpsk or qpsk if the gain is unknown, got qam16"),
        ("rayleigh:4dB,block=0", "'block' must be from 1 to 1048576, got 0"),
        ("rayleigh:4dB,block=x", "'block=x' must be one of"),
        ("rayleigh:x", "'x' is not a number"),
    ],
)
def test_invalid_specifications(spec, says):
    with pytest.raises(ValueError, match=says):
        netchat.channels.get(spec)


def test_each_kind_has_a_panel_in_the_plot():
    results = bench.run(
        ["repetition:3@hard"], ["awgn:4dB,qam16", "awgn:6dB,qam16", "rayleigh:5dB,block=2,unknown"],
        frames=2000, workers=1,
    )  # fmt: skip
    panels = results.plot().axes
    titles = [axes.get_title(loc="left") for axes in panels]
    assert titles == ["AWGN, 16-QAM", "Rayleigh, blocks of 2, BPSK, unknown gain"]
    assert panels[0].get_xlabel().startswith("$E_b/N_0$")
