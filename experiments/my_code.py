"""A channel code of your own: bits in a square, with a parity bit for every row and column.

Try it:  netchat codes check experiments/my_code.py:Grid
         netchat encode Hi --code experiments/my_code.py:Grid --flip 1
         netchat encode-bench --code experiments/my_code.py:Grid --code hamming:7,4
"""

import numpy as np

from netchat.coding import Code, Decoded


class Grid(Code):
    """side x side data bits with a row and a column of parity; minimum distance 4."""

    def __init__(self, side=4):
        self.side = side
        super().__init__(
            f"grid {side} x {side}",
            k=side**2,
            n=(side + 1) ** 2,
            minimum_distance=4,  # so it corrects 1 error and detects 2
            citation="Elias, Error-free coding (1954)",
        )

    @property
    def data_positions(self):
        """The message is the square without its last row and column."""
        return np.arange(self.n).reshape(self.side + 1, -1)[:-1, :-1].ravel()

    def _encode(self, message):
        data = message.reshape(-1, self.side, self.side)
        rows = np.concatenate([data, data.sum(axis=2, keepdims=True) % 2], axis=2)
        table = np.concatenate([rows, rows.sum(axis=1, keepdims=True) % 2], axis=1)
        return table.reshape(-1, self.n).astype(np.uint8)

    def _decode(self, received):
        table = received.reshape(-1, self.side + 1, self.side + 1).copy()
        rows, columns = table.sum(axis=2) % 2, table.sum(axis=1) % 2  # 1 where the parity is odd
        odd = np.stack([rows.sum(axis=1), columns.sum(axis=1)], axis=1)
        single = np.flatnonzero((odd == 1).all(axis=1))  # the error is where they cross
        table[single, rows[single].argmax(axis=1), columns[single].argmax(axis=1)] ^= 1
        corrected = np.full(len(received), -1)
        corrected[(odd == 0).all(axis=1)] = 0
        corrected[single] = 1
        return Decoded(table[:, :-1, :-1].reshape(-1, self.k), corrected)
