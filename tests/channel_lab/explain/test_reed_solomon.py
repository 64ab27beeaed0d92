"""The textbook's decoder decides as the library does, on random and worst-case words."""

from __future__ import annotations

import numpy as np
import pytest

from netchat.channel_lab.explain.reed_solomon import (
    decode_textbook,
    explain_reed_solomon,
    field_of,
    symbols_of,
)
from netchat.coding import get
from tests.channel_lab.blocks import blocks, view_of

CODES = [
    "rs:15,11",
    "rs:15,11,m=4",
    "rs:32,24,fcr=1",
    "rs:7,3,m=3,fcr=2",
    "rs:20,9",
    "rs:ccsds,239",
]


def _agree(view):
    found = explain_reed_solomon(view)
    assert (found["failed"] is not None) == view.failed, found["failed"]
    if not view.failed:
        assert found["corrected"] == symbols_of(view.code, view.believed)
        if view.code.alphabet == "byte":  # the other codes count bits
            assert len(found["positions"]) == view.corrected


@pytest.mark.parametrize("spec", CODES)
@pytest.mark.parametrize("channel", ["bsc:0.01", "bsc:0.04", "bec:0.03"])
def test_random_words(spec, channel):
    for view in blocks(spec, channel, 25):
        _agree(view)


@pytest.mark.parametrize("spec", CODES[:5])
def test_worst_cases_of_errors_and_erasures(spec):
    """All pairs of errors e and erasures s around the limit 2 e + s = n - k."""
    code = get(spec)
    m = getattr(code, "symbol_bits", 8)
    rng = np.random.Generator(np.random.SFC64(5))
    n, parity = code.n * code.bits_per_symbol // m, field_of(code).parity
    for errors in range(parity // 2 + 3):
        for erasures in range(max(0, parity - 2 * errors - 1), parity - 2 * errors + 3):
            if errors + erasures > n or erasures < 0:
                continue
            message = rng.integers(0, 256 if m == 8 else 2, code.k, dtype=np.uint8)
            word = code.encode(message)
            bits = (np.unpackbits(word) if m == 8 else word).reshape(n, m)
            places = rng.permutation(n)[: errors + erasures]
            erased = np.zeros((n, m), np.bool_)
            erased[places[errors:]] = True
            for place in places:  # any change but none; an erased symbol may also be right
                change = rng.integers(1, 1 << m)
                bits[place] ^= (change >> np.arange(m)[::-1] & 1).astype(np.uint8)
            _agree(view_of(code, message, bits.reshape(-1), erased.reshape(-1)))


def test_textbook_example_over_gf16():
    """Lin and Costello, example of section 7.4: (15,9) over GF(16), three errors.

    r(x) = a^7 x^3 + a^3 x^6 + a^4 x^12 has the syndromes a^12, 1, a^14, a^10, 0, a^12, the locator
    1 + a^7 x + a^4 x^2 + a^6 x^3, and the error values a^7, a^3 and a^4 at x^3, x^6 and x^12.
    """
    code = get("rs:15,9,m=4,fcr=1")
    gf = field_of(code)
    received = [0] * 15
    for exponent, log in ((3, 7), (6, 3), (12, 4)):
        received[14 - exponent] = gf.exp[log]
    run = decode_textbook(gf, received, [])
    show = [gf.log[value] if value else None for value in run.syndromes]
    assert show == [12, 0, 14, 10, None, 12]
    assert [gf.log[value] for value in run.locator] == [0, 7, 4, 6]
    assert run.places == [3, 6, 12]
    assert [gf.log[value] for value in run.magnitudes] == [7, 3, 4]
    assert run.failed is None


def test_a_codeword_has_no_syndrome():
    view = next(blocks("rs:15,11", "bsc:0", 1))
    found = explain_reed_solomon(view)
    assert found["syndromes"] == [0, 0, 0, 0]
    assert found["positions"] == []
    assert "codeword" in found["steps"][0]
