"""Codes with deliberate bugs: each law finds its bug and describes it."""

import numpy as np
import pytest

import netchat.coding
from netchat.coding import Code, Decoded
from netchat.coding.arrays import DecodedBitSlices
from netchat.coding.block.hamming import Hamming
from netchat.coding.laws import LAWS, check


class Planted(Code):
    """Hamming (7,4) with a bug."""

    def __init__(self, **options):
        self._good = Hamming(7)
        numbers = {"k": 4, "n": 7, "minimum_distance": 3, "citation": "planted", **options}
        super().__init__("planted", **numbers)

    def _encode(self, message):
        return self._good.encode(message)

    def _decode(self, received):
        return self._good.decode(received)


class SilentlyMiscorrects(Planted):
    """Reports one error where there are two; minimum distance 4 would detect them."""

    def __init__(self):
        super().__init__(detects=2, corrects=0)


class ReportsNoCorrections(Planted):
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
    """Has the right shape, but does not decode the last block of a large batch."""

    def _decode(self, received):
        result = super()._decode(received)
        if len(received) > 64:
            result.message[-1] = 0
            result.corrected[-1] = 0
        return result


class Biased(Planted):
    """Ignores errors in the last position."""

    def _decode(self, received):
        result = super()._decode(received)
        codeword = self._good.encode(result.message)
        last = codeword[:, 6] != received[:, 6]
        result.corrected[last] = 0
        return result


class BiasedToZero(Planted):
    """Decodes an ambiguous word to zero."""

    def _decode(self, received):
        result = super()._decode(received)
        doubt = result.corrected > 0
        result.message[doubt] &= received[doubt, :4]
        return result


class DependsOnThePreviousBlock(Planted):
    def _decode(self, received):
        result = super()._decode(received)
        result.message[1:] |= result.message[:-1] & (result.corrected[1:, None] > 0)
        return result


class WorksInPlace(Planted):
    def _decode(self, received):
        received[:, 0] &= 1
        received[:, 4:] = 0
        return super()._decode(received)


class ReturnsItsArgument(Planted):
    def __init__(self):
        super().__init__(n=4, minimum_distance=1)

    def _encode(self, message):
        return message

    def _decode(self, received):
        return Decoded(received, np.zeros(len(received), np.int64))


class WrongType(Planted):
    def _encode(self, message):
        return super()._encode(message).astype(np.int64)


class ParityFirst(Planted):
    """Declares itself systematic, but sends the parity first."""

    def _encode(self, message):
        return np.roll(super()._encode(message), 3, axis=1)

    def _decode(self, received):
        return super()._decode(np.roll(received, -3, axis=1))


class Inverted(Planted):
    """Declares itself linear, but has no all-zero codeword."""

    def _encode(self, message):
        return super()._encode(message) ^ np.array([0, 0, 0, 0, 1, 1, 1], np.uint8)

    def _decode(self, received):
        return super()._decode(received ^ np.array([0, 0, 0, 0, 1, 1, 1], np.uint8))


class OtherBitSlices(Planted):
    def decode_bit_sliced(self, received, erasures=None):
        result = super().decode_bit_sliced(received, erasures)
        result.message[0, 0] ^= np.uint64(1) << np.uint64(40)
        return result


class OverstatesItsDistance(Planted):
    def __init__(self):
        super().__init__(minimum_distance=5)


class Fragile(Planted):
    def _decode(self, received):
        if len(received) == 0:
            raise IndexError("no blocks")
        return super()._decode(received)


class WithoutCitation(Planted):
    def __init__(self):
        super().__init__(citation=" ")


class CorrectsTooFewErasures(Planted):
    def _decode_erasures(self, received, erasures):
        result = self._decode(received)
        result.corrected[erasures.sum(axis=1) > 1] = -1
        return result


class CountsInAColumn(Planted):
    def _decode(self, received):
        result = super()._decode(received)
        return Decoded(result.message, result.corrected[:, None])


class CountsTooMany(Planted):
    def _decode(self, received):
        result = super()._decode(received)
        return Decoded(result.message, result.corrected + 8)


class SendsTwos(Planted):
    def _encode(self, message):
        return 2 * super()._encode(message)


class TreatsASingleBlockDifferently(Planted):
    def _encode(self, message):
        word = super()._encode(message)
        return word ^ 1 if len(word) == 1 else word


class OtherCodewordsInBitSlices(Planted):
    def encode_bit_sliced(self, message):
        return ~super().encode_bit_sliced(message)


class OtherCountsInBitSlices(Planted):
    def decode_bit_sliced(self, received, erasures=None):
        result = super().decode_bit_sliced(received, erasures)
        return DecodedBitSlices(result.message, ~result.corrected, result.failed)


PLANTED = [
    (SilentlyMiscorrects, "detects_as_declared", "must detect 2 errors"),
    (ReportsNoCorrections, "count_is_correct", "reports 0 corrected"),
    (DropsABlock, "shapes_and_types", "uint8 (64, 4) for 65 blocks"),
    (ForgetsTheLastBlock, "blocks_are_independent", "block"),
    (Biased, "corrects_as_declared", "symbol 6 wrong the decoder returns"),
    (BiasedToZero, "corrects_as_declared", "wrong the decoder returns"),
    (DependsOnThePreviousBlock, "blocks_are_independent", "gives different results"),
    (WorksInPlace, "arguments_are_unchanged", "decode modifies its argument"),
    (ReturnsItsArgument, "arguments_are_unchanged", "returns a view"),
    (WrongType, "shapes_and_types", "encode returns int64"),
    (ParityFirst, "systematic_if_declared", "declare systematic=False"),
    (Inverted, "linear_if_declared", "declare linear=False"),
    (OtherBitSlices, "layouts_agree", "give different messages"),
    (CountsInAColumn, "shapes_and_types", "one integer per block"),
    (CountsTooMany, "shapes_and_types", "it must be from -1 to n"),
    (SendsTwos, "shapes_and_types", "neither 0 nor 1"),
    (TreatsASingleBlockDifferently, "blocks_are_independent", "block 0 of 67 if it is alone"),
    (OtherCodewordsInBitSlices, "layouts_agree", "give different codewords"),
    (OtherCountsInBitSlices, "layouts_agree", "give different `corrected`"),
    (OverstatesItsDistance, "corrects_as_declared", "wrong the decoder returns"),
    (Fragile, "shapes_and_types", "it raised IndexError: no blocks"),
    (WithoutCitation, "parameters_are_possible", "citation is empty"),
    (
        CorrectsTooFewErasures,
        "erasures_are_filled_as_declared",
        "erased the decoder reports failure",
    ),
]


def broken_laws(code):
    results = zip(LAWS, check(code), strict=True)
    return {law.__name__: result.counterexample for law, result in results if result.counterexample}


def test_a_correct_code_breaks_no_law():
    assert broken_laws(Planted()) == {}


@pytest.mark.parametrize(
    ("planted", "law", "says"), PLANTED, ids=lambda p: getattr(p, "__name__", "")
)
def test_each_bug_is_found_by_its_law(planted, law, says):
    broken = broken_laws(planted())
    assert law in broken
    assert says in broken[law]


def test_a_counterexample_can_be_reproduced():
    code = Biased()
    text = broken_laws(code)["corrects_as_declared"]
    assert text.startswith("for the message ")
    message = [[int(bit) for bit in text.split()[3]]]
    word = code.encode(message)
    word[0, 6] ^= 1
    assert code.decode(word).corrected.tolist() == [0]


@pytest.mark.parametrize(
    ("numbers", "says"),
    [
        ({"corrects": 2}, "corrects is 2"),
        ({"detects": 3}, "detects is 3"),
        ({"alphabet": "byte", "minimum_distance": 6}, "Singleton"),
    ],
)
def test_impossible_parameters(numbers, says):
    assert says in LAWS[0](Planted(**numbers), np.random.default_rng(0))


def test_a_message_longer_than_its_codeword():
    code = Planted()
    code.k = 8
    assert "k = 8 and n = 7" in LAWS[0](code, np.random.default_rng(0))


def test_a_code_that_is_neither_linear_nor_systematic_needs_to_be_neither():
    class Reversed(Inverted):
        """Complements of the codewords, last bit first."""

        def __init__(self):
            Planted.__init__(self, linear=False, systematic=False)

        def _encode(self, message):
            return np.ascontiguousarray(super()._encode(message)[:, ::-1])

        def _decode(self, received):
            return super()._decode(np.ascontiguousarray(received[:, ::-1]))

    assert broken_laws(Reversed()) == {}


def test_verdicts_state_the_law_in_a_sentence():
    for result in check(netchat.coding.get("repetition:3")):
        assert result.law.endswith(".")
        assert result.counterexample is None
