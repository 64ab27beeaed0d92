"""Density evolution: the channel up to which belief propagation corrects long LDPC codes.

The edges of a Tanner graph are grouped into types: edges of one type have the same neighbourhood, however
far one follows it. For a code lifted from a base matrix, these are the edges of that matrix; a regular code
has one type. The threshold is that of the ensemble with these types and no cycles.

Over the erasure channel it is exact. For Gaussian noise each message is described by one number, by the
reciprocal-channel approximation, which is accurate to about 0.01 dB for regular codes.

References: T. Richardson and R. Urbanke, "Modern Coding Theory" (2008), sections 3.10 and 4.10; S.-Y. Chung,
"On the construction of some capacity-approaching coding schemes" (MIT, 2000), chapter 7; G. Liva and M.
Chiani, "Protograph LDPC codes design based on EXIT analysis" (2007).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from netchat.coding import Code
from netchat.coding.ldpc.code import LDPC, design_of
from netchat.coding.ldpc.graph import Graph

__all__ = ["Ensemble", "Thresholds", "thresholds"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

#: Largest number of edge types; a random irregular graph has no structure, but as many types as edges.
_MOST_TYPES = 4000

#: Steps of a run of density evolution; it stops earlier when it converges or makes no progress.
_STEPS = 5000
_NO_PROGRESS = 1e-6
#: Erasure probability, and mean ratio, at which all bits count as corrected.
_CORRECTED, _CERTAIN = 1e-7, 150.0
#: Accuracy of the thresholds: of an erasure probability, and of Eb/N0 in dB.
_ACCURACY = {"bec": 2e-5, "awgn": 2e-3}


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Decoding thresholds of a long LDPC code with the structure of a given one."""

    bec: float
    """Largest erasure probability that the decoder corrects."""
    awgn: float
    """Smallest Eb/N0 in dB, with BPSK, that the decoder corrects by sum-product."""


@dataclass(frozen=True)
class Ensemble:
    """Edge types of a Tanner graph.

    Each type is a pair of a class of variables and a class of checks.
    """

    variable: Integers
    """(types,) Class of the variable at the edges of each type."""
    check: Integers
    """(types,) Class of the check."""
    of_variable: Integers
    """(types,) Number of edges of the type at one variable of its class."""
    of_check: Integers
    """(types,) Number of edges of the type at one check of its class."""
    sent: Integers
    """(variable classes,) How often a variable is sent."""
    rate: float
    """Code rate."""

    @classmethod
    def regular(cls, variable_degree: int, check_degree: int) -> Ensemble:
        """Return the ensemble of regular codes.

        >>> round(Ensemble.regular(3, 6).thresholds().bec, 4)
        0.4294
        """
        zero = np.zeros(1, np.int64)
        return cls(
            zero, zero, zero + variable_degree, zero + check_degree, zero + 1,
            1 - variable_degree / check_degree,
        )  # fmt: skip

    @classmethod
    def of(cls, code: LDPC) -> Ensemble | None:
        """Return the edge types of a code; None if it has too little structure."""
        design = design_of(code)
        graph = design.graph
        times = np.bincount(design.sent, minlength=graph.columns)
        variable, check = _classes(graph, times)
        edge_check = np.repeat(np.arange(graph.checks), np.diff(graph.starts))
        variables, checks = int(variable.max()) + 1, int(check.max()) + 1
        pair = variable[graph.variables] * checks + check[edge_check]
        types, count = np.unique(pair, return_counts=True)
        if len(types) > _MOST_TYPES:
            return None
        type_variable, type_check = types // checks, types % checks
        sent = np.zeros(variables, np.int64)
        sent[variable] = times
        return cls(
            type_variable,
            type_check,
            count // np.bincount(variable)[type_variable],
            count // np.bincount(check)[type_check],
            sent,
            code.rate,
        )

    def thresholds(self) -> Thresholds:
        """Return the thresholds of belief propagation."""
        bec = _boundary(self._corrects_erasures, 0.0, 1.0, _ACCURACY["bec"])
        level = _boundary(lambda db: not self._corrects_noise(db), -2.0, 20.0, _ACCURACY["awgn"])
        return Thresholds(bec, level)

    def _corrects_erasures(self, p: float) -> bool:
        """Return whether the erasure probability of all bits decreases to 0."""
        lost = p ** self.sent.astype(float)
        message = lost[self.variable]
        checks, variables = int(self.check.max()) + 1, len(self.sent)
        before = 1.0
        for _ in range(_STEPS):
            # A check passes a bit on if all others have arrived.
            known = np.log1p(-np.minimum(message, 1 - 1e-15))
            total = np.bincount(self.check, self.of_check * known, checks)
            answer = np.maximum(-np.expm1(total[self.check] - known), 1e-300)
            log = np.log(answer)
            total = np.bincount(self.variable, self.of_variable * log, variables)
            message = lost[self.variable] * np.exp(total[self.variable] - log)
            worst = float((lost * np.exp(total)).max())
            if worst < _CORRECTED:
                return True
            mean = float(message.mean())
            if before - mean < _NO_PROGRESS * before:
                return False
            before = mean
        return False

    def _corrects_noise(self, ebn0_db: float) -> bool:
        """Return whether the mean ratio of all bits grows without limit."""
        channel = 4 * self.rate * 10 ** (ebn0_db / 10) * self.sent
        message = channel[self.variable].astype(float)
        checks, variables = int(self.check.max()) + 1, len(self.sent)
        before = 0.0
        for _ in range(_STEPS):
            dual = _reciprocal(message)
            total = np.bincount(self.check, self.of_check * dual, checks)
            answer = _reciprocal(np.maximum(total[self.check] - dual, 0.0))
            ratio = channel + np.bincount(self.variable, self.of_variable * answer, variables)
            message = ratio[self.variable] - answer
            if ratio.min() > _CERTAIN:
                return True
            mean = float(np.minimum(message, 4 * _CERTAIN).mean())
            if mean - before < _NO_PROGRESS * mean:
                return False
            before = mean
        return False


@lru_cache(64)
def _of_spec(spec: str) -> Thresholds | None:
    from netchat.coding import get

    code = get(spec)
    assert isinstance(code, LDPC)
    ensemble = Ensemble.of(code)
    return None if ensemble is None else ensemble.thresholds()


def thresholds(code: Code | str) -> Thresholds | None:
    """Return the thresholds of an LDPC code by density evolution.

    Args:
        code: Code, or its specification.

    Returns:
        The thresholds; None for another code, or an irregular graph without structure.

    Raises:
        ValueError: The specification is invalid.

    >>> found = thresholds("ldpc:ar4ja,8192")
    >>> round(found.bec, 3), round(found.awgn, 2)
    (0.439, 0.62)
    """
    from netchat.coding import get

    found = get(code)
    return _of_spec(found.spec) if type(found) is LDPC else None


def _boundary(holds: Callable[[float], bool], low: float, high: float, accuracy: float) -> float:
    """Return where a statement that holds at `low` and not at `high` becomes false."""
    while high - low > accuracy:
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return (low + high) / 2


def _classes(graph: Graph, times: Integers) -> tuple[Integers, Integers]:
    """Return the classes of variables and checks, by refinement.

    Variables are alike if they are sent as often and have alike checks, and checks if they have alike
    variables. A sum of random numbers, one for each class, stands for the classes of the neighbours.
    """
    edge_check = np.repeat(np.arange(graph.checks), np.diff(graph.starts))
    rng = np.random.default_rng(1)
    variable = np.unique(times, return_inverse=True)[1].astype(np.int64)
    check = np.zeros(graph.checks, np.int64)
    count = 0
    while True:
        check = _refined(check, edge_check, variable[graph.variables], rng)
        variable = _refined(variable, graph.variables, check[edge_check], rng)
        now = int(variable.max()) + int(check.max())
        if now == count:
            return variable, check
        count = now


def _refined(
    own: Integers, edge_own: NDArray[np.integer], edge_other: Integers, rng: np.random.Generator
) -> Integers:
    mark = rng.integers(0, 1 << 63, int(edge_other.max()) + 1, dtype=np.uint64)
    total = np.zeros(len(own), np.uint64)
    np.add.at(total, edge_own, mark[edge_other])  # modulo 2^64
    pairs = np.stack([own.astype(np.uint64), total], axis=1)
    found: Integers = np.unique(pairs, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)
    return found


@lru_cache(1)
def _table() -> tuple[Floats, Floats]:
    """Return logarithms of mean ratios and of those whose capacity is 1 - C of the former."""
    mean = np.geomspace(1e-9, 2000.0, 1200)
    # ln(1 - C), where 1 - C = E[log2(1 + exp(-L))]; L has the mean m and the variance 2 m.
    at = np.linspace(-60, 60, 1601)
    log_lost = np.empty_like(mean)
    for number, m in enumerate(mean):
        value = at if m > 1 else m + math.sqrt(2 * m) * at / 5
        log_density = -((value - m) ** 2) / (4 * m) - math.log(4 * math.pi * m) / 2
        terms = log_density + np.log(np.logaddexp(0, -value))
        log_lost[number] = np.logaddexp.reduce(terms) + math.log(value[1] - value[0])
    log_lost -= math.log(math.log(2))
    # Power series for small means, where 1 - C is nearly 1.
    series = (mean / 4 - mean**2 / 16 + mean**3 / 48) / math.log(2)
    log_capacity = np.log(np.where(mean < 0.02, series, -np.expm1(np.minimum(log_lost, 0))))
    # For C above 1/2, 1 - C is small and accurate; the other half of the table is its mirror image.
    high = log_lost < -math.log(2)
    dual = np.interp(log_lost[high], log_capacity, np.log(mean))
    weak = log_lost[high] < log_capacity[0]
    dual[weak] = log_lost[high][weak] + math.log(4 * math.log(2))
    x = np.concatenate([dual[::-1], np.log(mean[high])])
    y = np.concatenate([np.log(mean[high])[::-1], dual])
    return x, y


def _reciprocal(mean: Floats) -> Floats:
    """Return the mean ratios with which the capacity is 1 - C of the given ones."""
    at, dual = _table()
    return np.exp(np.interp(np.log(np.maximum(mean, 1e-300)), at, dual))
