"""CIRC, the cross-interleaved Reed-Solomon code of the compact disc."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netchat.arguments import whole_number
from netchat.coding.arrays import Bools, Decoded, Rows
from netchat.coding.code import LONGEST, Code
from netchat.coding.reed_solomon.code import ReedSolomon

__all__ = ["CIRC"]

_DATA, _OUTER, _INNER = 24, 28, 32
#: Frames by which each symbol of an outer codeword is delayed more than the one before it.
_DELAY = 4
#: Positions of the parity in an outer codeword: its middle, which is farthest from both ends of a burst.
_PARITY = slice(12, 16)
#: Frames over which an outer codeword is spread.
_SPAN = _DELAY * (_OUTER - 1) + 1


class CIRC(Code):
    """Cross-interleaved Reed-Solomon code of the compact disc: rate 3/4.

    The outer code (28,24), C2, adds four bytes in the middle of 24. Its symbol i is delayed by 4 i
    frames, and the inner code (32,28), C1, encodes each frame. The decoder decodes C1 first. Where it
    fails, all 28 symbols count as erased for C2, which fills up to four erasures: a burst of 16 frames.

    A disc has no blocks. Here, the delays wrap round at the end of a block. The inversion of the parity,
    the permutation of the samples and the further delays by one and two frames, which a player needs
    to conceal errors, are left out.

    References: IEC 60908, "Compact disc digital audio system"; L. Vries and K. Odaka, "CIRC: the
    error-correcting code for the compact disc digital audio system" (1982).

    Args:
        frames: Number of frames of 24 bytes in a block, at least 109.

    Raises:
        TypeError: frames is not an integer.
        ValueError: frames is out of range.

    >>> code = CIRC()
    >>> code.n, code.k, code.corrects
    (4096, 3072, 8)
    """

    def __init__(self, frames: int = 128) -> None:
        frames = whole_number("frames", frames)
        if not _SPAN <= frames <= LONGEST // _INNER:
            raise ValueError(
                f"Argument 'frames' must be from {_SPAN} to {LONGEST // _INNER}, got {frames}."
            )
        self._frames = frames
        self._outer, self._inner = ReedSolomon(_OUTER, _DATA), ReedSolomon(_INNER, _OUTER)
        # Two codewords of C2 share no more than one symbol of a codeword of C1, as in a product code.
        super().__init__(
            f"CIRC, {frames} frames",
            k=_DATA * frames,
            n=_INNER * frames,
            minimum_distance=self._outer.minimum_distance * self._inner.minimum_distance,
            alphabet="byte",
            corrects=(self._outer.corrects + 1) * (self._inner.corrects + 1) - 1,
            detects=(self._outer.corrects + 1) * (self._inner.corrects + 1) - 1,
            citation="IEC 60908: compact disc; Vries and Odaka, CIRC (1982)",
        )
        self.spec: str = f"circ:{frames}"
        frame, symbol = np.arange(frames)[:, None], np.arange(_OUTER)
        #: Frame in which symbol i of each outer codeword is sent, and the reverse.
        self._sent = (frame + _DELAY * symbol) % frames
        self._made = (frame - _DELAY * symbol) % frames

    @property
    def data_positions(self) -> NDArray[np.intp]:
        """(k,) Positions of the message symbols."""
        data = np.delete(np.arange(_OUTER), _PARITY)
        return (_INNER * self._sent[:, data] + data).ravel()

    def _encode(self, message: Rows) -> Rows:
        batch, frames = len(message), self._frames
        outer = np.zeros((batch, frames, _OUTER), np.uint8)
        data = message.reshape(batch, frames, _DATA)
        outer[:, :, : _PARITY.start] = data[:, :, : _PARITY.start]
        outer[:, :, _PARITY.stop :] = data[:, :, _PARITY.start :]
        lost = np.zeros((batch * frames, _OUTER), np.bool_)
        lost[:, _PARITY] = True  # four erasures have one solution
        filled = self._outer.decode(outer.reshape(-1, _OUTER), lost).message
        outer[:, :, _PARITY] = filled[:, _PARITY].reshape(batch, frames, 4)
        inner = np.ascontiguousarray(outer[:, self._made, np.arange(_OUTER)])
        return self._inner.encode(inner.reshape(-1, _OUTER)).reshape(batch, self.n)

    def _decode(self, received: Rows) -> Decoded:
        return self._decode_erasures(received, np.zeros(received.shape, np.bool_))

    def _decode_erasures(self, received: Rows, erasures: Bools) -> Decoded:
        batch, frames = len(received), self._frames
        inner = self._inner.decode(received.reshape(-1, _INNER), erasures.reshape(-1, _INNER))
        shape = (batch, frames, _OUTER)
        word = inner.message.reshape(shape)[:, self._sent, np.arange(_OUTER)]
        failed = np.broadcast_to(inner.failed.reshape(batch, frames, 1), shape)
        erased = failed[:, self._sent, np.arange(_OUTER)].reshape(-1, _OUTER)
        word = np.ascontiguousarray(word.reshape(-1, _OUTER))
        # Five erasures are too many: perhaps few of these symbols are wrong.
        erased = erased & (erased.sum(axis=1, keepdims=True) <= _OUTER - _DATA)
        outer = self._outer.decode(word, erased)
        # The last four symbols are data too: encoding from the first 24 gives all 28.
        whole = self._outer.encode(outer.message)
        data = np.delete(whole, _PARITY, axis=1).reshape(batch, self.k)
        changed = (self._encode(data) != received) | erasures
        is_lost = outer.failed.reshape(batch, frames).any(axis=1)
        data[is_lost] = np.delete(word, _PARITY, axis=1).reshape(batch, self.k)[is_lost]
        return Decoded(data, np.where(is_lost, -1, changed.sum(axis=1)))
