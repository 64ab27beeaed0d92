"""Kernels for single-error correction by syndrome, on bit slices."""

from __future__ import annotations

from typing import Any

import numpy as np

from netchat.jit import kernel, part

__all__ = ["decode", "encode"]

#: Words processed at a time: their bit slices and intermediate results fit the L1 cache.
_PIECE = 128

_ONES = np.uint64(0xFFFFFFFFFFFFFFFF)


@part
def _copy(row: Any, into: Any) -> None:
    for w in range(into.size):
        into[w] = row[w]


@part
def _add(row: Any, into: Any) -> None:
    for w in range(into.size):
        into[w] ^= row[w]


@kernel
def encode(message: Any, check: Any, codeword: Any) -> None:
    """Encode `message` (k, words) into `codeword` (n, words) with `check` (n - k, n) = [A | I]."""
    k, words = message.shape
    for start in range(0, words, _PIECE):
        stop = min(start + _PIECE, words)
        for i in range(k):
            _copy(message[i, start:stop], codeword[i, start:stop])
        for j in range(check.shape[0]):
            parity = codeword[k + j, start:stop]
            parity[:] = 0
            for i in range(k):
                if check[j, i]:
                    _add(message[i, start:stop], parity)


@kernel
def decode(received: Any, check: Any, message: Any, corrected: Any, failed: Any) -> None:
    """Decode `received` into `message` (k, words), `corrected` (words,) and `failed` (words,).

    Position i of a block is wrong if the syndrome is column i of `check`. A nonzero syndrome that is
    not a column is a failure.
    """
    n, words = received.shape
    k = message.shape[0]
    digits = check.shape[0]
    perfect = n == (1 << digits) - 1  # every nonzero syndrome is a column, so none is a failure
    syndromes = np.empty((digits, _PIECE), np.uint64)
    hits = np.empty(_PIECE, np.uint64)
    for start in range(0, words, _PIECE):
        stop = min(start + _PIECE, words)
        hit = hits[: stop - start]
        known, wrong = corrected[start:stop], failed[start:stop]
        known[:] = 0
        wrong[:] = 0
        for j in range(digits):
            syndrome = syndromes[j, : stop - start]
            syndrome[:] = 0
            for i in range(n):
                if check[j, i]:
                    _add(received[i, start:stop], syndrome)
            for w in range(syndrome.size):
                wrong[w] |= syndrome[w]
        for i in range(k if perfect else n):
            for j in range(digits):
                # The syndrome bit where the column has a one, its complement where it has a zero.
                opposite = np.uint64(0) if check[j, i] else _ONES
                syndrome = syndromes[j, : stop - start]
                if j == 0:
                    for w in range(hit.size):
                        hit[w] = syndrome[w] ^ opposite
                else:
                    for w in range(hit.size):
                        hit[w] &= syndrome[w] ^ opposite
            if not perfect:
                for w in range(hit.size):
                    known[w] |= hit[w]
            if i < k:
                row, into = received[i, start:stop], message[i, start:stop]
                for w in range(hit.size):
                    into[w] = row[w] ^ hit[w]
        if perfect:
            _copy(wrong, known)
            wrong[:] = 0
        else:
            for w in range(wrong.size):
                wrong[w] &= ~known[w]
