"""The code of the compact disc: its check equations, bursts, and erasures."""

import numpy as np
import pytest

from netchat.coding import CIRC
from netchat.coding.galois_field import field


def random_message(code, batch, seed=1):
    return np.random.default_rng(seed).integers(0, 256, (batch, code.k), dtype=np.uint8)


def test_check_equations():
    """IEC 60908: each frame, and each line of delayed symbols, has the roots a^0 to a^3."""
    code, tables = CIRC(110), field()
    word = code.encode(random_message(code, 1)).reshape(110, 32)

    def syndromes(symbols):
        size = len(symbols)
        for root in range(4):
            powers = tables.exp[root * np.arange(size - 1, -1, -1) % 255]
            yield int(np.bitwise_xor.reduce(tables.product[symbols, powers]))

    for frame in range(110):
        assert not any(syndromes(word[frame]))
        outer = word[(frame + 4 * np.arange(28)) % 110, np.arange(28)]
        assert not any(syndromes(outer))


def test_data_and_parity_are_where_the_standard_has_them():
    code = CIRC()
    message = random_message(code, 2)
    word = code.encode(message)
    assert (word[:, code.data_positions] == message).all()
    frames = word[0].reshape(128, 32)
    first = message[0, :24]
    assert (frames[4 * np.arange(12), np.arange(12)] == first[:12]).all()
    assert (frames[4 * np.arange(16, 28), np.arange(16, 28)] == first[12:]).all()


@pytest.mark.parametrize(("frames", "repaired"), [(1, True), (16, True), (17, False)])
def test_bursts(frames, repaired):
    """C2 fills four erasures that are four frames apart: 16 damaged frames, and not 17."""
    code = CIRC()
    message = random_message(code, 5)
    received = code.encode(message).reshape(5, 128, 32)
    received[:, 40 : 40 + frames] = np.random.default_rng(2).integers(0, 256, (5, frames, 32))
    result = code.decode(received.reshape(5, -1))
    assert result.failed.any() == (not repaired)
    assert (result.message == message).all() == repaired


def test_errors_anywhere():
    code, rng = CIRC(), np.random.default_rng(3)
    message = random_message(code, 30)
    word = code.encode(message)
    for weight in (1, 8, 40):
        error = rng.permuted(np.tile(np.arange(code.n), (30, 1)), axis=1) < weight
        result = code.decode(word ^ error.astype(np.uint8))
        assert (result.message == message).all()
        assert (result.corrected == weight).all()


def test_erased_bytes():
    code, rng = CIRC(), np.random.default_rng(4)
    message = random_message(code, 10)
    word = code.encode(message)
    lost = rng.random(word.shape) < 0.05  # in one of fifty frames, more than C1 can fill
    result = code.decode(np.where(lost, 0, word), lost)
    assert (result.message == message).all()
    assert (result.corrected == lost.sum(axis=1)).all()


@pytest.mark.parametrize("frames", [108, 40000])
def test_invalid_arguments(frames):
    with pytest.raises(ValueError, match="'frames' must be from 109 to 32768, got"):
        CIRC(frames)
