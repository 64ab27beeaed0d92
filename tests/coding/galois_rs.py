"""Reed-Solomon by the package galois, in a separate process: python -m tests.coding.galois_rs IN OUT …

Run with NUMBA_DISABLE_JIT=1: galois takes longer to compile its functions than to run them a few times
in Python. Each IN is an .npz of `message` and `received` for a code of length 255, or a shortened one;
OUT gets the results for both.
"""

import sys

import galois
import numpy as np


def main(*paths):
    for source, target in zip(paths[::2], paths[1::2], strict=True):
        given = np.load(source)
        message, received = given["message"], given["received"]
        # The first root of its code is the first power; shorter rows make it shorten the code.
        code = galois.ReedSolomon(255, 255 - (received.shape[1] - message.shape[1]))
        word = code.encode(code.field(message))
        decoded, corrected = code.decode(code.field(received), errors=True)
        np.savez(target, word=word, decoded=decoded, corrected=corrected)


if __name__ == "__main__":
    main(*sys.argv[1:])
