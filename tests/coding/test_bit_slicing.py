import numpy as np
import pytest

from netchat.coding import bit_slicing


@pytest.mark.parametrize("batch", [0, 1, 7, 8, 63, 64, 65, 200])
@pytest.mark.parametrize("width", [0, 1, 7, 40])
def test_conversion_is_reversible(batch, width):
    rows = np.random.default_rng(1).integers(0, 2, (batch, width), dtype=np.uint8)
    packed = bit_slicing.from_rows(rows)
    assert packed.shape == (width, bit_slicing.words_for(batch))
    assert packed.dtype == np.uint64
    assert (bit_slicing.to_rows(packed, batch) == rows).all()
    assert not bit_slicing.to_rows(packed)[batch:].any()


def test_position_of_a_bit():
    rows = np.zeros((130, 3), np.uint8)
    rows[70, 2] = 1
    packed = bit_slicing.from_rows(rows)
    assert packed[2, 1] == 1 << (70 - 64)
    assert np.bitwise_count(packed).sum() == 1


def test_counts():
    counts = np.array([0, 5, 1, 255, 16])
    assert bit_slicing.to_counts(bit_slicing.from_counts(counts), 5).tolist() == counts.tolist()
    assert bit_slicing.from_counts(np.zeros(3, np.int64)).shape == (0, 1)
    assert bit_slicing.to_counts(np.zeros((0, 1), np.uint64), 3).tolist() == [0, 0, 0]
