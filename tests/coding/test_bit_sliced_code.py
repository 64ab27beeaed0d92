"""Codes that work on bit slices."""

import numpy as np

from netchat.coding import Decoded
from netchat.coding.arrays import DecodedBitSlices
from netchat.coding.bit_sliced_code import BitSlicedCode
from netchat.coding.laws import check


class Plain(BitSlicedCode):
    """Sends each bit once, and can fill no erasure."""

    def __init__(self):
        super().__init__("plain", k=3, n=3, minimum_distance=1, citation="me")

    def _encode_bit_sliced(self, message):
        return message.copy()

    def _decode_bit_sliced(self, received):
        words = received.shape[1]
        no_digits = np.zeros((0, words), np.uint64)
        return DecodedBitSlices(received.copy(), no_digits, np.zeros(words, np.uint64))


def test_a_code_that_fills_no_erasures_takes_erased_bits_as_received():
    code = Plain()
    assert code.erasure_capability == 0
    result = code.decode([[1, 0, 1], [0, 1, 1]], np.array([[True] * 3, [False] * 3]))
    assert isinstance(result, Decoded)
    assert result.message.tolist() == [[1, 0, 1], [0, 1, 1]]
    assert result.corrected.tolist() == [0, 0]


def test_such_a_code_obeys_the_laws():
    assert not [verdict for verdict in check(Plain()) if verdict.counterexample]
