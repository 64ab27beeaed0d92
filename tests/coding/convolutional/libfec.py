"""Viterbi decoder of libfec (`apt-get install libfec-dev`), by ctypes."""

import ctypes
import ctypes.util

import numpy as np

__all__ = ["LIBRARY", "decode"]

_NAME = ctypes.util.find_library("fec")
#: The library; None if it is not installed.
LIBRARY = ctypes.CDLL(_NAME) if _NAME else None
if LIBRARY is not None:
    LIBRARY.create_viterbi27.restype = ctypes.c_void_p
    for name in (
        "init_viterbi27",
        "update_viterbi27_blk",
        "chainback_viterbi27",
        "delete_viterbi27",
    ):
        getattr(LIBRARY, name).argtypes = {
            "init": [ctypes.c_void_p, ctypes.c_int],
            "update": [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int],
            "chainback": [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_uint, ctypes.c_uint],
            "delete": [ctypes.c_void_p],
        }[name.split("_")[0]]  # fmt: skip


def decode(ratios: np.ndarray, k: int, scale: float) -> np.ndarray:
    """Decode a batch of blocks of conv:133,171 (batch, 2 * (k + 6)), with ratios of 8 bits."""
    symbols = np.clip(np.round(127.5 - scale * ratios), 0, 255).astype(np.uint8)
    decoder = LIBRARY.create_viterbi27(k)
    polynomials = (ctypes.c_int * 2)(0x6D, 0x4F)  # 133 and 171 octal, reversed
    LIBRARY.set_viterbi27_polynomial(polynomials)
    out = np.empty((len(ratios), -(-k // 8)), np.uint8)
    for row, block in zip(out, symbols, strict=True):
        LIBRARY.init_viterbi27(decoder, 0)
        LIBRARY.update_viterbi27_blk(decoder, block.tobytes(), k + 6)
        data = ctypes.create_string_buffer(len(row))
        LIBRARY.chainback_viterbi27(decoder, data, k, 0)
        row[:] = np.frombuffer(data.raw, np.uint8)
    LIBRARY.delete_viterbi27(decoder)
    return np.unpackbits(out, axis=1)[:, :k]
