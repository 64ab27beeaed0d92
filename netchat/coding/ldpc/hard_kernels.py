"""Kernels of LDPC decoders for hard decisions: Gallager's algorithms, and bit flipping."""

from __future__ import annotations

from typing import Any

import numpy as np

from netchat.jit import kernel

__all__ = ["flip", "pass_bits"]

_0, _ALL = np.uint64(0), ~np.uint64(0)


@kernel
def _at_least(digits: Any, limit: Any) -> Any:
    """Return where a number in binary digits, least significant first, is at least a limit."""
    if limit >> len(digits):
        return _0
    above, equal = _0, _ALL
    for place in range(len(digits) - 1, -1, -1):
        if limit >> place & 1:
            equal &= digits[place]
        else:
            above |= equal & digits[place]
            equal &= ~digits[place]
    return above | equal


@kernel
def pass_bits(
    received: Any, starts: Any, variables: Any, edges: Any, places: Any, iterations: Any,
    unanimous: Any, decided: Any, failed: Any,
) -> None:  # fmt: skip
    """Decode bit slices (n, words) by Gallager's algorithm A or B; messages are single bits.

    Args:
        received: Received words.
        starts: Graph, as in `Graph`.
        variables: The same.
        edges: Edges in the order of their variables.
        places: (n + 1,) Position in `edges` at which each variable begins.
        iterations: Largest number of iterations.
        unanimous: Whether all other checks of a variable must contradict the received bit, as in A, or
            most of them, as in B.
        decided: (n, words) Decisions, to be filled.
        failed: (words,) Set where a check does not hold, to be filled.
    """
    n, words = received.shape
    count, checks = len(variables), len(starts) - 1
    messages, bits = np.empty(count, np.uint64), np.empty(n, np.uint64)
    digits = np.zeros(32, np.uint64)
    for w in range(words):
        for variable in range(n):
            bits[variable] = received[variable, w]
            decided[variable, w] = bits[variable]
        for edge in range(count):
            messages[edge] = bits[variables[edge]]
        is_open = _ALL
        for iteration in range(iterations + 1):
            wrong = _0
            for check in range(checks):
                total, parity = _0, _0
                for edge in range(starts[check], starts[check + 1]):
                    total ^= messages[edge]
                    parity ^= bits[variables[edge]]
                wrong |= parity
                for edge in range(starts[check], starts[check + 1]):
                    messages[edge] ^= total  # now from the check to the variable
            for variable in range(n):
                old = decided[variable, w]
                decided[variable, w] = old ^ ((old ^ bits[variable]) & is_open)
            is_open &= wrong
            if not is_open or iteration == iterations:
                break
            for variable in range(n):
                own = received[variable, w]
                first, last = places[variable], places[variable + 1]
                degree, size = last - first, 0
                while degree >> size:
                    digits[size] = _0
                    size += 1
                for at in range(first, last):
                    carry = messages[edges[at]] ^ own
                    for place in range(size):
                        digit = digits[place]
                        digits[place] = digit ^ carry
                        carry &= digit
                few = digits[:size]
                limit = degree - 1 if unanimous else (degree - 1) // 2 + 1
                limit = limit if limit > 1 else 1
                some, more = _at_least(few, limit), _at_least(few, limit + 1)
                for at in range(first, last):
                    # The message to a check does not count the one from it.
                    differs = messages[edges[at]] ^ own
                    messages[edges[at]] = own ^ (more | (some & ~differs))
                # The received bit has a vote, and decides a tie.
                bits[variable] = own ^ _at_least(few, (degree + 1) // 2 + 1)
        failed[w] = is_open


@kernel
def flip(
    received: Any, sizes: Any, starts: Any, variables: Any, edges: Any, places: Any, owner: Any,
    iterations: Any, decided: Any, failed: Any,
) -> None:  # fmt: skip
    """Decode rows (batch, n) by weighted bit flipping, one bit per iteration.

    Args:
        received: Received words.
        sizes: (batch, n) Magnitudes of the ratios, float32; all equal for hard decisions.
        starts: Graph, as in `Graph`.
        variables: The same.
        edges: Edges in the order of their variables.
        places: (n + 1,) Position in `edges` at which each variable begins.
        owner: Check of each edge.
        iterations: Largest number of flips.
        decided: (batch, n) Decisions, to be filled.
        failed: (batch,) Whether a check does not hold, to be filled.
    """
    n, checks = received.shape[1], len(starts) - 1
    weights, sums = np.empty(checks, np.float32), np.empty(n, np.float32)
    parity = np.empty(checks, np.uint8)
    for block in range(len(received)):
        bits = decided[block]
        for variable in range(n):
            bits[variable] = received[block, variable]
            sums[variable] = 0
        wrong: Any = np.int64(0)
        for check in range(checks):
            least, total = np.float32(np.inf), np.uint8(0)
            for edge in range(starts[check], starts[check + 1]):
                least = min(least, sizes[block, variables[edge]])
                total ^= bits[variables[edge]]
            weights[check], parity[check] = least, total
            wrong += total
            for edge in range(starts[check], starts[check + 1]):
                sums[variables[edge]] += least if total else -least
        for _ in range(iterations):
            if not wrong:
                break
            worst = 0
            for variable in range(1, n):
                if sums[variable] > sums[worst]:
                    worst = variable
            bits[worst] ^= 1
            for at in range(places[worst], places[worst + 1]):
                check = owner[edges[at]]
                parity[check] ^= 1
                wrong += 1 if parity[check] else -1
                change = 2 * weights[check] if parity[check] else -2 * weights[check]
                for edge in range(starts[check], starts[check + 1]):
                    sums[variables[edge]] += change
        failed[block] = wrong > 0
