"""Channel codes that encode and decode batches of blocks.

>>> import netchat.coding
>>> code = netchat.coding.Hamming(7, 4)  # or netchat.coding.get("hamming:7,4")
>>> received = code.encode([[1, 0, 1, 1]])  # (batch, n), one symbol per entry
>>> received[0, 2] ^= 1
>>> result = code.decode(received)
>>> result.message.tolist(), result.corrected.tolist()  # -1 where decoding failed
([[1, 0, 1, 1]], [1])

`Code` is the interface of all codes. The families are in `block/` and `reed_solomon/`; `Interleaved`
and `Concatenated` combine codes. `get` creates a code from a specification, and `check` searches for
violations of the laws that every code must obey.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from netchat.coding.arrays import Decoded, DecodedBitSlices
from netchat.coding.code import Code, Shortened
from netchat.coding.framing import DecodedBytes
from netchat.coding.registry import get, names, specs

if TYPE_CHECKING:
    from netchat.coding.bit_sliced_code import BitSlicedCode
    from netchat.coding.block.crc import CRC
    from netchat.coding.block.hamming import Hamming
    from netchat.coding.block.repetition import Repetition
    from netchat.coding.block.secded import SECDED
    from netchat.coding.block.uncoded import Uncoded
    from netchat.coding.concatenate import Concatenated
    from netchat.coding.interleave import Interleaved
    from netchat.coding.laws import Verdict, check
    from netchat.coding.reed_solomon.code import ReedSolomon

__all__ = [
    "CRC",
    "SECDED",
    "BitSlicedCode",
    "Code",
    "Concatenated",
    "Decoded",
    "DecodedBitSlices",
    "DecodedBytes",
    "Hamming",
    "Interleaved",
    "ReedSolomon",
    "Repetition",
    "Shortened",
    "Uncoded",
    "Verdict",
    "check",
    "get",
    "names",
    "specs",
]

#: Modules of the names that are imported on first use, to keep the start of netchat fast.
_MODULES = {
    "BitSlicedCode": "bit_sliced_code",
    "CRC": "block.crc",
    "Concatenated": "concatenate",
    "Hamming": "block.hamming",
    "Interleaved": "interleave",
    "ReedSolomon": "reed_solomon.code",
    "Repetition": "block.repetition",
    "SECDED": "block.secded",
    "Uncoded": "block.uncoded",
    "Verdict": "laws",
    "check": "laws",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
