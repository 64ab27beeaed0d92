"""Decoding of Reed-Solomon codes: syndromes, error locator, roots and magnitudes.

The steps are those of the textbooks (R. E. Blahut, "Algebraic Codes for Data Transmission", 2003,
chapter 7), in plain integers. They lead to the same decision as the library's kernels, which the tests
compare.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from netchat.channel_lab.explain.block_view import BlockView
from netchat.coding import BinaryReedSolomon, Code, ReedSolomon
from netchat.coding.arrays import Bools, Rows
from netchat.coding.binary_field import binary_field
from netchat.coding.galois_field import field as byte_field
from netchat.coding.reed_solomon.ccsds import CCSDSReedSolomon, dual_basis
from netchat.wording import many

__all__ = ["RSField", "RSRun", "decode_textbook", "explain_reed_solomon", "field_of", "symbols_of"]

#: Name of the primitive element.
_ALPHA = "\N{GREEK SMALL LETTER ALPHA}"
#: Largest field whose logarithms are sent.
_TABLE = 256


@dataclass(frozen=True, slots=True)
class RSField:
    """Field and roots of a code."""

    m: int
    """Bits of a symbol."""
    polynomial: int
    """Primitive polynomial."""
    generator: int
    """Primitive element whose powers are the roots."""
    first_root: int
    """Exponent of the first root."""
    parity: int
    """Number of parity symbols."""
    exp: list[int]
    """Powers of the generator, twice."""
    log: list[int]
    """Logarithms; that of 0 is undefined."""

    @property
    def size(self) -> int:
        """Number of elements that are not zero."""
        return (1 << self.m) - 1

    def times(self, one: int, two: int) -> int:
        """Return a product."""
        return self.exp[self.log[one] + self.log[two]] if one and two else 0

    def over(self, one: int, two: int) -> int:
        """Return a quotient."""
        return self.exp[self.log[one] - self.log[two] + self.size] if one else 0

    def power(self, exponent: int) -> int:
        """Return a power of the generator."""
        return self.exp[exponent % self.size]

    def at(self, polynomial: list[int], x: int) -> int:
        """Evaluate a polynomial, lowest coefficient first (Horner)."""
        value = 0
        for coefficient in reversed(polynomial):
            value = self.times(value, x) ^ coefficient
        return value

    def show(self, element: int) -> str:
        """Return an element as a power of the generator."""
        return f"{_ALPHA}^{self.log[element]}" if element else "0"


@dataclass(slots=True)
class RSRun:
    """Steps of the decoder. Positions are exponents: the last symbol is at 0."""

    syndromes: list[int]
    erasures: list[int] = field(default_factory=list)
    locator: list[int] = field(default_factory=lambda: [1])
    stages: list[dict[str, Any]] = field(default_factory=list)
    """Discrepancy and locator after each step of the Berlekamp-Massey algorithm."""
    roots: list[int] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    evaluator: list[int] = field(default_factory=list)
    magnitudes: list[int] = field(default_factory=list)
    failed: str | None = None


def field_of(code: Code) -> RSField:
    """Return the field and the roots of a Reed-Solomon code."""
    if isinstance(code, BinaryReedSolomon):
        m, polynomial, first, parity = code.field_and_roots
        tables = binary_field(m, polynomial)
        return RSField(
            m, tables.polynomial, 2, first, parity, tables.exp.tolist(), tables.log.tolist()
        )
    assert isinstance(code, ReedSolomon)
    first, polynomial, generator = code.field_and_roots
    found = byte_field(polynomial, generator)
    return RSField(
        8, polynomial, generator, first, code.n - code.k, found.exp.tolist(), found.log.tolist()
    )


def symbols_of(code: Code, bits: Rows) -> list[int]:
    """Return bits as elements of the field."""
    m = code.symbol_bits if isinstance(code, BinaryReedSolomon) else 8
    symbols = bits.reshape(-1, m) @ (1 << np.arange(m)[::-1])
    if isinstance(code, CCSDSReedSolomon):
        symbols = dual_basis()[1][symbols]
    return [int(symbol) for symbol in symbols]


def _erased_symbols(code: Code, erased: Bools) -> list[int]:
    m = code.symbol_bits if isinstance(code, BinaryReedSolomon) else 8
    return [int(at) for at in np.flatnonzero(erased.reshape(-1, m).any(axis=1))]


def decode_textbook(gf: RSField, received: list[int], erased: list[int]) -> RSRun:
    """Decode a word with erasures.

    Args:
        gf: Field and roots.
        received: Symbols, the coefficient of the highest power first.
        erased: Positions of erased symbols in `received`.
    """
    n = len(received)
    polynomial = received[::-1]
    run = RSRun([gf.at(polynomial, gf.power(gf.first_root + j)) for j in range(gf.parity)])
    run.erasures = [n - 1 - position for position in erased]
    if not any(run.syndromes):
        run.places = list(run.erasures)
        run.magnitudes = [0] * len(erased)
        if len(erased) > gf.parity:
            run.failed = f"{many(len(erased), 'erasure')}, but only {gf.parity} parity symbols"
        return run
    if len(erased) > gf.parity:
        run.failed = f"{many(len(erased), 'erasure')}, but only {gf.parity} parity symbols"
        return run
    run.locator = _berlekamp_massey(gf, run)
    degree = len(run.locator) - 1
    if 2 * degree - len(erased) > gf.parity:
        run.failed = (
            f"the locator has degree {degree}: more errors than {gf.parity} syndromes can locate"
        )
        return run
    for place in range(n):  # Chien search
        root = gf.power(-place)
        if gf.at(run.locator, root) == 0:
            run.roots.append(root)
            run.places.append(place)
    if len(run.places) != degree:
        run.failed = (
            f"the locator has degree {degree}, but only {many(len(run.places), 'root')} at positions of "
            "the codeword"
        )
        return run
    _forney(gf, run)
    if run.failed is None:
        for j, syndrome in enumerate(run.syndromes):
            left = syndrome
            for place, magnitude in zip(run.places, run.magnitudes, strict=True):
                left ^= gf.times(magnitude, gf.power((gf.first_root + j) * place))
            if left:
                run.failed = "the corrected word is not a codeword"
    return run


def _berlekamp_massey(gf: RSField, run: RSRun) -> list[int]:
    """Return the shortest locator that explains the syndromes, from that of the erasures."""
    locator = [1]
    for place in run.erasures:
        shifted = [0, *(gf.times(value, gf.power(place)) for value in locator)]
        locator = [a ^ b for a, b in zip([*locator, 0], shifted, strict=True)]
    erased = len(run.erasures)
    before, length, gap, last = list(locator), erased, 1, 1
    for r in range(erased, gf.parity):
        discrepancy = 0
        for i, value in enumerate(locator[: length + 1]):
            discrepancy ^= gf.times(value, run.syndromes[r - i]) if r >= i else 0
        if discrepancy == 0:
            gap += 1
        else:
            factor = gf.over(discrepancy, last)
            change = [0] * gap + [gf.times(factor, value) for value in before]
            width = max(len(locator), len(change))
            updated = [
                a ^ b
                for a, b in zip(
                    locator + [0] * (width - len(locator)),
                    change + [0] * (width - len(change)),
                    strict=True,
                )
            ]
            if 2 * length > r + erased:
                gap += 1
            else:
                before, length, last, gap = locator, r + 1 + erased - length, discrepancy, 1
            locator = updated
        run.stages.append({"step": r + 1, "discrepancy": discrepancy, "locator": list(locator)})
    locator = locator + [0] * (length + 1 - len(locator))
    return locator[: length + 1]


def _forney(gf: RSField, run: RSRun) -> None:
    """Compute the evaluator and the magnitudes (Forney's formula)."""
    degree = len(run.locator) - 1
    for i in range(degree):
        value = 0
        for j in range(i + 1):
            value ^= gf.times(run.locator[j], run.syndromes[i - j])
        run.evaluator.append(value)
    derivative = [value if i % 2 == 0 else 0 for i, value in enumerate(run.locator[1:])]
    for place, root in zip(run.places, run.roots, strict=True):
        slope = gf.at(derivative, root)
        if slope == 0:
            run.failed = "the locator has a double root"
            return
        value = gf.over(gf.at(run.evaluator, root), slope)
        run.magnitudes.append(gf.times(value, gf.power(place * (1 - gf.first_root))))


def explain_reed_solomon(view: BlockView) -> dict[str, Any]:
    """Explain a block of a Reed-Solomon code."""
    code = view.code
    gf = field_of(code)
    received = symbols_of(code, view.hard)
    n = len(received)
    run = decode_textbook(gf, received, _erased_symbols(code, view.erased))
    corrected = list(received)
    if run.failed is None:
        for place, magnitude in zip(run.places, run.magnitudes, strict=True):
            corrected[n - 1 - place] ^= magnitude
    return {
        "m": gf.m,
        "polynomial": gf.polynomial,
        "generator": gf.generator,
        "first_root": gf.first_root,
        "parity_symbols": gf.parity,
        "step": 1,
        "received": received,
        "syndromes": run.syndromes,
        "stages": run.stages,
        "locator": run.locator,
        "roots": run.roots,
        "positions": [n - 1 - place for place in run.places],
        "exponents": run.places,
        "magnitudes": run.magnitudes,
        "evaluator": run.evaluator,
        "erasures": [n - 1 - place for place in run.erasures],
        "corrected": corrected,
        "failed": run.failed,
        "log": [None, *gf.log[1:]] if gf.size < _TABLE else None,
        "note": "Symbols are shown in the conventional basis; the code sends them in the dual basis."
        if isinstance(code, CCSDSReedSolomon) else "",
        "steps": _steps(gf, view, run, n),
        "long": _long(gf, run, received),
    }  # fmt: skip


def _steps(gf: RSField, view: BlockView, run: RSRun, n: int) -> list[str]:
    if not any(run.syndromes):
        lines = [f"All {gf.parity} syndromes are zero: the received word is a codeword."]
        return [*lines, *([f"But there are {run.failed}."] if run.failed else []), view.verdict()]
    lines = [
        f"The received word is evaluated at the {gf.parity} roots of the generator. The results, the "
        "syndromes, depend on the errors only, and are not all zero."
    ]
    if run.erasures:
        lines.append(
            f"{many(len(run.erasures), 'erased symbol')} {'is' if len(run.erasures) == 1 else 'are'} known "
            "to be unreliable: an erasure costs one syndrome, an error two."
        )
    if len(run.locator) > 1:
        lines.append(
            "The Berlekamp-Massey algorithm finds the shortest locator: its degree is "
            f"{len(run.locator) - 1}."
        )
    if run.places and run.failed is None:
        positions = ", ".join(str(n - place) for place in sorted(run.places, reverse=True))
        lines.append(f"Its roots name the positions: symbol {positions}.")
        lines.append("Forney's formula gives what to add to each of these symbols.")
    if run.failed:
        lines.append(f"Decoding stops: {run.failed}.")
    return [*lines, view.verdict()]


def _long(gf: RSField, run: RSRun, received: list[int]) -> list[str]:
    """Return the computation with all numbers."""
    lines = [
        f"S{j + 1} = r({_ALPHA}^{(gf.first_root + j) % gf.size}) = {value} = {gf.show(value)}"
        for j, value in enumerate(run.syndromes)
    ]
    lines += [
        f"Step {stage['step']}: discrepancy {stage['discrepancy']}; locator "
        f"{_polynomial(stage['locator'])}"
        for stage in run.stages
    ]
    n = len(received)
    lines += [
        f"The locator is zero at {_ALPHA}^-{place} = {root}: symbol {n - place}"
        for place, root in zip(run.places, run.roots, strict=False)
    ]
    if run.evaluator:
        lines.append(f"Evaluator: {_polynomial(run.evaluator)}")
    lines += [
        f"Symbol {n - place}: add {magnitude} = {gf.show(magnitude)}; {received[n - 1 - place]} becomes "
        f"{received[n - 1 - place] ^ magnitude}"
        for place, magnitude in zip(run.places, run.magnitudes, strict=False)
    ]
    return lines


def _polynomial(coefficients: list[int]) -> str:
    """Return a polynomial, lowest power first."""
    terms = [
        f"{value}"
        if power == 0
        else f"{'' if value == 1 else value}x{'' if power == 1 else f'^{power}'}"
        for power, value in enumerate(coefficients)
        if value
    ]
    return " + ".join(terms) or "0"
