"""Theoretical error rates of a code over a channel: closed forms, exact sums and bounds.

    >>> import netchat.channels, netchat.coding
    >>> found = theory(netchat.coding.get("hamming:7,4"), netchat.channels.get("bsc:0.01"))
    >>> f"{found.fer:.6e} {found.ber:.6e}"
    '2.031042e-03 8.742988e-04'

No decoder is run. `netchat.bench.theory.error_counts` computes the sums. Exact values have a relative
error below 1e-9, down to 1e-300.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from netchat.bench.theory.error_counts import (
    WrongSymbols,
    binomial,
    wrong_after_syndrome,
    wrong_symbols,
)
from netchat.bench.theory.miscorrection import exact_ber, expected_bits, uncertainty
from netchat.bench.theory.union_bounds import (
    confused_by_errors,
    confused_by_noise,
    of_weights,
    over_errors,
    over_noise,
)
from netchat.channels import AWGN, Channel
from netchat.channels import get as get_channel
from netchat.channels.bec import BEC
from netchat.channels.bsc import BSC
from netchat.channels.channel import ErrorChannel, MarkovChain
from netchat.channels.modulated import ModulatedChannel
from netchat.coding import Code
from netchat.coding import get as get_code
from netchat.coding.block.crc import CRC
from netchat.coding.block.repetition import Repetition
from netchat.coding.block.syndrome import SyndromeCode
from netchat.coding.block.uncoded import Uncoded
from netchat.coding.concatenate import AsBits, Concatenated
from netchat.coding.convolutional.code import Convolutional
from netchat.coding.interleave import Interleaved
from netchat.coding.ldpc.code import LDPC
from netchat.coding.reed_solomon.code import ReedSolomon

__all__ = ["Kind", "Theory", "theory"]

Kind = Literal["exact", "approximation", "bound"]

#: Names of soft decoders that are far from maximum likelihood.
_ITERATIVE = ("turbo", "polar", "product", "Turbo", "Polar", "Product")

#: Longest block for which rates over a channel with memory are computed, in quadratic time.
_LONGEST = 1100


@dataclass(frozen=True, slots=True)
class Theory:
    """Theoretical rates of a code over a channel; None where unknown."""

    fer: float | None = None
    """Frame error rate."""
    ber: float | None = None
    """Bit error rate of the decoded messages, including frames that failed to decode."""
    fer_kind: Kind = "exact"
    """Accuracy of the frame error rate; a bound is an upper bound."""
    ber_kind: Kind = "exact"
    """Accuracy of the bit error rate."""
    name: str = "nothing known"
    """Formula and its source."""
    ber_error: float = 0.0
    """Largest relative error of the BER, if it is an approximation."""


def theory(code: Code | str, channel: Channel | str) -> Theory:
    """Return the theoretical error rates of a code over a channel.

    Args:
        code: Code, or its specification. A user's code is assumed to fail only if more symbols are wrong
            than it declares to correct.
        channel: Channel, or its specification. Codes without a soft decoder get hard decisions.

    Raises:
        ValueError: A specification is invalid.
    """
    code = get_code(code)
    channel = get_channel(channel).at_rate(code.rate)
    if code.soft and not (_is_majority(code) and not channel.is_soft):
        return _soft(code, channel)
    if isinstance(channel, ModulatedChannel):
        return _over_symbols(code, channel)
    if isinstance(channel, BEC):
        return _over_erasures(code, channel.p)
    if isinstance(channel, ErrorChannel):
        chain = channel.markov_chain()
        if len(chain.error) == 1 or code.n <= _LONGEST or isinstance(code, Interleaved):
            return _over_errors(code, chain)
    return Theory()


def _is_majority(code: Code) -> bool:
    """Return whether a soft decoder with ratios of one magnitude takes a majority vote."""
    if isinstance(code, Concatenated):
        return _is_majority(code.inner)
    if isinstance(code, Interleaved):
        return _is_majority(code.outer)
    return type(code) is Repetition


def _soft(code: Code, channel: Channel) -> Theory:
    """Return the rates of a soft decoder."""
    if type(code) is Repetition and isinstance(channel, AWGN):
        # The sum of n ratios is the ratio of one bit with n times the energy.
        p = math.erfc(math.sqrt(code.n * channel.es_n0)) / 2
        return Theory(p, p, name="Q(sqrt(2 Eb/N0)), as without a code (maximum-ratio combining)")
    if isinstance(code, Convolutional):
        if isinstance(channel, AWGN):
            return _union(over_noise(code, channel.es_n0))
        if isinstance(channel, BSC):
            return _union(over_errors(code, channel.p))
    elif isinstance(channel, AWGN | BSC) and (counts := _weights(code)) is not None:
        confused = (
            confused_by_noise(channel.es_n0)
            if isinstance(channel, AWGN)
            else confused_by_errors(channel.p)
        )
        fer, ber = of_weights(counts, code.k, confused)
        name = "union bound of maximum-likelihood decoding by the weight distribution"
        return Theory(fer, ber if code.systematic else None, "bound", "bound", name)
    return Theory()


#: Number of codewords of each weight of codes that were asked, by specification and class.
_known_weights: dict[tuple[str, type], Sequence[int] | None] = {}


def _weights(code: Code) -> Sequence[int] | None:
    """Return the weight distribution of a code whose decoder is nearly one of maximum likelihood."""
    if isinstance(code, LDPC | Concatenated | Interleaved) or code.name.startswith(_ITERATIVE):
        return None
    key = code.spec, type(code)
    if key not in _known_weights:
        try:
            counts = code.weight_distribution()
        except (AttributeError, NotImplementedError, ValueError):
            counts = None  # it is not known, or takes too long
        _known_weights[key] = None if counts is None else [int(count) for count in counts]
    return _known_weights[key]


def _union(bounds: tuple[float, float] | None) -> Theory:
    if bounds is None:
        return Theory()
    name = "union bound by the distance spectrum (Viterbi 1971)"
    return Theory(*bounds, "bound", "bound", name)


def _over_symbols(code: Code, channel: ModulatedChannel) -> Theory:
    """Return the rates with hard decisions for the symbols of a modulation."""
    p = channel.p
    if channel.has_independent_errors:
        return _over_errors(code, MarkovChain(np.ones(1), np.ones((1, 1)), np.array([p])))
    if isinstance(code, Uncoded):
        kind: Kind = "exact" if channel.p_is_exact else "bound"
        return Theory(None, p, ber_kind=kind, name="nearest symbols with Gray labels (Cho 2002)")
    return Theory()


def _over_errors(code: Code, chain: MarkovChain) -> Theory:
    single = len(chain.error) == 1
    if isinstance(code, Uncoded | CRC):
        p = float(chain.start @ chain.error)
        fer = (
            _any_of(code.n, p) if single else _above(wrong_symbols(chain, code.n, 1).probability, 0)
        )
        return Theory(fer, p, name="1 - P(no error among n bits); BER = p")
    if isinstance(code, Repetition):
        return _repetition(wrong_symbols(chain, code.n, 1, data=1))
    if isinstance(code, SyndromeCode):
        wrong = wrong_symbols(chain, code.n, 1)
        return Theory(
            _above(wrong.probability, 1),
            float(np.mean(wrong_after_syndrome(chain, code.check, code.k))),
            name="P(2 or more errors); BER by the trellis of syndromes (Wolf 1978)",
        )
    if isinstance(code, ReedSolomon):
        return _reed_solomon(code, chain)
    if isinstance(code, Interleaved) and code.tail is None:
        return _interleaved(code, chain)
    if isinstance(code, Concatenated) and single:
        found = _concatenated(code, chain)
        if found is not None:
            return found
    if isinstance(code, Convolutional):
        return _union(over_errors(code, float(chain.error[0]))) if single else Theory()
    if code.n > _LONGEST and not single:
        return Theory()
    return _bound(wrong_symbols(chain, code.n, code.bits_per_symbol).probability, code.corrects)


def _above(probability: NDArray[np.float64], most: int) -> float:
    return min(1.0, float(probability[most + 1 :].sum()))


def _any_of(count: int, probability: float) -> float:
    """Return the probability that at least one of `count` independent events happens."""
    return float(-np.expm1(count * np.log1p(-probability))) if probability < 1 else 1.0


def _repetition(wrong: WrongSymbols) -> Theory:
    n = len(wrong.probability) - 1
    lost, tie, first_wrong = _above(wrong.probability, n // 2), 0.0, 0.0
    if n % 2 == 0:  # at a tie the first bit is the result
        tie, first_wrong = float(wrong.probability[n // 2]), float(wrong.bits[n // 2])
    return Theory(lost + tie, lost + first_wrong, name="P(n/2 or more errors among n bits)")


def _reed_solomon(code: ReedSolomon, chain: MarkovChain, apart: int = 0) -> Theory:
    wrong = wrong_symbols(chain, code.n, 8, data=code.k, apart=apart)
    if len(chain.error) == 1 and code.n - code.k == 2:
        return Theory(
            _above(wrong.probability, 1),
            exact_ber(code.n, float(chain.error[0]), code.field_and_roots),
            name="P(2 or more wrong bytes); BER by the dual code (MacWilliams 1963)",
        )
    return _bounded_distance(code, wrong)


def _bounded_distance(code: Code, wrong: WrongSymbols) -> Theory:
    """Return the rates of a bounded-distance decoder that corrects up to t symbols.

    With more errors the message symbols are unchanged, unless the decoder finds another codeword.
    """
    bits = expected_bits(code.n, code.k, wrong.probability, wrong.bits)
    error = uncertainty(code.n - code.k)
    return Theory(
        _above(wrong.probability, code.corrects),
        min(1.0, bits / (code.k * code.bits_per_symbol)),
        ber_kind="approximation" if error else "exact",
        name="P(more than t wrong bytes); BER with miscorrection to random codewords",
        ber_error=error,
    )


def _interleaved(code: Interleaved, chain: MarkovChain) -> Theory:
    """Return the rates of an interleaved code, whose symbols are `depth` apart."""
    row, single = code.outer, len(chain.error) == 1
    if single:
        one = _over_errors(row, chain)
    elif isinstance(row, ReedSolomon):
        one = _reed_solomon(row, chain, code.depth - 1)
    elif isinstance(row, Repetition):
        one = _repetition(wrong_symbols(chain, row.n, 1, data=1, apart=code.depth - 1))
    else:
        return Theory()
    if one.fer is None:
        return one
    name = f"{one.name}, of {code.depth} rows"
    if single and one.fer_kind == "exact":
        return replace(one, fer=_any_of(code.depth, one.fer), name=name)
    # The rows are dependent; the probability that one fails is at most the sum.
    return replace(one, fer=min(1.0, code.depth * one.fer), fer_kind="bound", name=name)


def _concatenated(code: Concatenated, chain: MarkovChain) -> Theory | None:
    """Return the rates for an outer code whose bytes consist of whole inner blocks."""
    outer, inner, depth = code.outer, code.inner, 1
    if isinstance(outer, AsBits):
        outer = outer.code
    if isinstance(outer, Interleaved) and outer.tail is None:
        depth, outer = outer.depth, outer.outer
    never_fails = (isinstance(inner, SyndromeCode) and inner.n + 1 == 1 << (inner.n - inner.k)) or (
        isinstance(inner, Repetition) and inner.n % 2 == 1
    )
    if not isinstance(outer, ReedSolomon) or not never_fails or 8 % inner.k:
        return None
    inside = _over_errors(inner, chain)
    assert inside.fer is not None
    assert inside.ber is not None
    wrong = _any_of(8 // inner.k, inside.fer)
    probability = binomial(outer.n, wrong)
    each = 8 * inside.ber / wrong * outer.k / outer.n if wrong else 0.0
    row = _bounded_distance(
        outer, WrongSymbols(probability, probability * np.arange(outer.n + 1) * each)
    )
    assert row.fer is not None
    return replace(
        row, fer=_any_of(depth, row.fer),
        name=f"{row.name}, each wrong where an inner block is (Forney 1966)",
    )  # fmt: skip


def _bound(probability: NDArray[np.float64], most: int) -> Theory:
    return Theory(
        _above(probability, most), None, "bound", "bound",
        name="upper bound: P(more wrong symbols than it corrects)",
    )  # fmt: skip


def _over_erasures(code: Code, p: float) -> Theory:
    if isinstance(code, Interleaved) and code.tail is None:
        one = _over_erasures(code.outer, p)
        if one.fer is None:
            return one
        fer = _any_of(code.depth, one.fer)
        return replace(one, fer=fer, name=f"{one.name}, of {code.depth} rows")
    if isinstance(code, Uncoded):
        return Theory(
            _any_of(code.n, p), p / 2, name="1 - (1 - p)^n; a lost bit is right by chance"
        )
    lost = binomial(code.n, p)
    if isinstance(code, Repetition):
        gone = float(lost[code.n])
        return Theory(gone, gone / 2, name="P(all are lost); a lost bit is right by chance")
    if isinstance(code, ReedSolomon):
        share = np.arange(code.n + 1) / code.n
        ber = float((lost * share)[code.n - code.k + 1 :].sum()) / 2
        return Theory(
            _above(lost, code.n - code.k), ber, name="P(more than n - k lost); their bits by chance"
        )
    if isinstance(code, SyndromeCode):
        return Theory(_above(lost, code.erasure_capability), None, name="P(d or more lost)")
    return _bound(lost, code.erasure_capability or code.corrects)
