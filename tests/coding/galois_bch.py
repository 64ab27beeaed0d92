"""BCH codes by the package galois, in a separate process: python -m tests.coding.galois_bch IN OUT …

Run with NUMBA_DISABLE_JIT=1; see `tests.coding.galois_rs`. Its decoder does not work in this mode.
"""

import sys

import galois
import numpy as np


def main(*paths):
    for source, target in zip(paths[::2], paths[1::2], strict=True):
        given = np.load(source)
        message = given["message"]
        n = int(given["n"])
        polynomial = galois.matlab_primitive_poly(2, n.bit_length())
        field = galois.GF(2 ** n.bit_length(), irreducible_poly=polynomial)
        code = galois.BCH(n, message.shape[1], extension_field=field)
        np.savez(target, word=code.encode(galois.GF2(message)), corrects=code.t)


if __name__ == "__main__":
    main(*sys.argv[1:])
