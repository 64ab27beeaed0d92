"""Wrong codes, planted on purpose: the laws prove that they can fail, and say how in plain words."""

import numpy as np
import pytest

import netchat.coding
from netchat.coding import Code, Decoded
from netchat.coding.block.hamming import Hamming
from netchat.coding.laws import LAWS, check


class Planted(Code):
    """Hamming (7,4), with something wrong in it."""

    def __init__(self, **options):
        self._good = Hamming(7)
        numbers = {"k": 4, "n": 7, "minimum_distance": 3, "citation": "planted", **options}
        super().__init__("planted", **numbers)

    def _encode(self, message):
        return self._good.encode(message)

    def _decode(self, received):
        return self._good.decode(received)


class SilentlyMiscorrects(Planted):
    """Two errors, and it says that there was one; a code of distance 4 would have noticed."""

    def __init__(self):
        super().__init__(detects=2, corrects=0)


class SaysNothingWasWrong(Planted):
    def _decode(self, received):
        result = super()._decode(received)
        return Decoded(result.message, np.zeros_like(result.corrected))


class DropsABlock(Planted):
    def _decode(self, received):
        result = super()._decode(received)
        if len(received) > 64:
            return Decoded(result.message[:-1], result.corrected[:-1])
        return result


class ForgetsTheLastBlock(Planted):
    """Of the right shape, but the last block of a large batch was never written."""

    def _decode(self, received):
        result = super()._decode(received)
        if len(received) > 64:
            result.message[-1] = 0
            result.corrected[-1] = 0
        return result


class Biased(Planted):
    """Never believes in an error in the last position."""

    def _decode(self, received):
        result = super()._decode(received)
        codeword = self._good.encode(result.message)
        last = codeword[:, 6] != received[:, 6]
        result.corrected[last] = 0
        return result


class BiasedToZero(Planted):
    """Takes a one that arrives in doubt for a zero."""

    def _decode(self, received):
        result = super()._decode(received)
        doubt = result.corrected > 0
        result.message[doubt] &= received[doubt, :4]
        return result


class RememberingTheBlockBefore(Planted):
    def _decode(self, received):
        result = super()._decode(received)
        result.message[1:] |= result.message[:-1] & (result.corrected[1:, None] > 0)
        return result


class WorksInPlace(Planted):
    def _decode(self, received):
        received[:, 0] &= 1
        received[:, 4:] = 0
        return super()._decode(received)


class HandsOutItsArgument(Planted):
    def __init__(self):
        super().__init__(n=4, minimum_distance=1)

    def _encode(self, message):
        return message

    def _decode(self, received):
        return Decoded(received, np.zeros(len(received), np.int64))


class WrongType(Planted):
    def _encode(self, message):
        return super()._encode(message).astype(np.int64)


class Turned(Planted):
    """Says that it is systematic, and sends the parity first."""

    def _encode(self, message):
        return np.roll(super()._encode(message), 3, axis=1)

    def _decode(self, received):
        return super()._decode(np.roll(received, -3, axis=1))


class Inverted(Planted):
    """Says that it is linear, and has no codeword of zeros."""

    def _encode(self, message):
        return super()._encode(message) ^ np.array([0, 0, 0, 0, 1, 1, 1], np.uint8)

    def _decode(self, received):
        return super()._decode(received ^ np.array([0, 0, 0, 0, 1, 1, 1], np.uint8))


class OtherBitSlices(Planted):
    def decode_bit_sliced(self, received, erasures=None):
        result = super().decode_bit_sliced(received, erasures)
        result.message[0, 0] ^= np.uint64(1) << np.uint64(40)
        return result


class OverstatesItself(Planted):
    def __init__(self):
        super().__init__(minimum_distance=5)


class Fragile(Planted):
    def _decode(self, received):
        if len(received) == 0:
            raise IndexError("no blocks")
        return super()._decode(received)


class WithoutSource(Planted):
    def __init__(self):
        super().__init__(citation=" ")


class GivesUpTooEarly(Planted):
    def _decode_erasures(self, received, erasures):
        result = self._decode(received)
        result.corrected[erasures.sum(axis=1) > 1] = -1
        return result


PLANTED = [
    (SilentlyMiscorrects, "detects_what_it_says", "2 errors are to be noticed"),
    (SaysNothingWasWrong, "count_is_honest", "says that it corrected 0"),
    (DropsABlock, "shapes_and_types", "uint8 (64, 4) for 65 blocks"),
    (ForgetsTheLastBlock, "blocks_are_independent", "block"),
    (Biased, "corrects_what_it_says", "symbol 6 wrong the decoder gives"),
    (BiasedToZero, "corrects_what_it_says", "wrong the decoder gives"),
    (RememberingTheBlockBefore, "blocks_are_independent", "gives other results"),
    (WorksInPlace, "arguments_stay", "decode changes the array"),
    (HandsOutItsArgument, "arguments_stay", "returns a view"),
    (WrongType, "shapes_and_types", "encode returns int64"),
    (Turned, "systematic_where_it_says", "say systematic=False"),
    (Inverted, "linear_where_it_says", "say linear=False"),
    (OtherBitSlices, "faces_agree", "other messages than decode"),
    (OverstatesItself, "corrects_what_it_says", "wrong the decoder gives"),
    (Fragile, "shapes_and_types", "it raised IndexError: no blocks"),
    (WithoutSource, "numbers_are_possible", "`citation` is empty"),
    (GivesUpTooEarly, "fills_what_it_says", "erased the decoder reports failure"),
]


def broken_laws(code):
    verdicts = zip(LAWS, check(code), strict=True)
    return {
        law.__name__: verdict.counterexample for law, verdict in verdicts if verdict.counterexample
    }


def test_the_sound_one_is_not_accused():
    assert broken_laws(Planted()) == {}


@pytest.mark.parametrize(
    ("planted", "law", "says"), PLANTED, ids=lambda p: getattr(p, "__name__", "")
)
def test_a_planted_mistake_is_found_and_named(planted, law, says):
    broken = broken_laws(planted())
    assert law in broken
    assert says in broken[law]


def test_a_counterexample_can_be_followed_by_hand():
    code = Biased()
    text = broken_laws(code)["corrects_what_it_says"]
    assert text.startswith("for the message ")
    message = [[int(bit) for bit in text.split()[3]]]
    word = code.encode(message)
    word[0, 6] ^= 1
    assert code.decode(word).corrected.tolist() == [0]


@pytest.mark.parametrize(
    ("numbers", "says"),
    [
        ({"corrects": 2}, "corrects 2"),
        ({"detects": 3}, "detects 3"),
        ({"alphabet": "byte", "minimum_distance": 6}, "Singleton"),
    ],
)
def test_impossible_numbers(numbers, says):
    assert says in LAWS[0](Planted(**numbers), np.random.default_rng(0))


def test_the_verdicts_say_the_law_in_a_sentence():
    for verdict in check(netchat.coding.get("repetition:3")):
        assert verdict.law.endswith(".")
        assert verdict.counterexample is None
