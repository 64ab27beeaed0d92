"""Kinds of explanations, by the class of the code."""

from __future__ import annotations

from typing import Literal

from netchat.coding import (
    CRC,
    LDPC,
    SECDED,
    BinaryReedSolomon,
    Code,
    Convolutional,
    Hamming,
    Interleaved,
    Polar,
    ReedSolomon,
    Repetition,
    Turbo,
    Uncoded,
)

__all__ = ["Kind", "kind_of"]

Kind = Literal[
    "hamming", "linear", "reed_solomon", "trellis", "ldpc", "polar", "turbo", "repetition", "crc", "none"
]  # fmt: skip

#: Largest matrices of a code that is explained by its parity equations.
_LINEAR_BITS = 256

_KINDS: tuple[tuple[type[Code], Kind], ...] = (
    (Hamming, "hamming"),
    (SECDED, "linear"),
    (Repetition, "repetition"),
    (Uncoded, "none"),
    (CRC, "crc"),
    (ReedSolomon, "reed_solomon"),
    (BinaryReedSolomon, "reed_solomon"),
    (Convolutional, "trellis"),
    (LDPC, "ldpc"),
    (Polar, "polar"),
    (Turbo, "turbo"),
    (Interleaved, "none"),
)


def kind_of(code: Code) -> Kind:
    """Return the kind of explanation for a code.

    >>> from netchat.coding import get
    >>> kind_of(get("golay:24")), kind_of(get("rs:15,11"))
    ('linear', 'reed_solomon')
    """
    for cls, kind in _KINDS:
        if isinstance(code, cls):
            return kind
    is_small = code.alphabet == "bit" and code.n <= _LINEAR_BITS
    return "linear" if code.linear and is_small else "none"
