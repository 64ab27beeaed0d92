"""Kernel that corrects errors by a table of all syndromes, on bit slices."""

from __future__ import annotations

from typing import Any

import numpy as np

from netchat.jit import kernel

__all__ = ["decode"]

_1 = np.uint64(1)


@kernel
def decode(received: Any, check: Any, leaders: Any, message: Any, counts: Any, failed: Any) -> None:
    """Correct the messages (k, words), and fill in the counts (2, words) and failures (words,).

    Args:
        received: (n, words) Received words.
        check: (n - k, n) Parity-check matrix.
        leaders: (2^(n - k),) Wrong message bits of each syndrome, with the number of errors from bit k on;
            or -1.
        message: (k, words) Received messages.
        counts: (2, words) Zeros.
        failed: (words,) Zeros.
    """
    n, words = received.shape
    k, parity = message.shape[0], check.shape[0]
    syndrome = np.empty(parity, np.uint64)
    for w in range(words):
        wrong = np.uint64(0)
        for j in range(parity):
            total = np.uint64(0)
            for i in range(n):
                if check[j, i]:
                    total ^= received[i, w]
            syndrome[j] = total
            wrong |= total
        for lane in range(64):
            if not wrong >> np.uint64(lane) & _1:
                continue
            place = np.uint64(0)
            for j in range(parity):
                place |= (syndrome[j] >> np.uint64(lane) & _1) << np.uint64(j)
            leader, bit = leaders[np.int64(place)], _1 << np.uint64(lane)
            if leader < 0:
                failed[w] |= bit
                continue
            for i in range(k):
                if leader >> i & 1:
                    message[i, w] ^= bit
            for digit in range(2):
                if leader >> (k + digit) & 1:
                    counts[digit, w] |= bit
