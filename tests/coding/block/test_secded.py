import itertools

import numpy as np
import pytest

from netchat.coding.block.secded import SECDED


@pytest.mark.parametrize(("n", "k"), [(72, 64), (39, 32), (22, 16), (13, 8), (8, 4)])
def test_every_single_error_is_corrected_and_every_double_error_detected(n, k):
    code = SECDED(n, k)
    message = np.random.default_rng(1).integers(0, 2, (1, k), dtype=np.uint8)
    word = code.encode(message)
    single = word ^ np.eye(n, dtype=np.uint8)
    result = code.decode(single)
    assert (result.message == message).all()
    assert (result.corrected == 1).all()
    double = np.array(
        [single[i] ^ single[j] ^ word[0] for i, j in itertools.combinations(range(n), 2)]
    )
    result = code.decode(double)
    assert (result.corrected == -1).all()
    assert (result.message == double[:, :k]).all()


def test_columns_have_minimum_weight():
    # 8 columns of weight 1, 56 of weight 3 and 8 of weight 5: Hsiao's count for (72, 64).
    weights = SECDED(72, 64).check.sum(axis=0)
    assert np.bincount(weights).tolist() == [0, 8, 0, 56, 0, 8]


@pytest.mark.parametrize(("n", "k"), [(72, 65), (10, 7), (72, 0), (200, 100)])
def test_invalid_arguments(n, k):
    with pytest.raises(ValueError, match=r"Argument '[nk]' must be"):
        SECDED(n, k)
