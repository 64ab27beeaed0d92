"""Measured rates against published ones: the intervals overlap. See `tests.bench.references`."""

import numpy as np
import pytest

from netchat import bench
from netchat.bench import clopper_pearson
from netchat.channels import AWGN, BEC, Received
from netchat.coding import LDPC, Polar, Turbo
from tests.bench.references import CURVES, compared

#: Uncoded bits have an exact theory; tests/channels/test_modulated.py compares it with their curves.
CODED = [curve for curve in CURVES if not curve.code.startswith("uncoded")]
#: Of the many curves of polar and turbo codes, those that `make test` compares.
QUICK = (
    "Polar_N1024_K512_SC",
    "Polar_N128_K96_SC_NO_SYS_p32",
    "Polar_N2048_K1024_ASCL_L004",
    "Turbo_N3072",
)
#: Of the many curves of algebraic decoders, those that `make test` compares.
ALGEBRAIC = [curve for curve in CODED if curve.code.startswith(("bch", "rs"))]
FEW = [
    curve for curve in ALGEBRAIC
    if curve.code in ("bch:127,106", "bch:127,71,t=8", "bch:255,131", "rs:255,223",
                      "rs:31,19,m=5", "rs:63,31,m=6")
]  # fmt: skip
#: Share of the points of correct decoders whose intervals do not overlap: two intervals of 95 % miss each
#: other with a probability of 0.6 %.
BY_CHANCE = 0.03


def is_quick(curve):
    return not curve.name.startswith(("Polar", "Turbo")) or curve.name.startswith(QUICK)


PARAMETERS = [
    pytest.param(curve, marks=() if is_quick(curve) else pytest.mark.thorough, id=curve.name)
    for curve in CODED
    if curve not in ALGEBRAIC or curve in FEW
]


@pytest.mark.thorough
@pytest.mark.parametrize("part", range(6))
def test_published_rates_of_algebraic_decoders(part):
    """Of each curve, two points in its middle; a few of the 200 are apart by chance."""
    apart, count = [], 0
    for curve in ALGEBRAIC[part::6]:
        first = sum(point[3] >= 0.9 * point[1] for point in curve.points)
        found = compared(curve, errors=60, seconds=20, points=slice(first + 1, first + 6, 4))
        assert found, curve.name
        apart += [(curve.name, *point) for point in found if not point[-1]]
        count += len(found)
    assert count >= 30
    assert len(apart) <= max(2, BY_CHANCE * count), apart


@pytest.mark.parametrize("curve", PARAMETERS)
@pytest.mark.slow
def test_published_rates(curve):
    """Of each curve, two points in its middle; `python -m tests.bench.references` compares all."""
    first = sum(point[3] >= 0.9 * point[1] for point in curve.points)
    found = compared(curve, errors=60, seconds=60, points=slice(first + 1, first + 4, 2))
    assert found
    assert all(overlap for *_, overlap in found), found


class FlippedSigns(LDPC):
    """A decoder that takes the ratios for ln P(1)/P(0)."""

    def _decode_soft(self, received, soft, erasures):
        return super()._decode_soft(received, -soft, erasures)


class EnergyPerChannelBit(AWGN):
    """A channel that takes Es/N0 for Eb/N0."""

    def at_rate(self, rate):
        return AWGN(self.ebn0_db)


@pytest.mark.parametrize("bug", [None, "signs", "energy", "scale"])
@pytest.mark.slow
def test_a_broken_decoder_is_found(bug):
    """Wrong signs, a wrong energy, and min-sum without a scale leave the published intervals."""
    (curve,) = (
        each for each in CURVES if "NMS_i100_WiMAX over AWGN" in each.name and "dB" in each.channel
    )
    place, frames, _, errors = next(point for point in curve.points if point[0] == 2.0)
    options = {"iterations": 100, "scale": 1 if bug == "scale" else 0.825}
    code = (FlippedSigns if bug == "signs" else LDPC)("wimax", **options)
    channel = (EnergyPerChannelBit if bug == "energy" else AWGN)(place)
    (point,) = bench.run(code, channel, errors=200, frames=40_000, workers=1).points
    low, high = clopper_pearson(errors, frames)
    apart = point.fer_interval.high < low or point.fer_interval.low > high
    assert apart == (bug is not None)


def flipped(code):
    """Return the code with a decoder that takes the ratios for ln P(1)/P(0)."""
    decode = code._decode_soft
    code._decode_soft = lambda received, soft, erasures: decode(received, -soft, erasures)
    return code


#: Curves, a point, our decoder, and decoders with a mistake.
BROKEN = {
    "Polar_N1024_K512_SC_5G": (2.0, lambda: Polar(1024, 512), {
        "signs": lambda: flipped(Polar(1024, 512)),
        "wrong free bits": lambda: Polar(1024, 512, construction="bec", design=0.1),
    }),
    "Polar_N2048_K1024_ASCL_L004": (1.6, lambda: Polar(2048, 1024, crc=32, decoder="scl4", design=1.6), {
        "half the list": lambda: Polar(2048, 1024, crc=32, decoder="scl2", design=1.6),
    }),
    "Turbo_N3072_K1024": (1.8, lambda: Turbo(1024), {
        "signs": lambda: flipped(Turbo(1024)),
        "scale of 1": lambda: Turbo(1024, scale=1.0),
        "one iteration less": lambda: Turbo(1024, iterations=5),
    }),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.slow
def test_a_broken_polar_or_turbo_decoder_is_found(name):
    place, good, broken = BROKEN[name]
    (curve,) = (each for each in CURVES if name in each.name)
    _, frames, _, errors = next(point for point in curve.points if point[0] == place)
    low, high = clopper_pearson(errors, frames)
    channel = curve.channel.format(place)
    for bug, make in {"": good, **broken}.items():
        (point,) = bench.run(make(), channel, errors=600, frames=40_000, workers=1).points
        apart = point.fer_interval.high < low or point.fer_interval.low > high
        assert apart == bool(bug), (bug, point.fer, errors / frames)


class GuessedErasures(BEC):
    """A channel whose erased bits get ratios of 1e-5 with alternating signs, and others those of 1."""

    is_soft = True

    def transmit(self, block, rng, alphabet="bit"):
        out = super().transmit(block, rng, alphabet)
        sign = np.where(np.cumsum(out.erasures, axis=1) % 2, 1e-5, -1e-5)
        ratios = np.where(out.erasures, sign, 1.0 - 2.0 * out.block).astype(np.float32)
        return Received((ratios < 0).astype(np.uint8), soft=ratios)

    def ratios(self, received):
        return received.soft


#: LDPC_N576_K288_hlayered_NMS_i100_WiMAX over BEC: erasure probability, frames, frame errors.
WIMAX_OVER_BEC = ((0.44, 720, 329), (0.42, 1608, 280), (0.4, 6872, 264), (0.39, 17440, 274))


@pytest.mark.parametrize("channel", [BEC, GuessedErasures])
@pytest.mark.thorough
def test_published_rates_over_erasures_need_guesses(channel):
    """The published decoder guesses erased bits, and so decodes words at which peeling stops.

    With the same guesses, our rates overlap with its own; without them, they are those of peeling.
    """
    overlaps = []
    for p, frames, errors in WIMAX_OVER_BEC:
        code = LDPC("wimax", iterations=100, scale=0.825)
        (point,) = bench.run(code, channel(p), errors=200, workers=1).points
        low, high = clopper_pearson(errors, frames)
        overlaps.append(point.fer_interval.low <= high and low <= point.fer_interval.high)
    assert all(overlaps) == (channel is GuessedErasures), overlaps
