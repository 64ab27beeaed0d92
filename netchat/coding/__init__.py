"""Channel codes that encode and decode batches of blocks.

>>> import netchat.coding
>>> code = netchat.coding.Hamming(7, 4)  # or netchat.coding.get("hamming:7,4")
>>> received = code.encode([[1, 0, 1, 1]])  # (batch, n), one symbol per entry
>>> received[0, 2] ^= 1
>>> result = code.decode(received)
>>> result.message.tolist(), result.corrected.tolist()  # -1 where decoding failed
([[1, 0, 1, 1]], [1])

`Code` is the interface of all codes. The families are in `block/`, `convolutional/`, `ldpc/`, `polar/`,
`reed_solomon/` and `turbo/`; `Interleaved` and `Concatenated` combine codes. `get` creates a code from a
specification, and `check` searches for violations of the laws that every code must obey.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netchat.coding.arrays import Decoded, DecodedBitSlices
from netchat.coding.code import Code, Shortened
from netchat.coding.framing import DecodedBytes
from netchat.coding.registry import get, names, specs
from netchat.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from netchat.coding.bit_sliced_code import BitSlicedCode
    from netchat.coding.block.bch import BCH
    from netchat.coding.block.crc import CRC
    from netchat.coding.block.golay import Golay
    from netchat.coding.block.hamming import Hamming
    from netchat.coding.block.ordered_statistics import OrderedStatistics
    from netchat.coding.block.reed_muller import ReedMuller
    from netchat.coding.block.repetition import Repetition
    from netchat.coding.block.secded import SECDED
    from netchat.coding.block.uncoded import Uncoded
    from netchat.coding.concatenate import Concatenated
    from netchat.coding.convolutional.code import Convolutional
    from netchat.coding.interleave import Interleaved
    from netchat.coding.laws import LawResult, check
    from netchat.coding.ldpc.code import LDPC
    from netchat.coding.polar.code import Polar
    from netchat.coding.product import Product
    from netchat.coding.reed_solomon.binary import BinaryReedSolomon
    from netchat.coding.reed_solomon.ccsds import CCSDSReedSolomon
    from netchat.coding.reed_solomon.circ import CIRC
    from netchat.coding.reed_solomon.code import ReedSolomon
    from netchat.coding.turbo.code import Turbo
else:
    __getattr__, __dir__ = lazy_exports(
        __name__,
        {
            "bit_sliced_code": "BitSlicedCode",
            "block.bch": "BCH",
            "block.crc": "CRC",
            "block.golay": "Golay",
            "block.hamming": "Hamming",
            "block.ordered_statistics": "OrderedStatistics",
            "block.reed_muller": "ReedMuller",
            "block.repetition": "Repetition",
            "block.secded": "SECDED",
            "block.uncoded": "Uncoded",
            "concatenate": "Concatenated",
            "convolutional.code": "Convolutional",
            "interleave": "Interleaved",
            "laws": "LawResult check",
            "ldpc.code": "LDPC",
            "polar.code": "Polar",
            "product": "Product",
            "reed_solomon.binary": "BinaryReedSolomon",
            "reed_solomon.ccsds": "CCSDSReedSolomon",
            "reed_solomon.circ": "CIRC",
            "reed_solomon.code": "ReedSolomon",
            "turbo.code": "Turbo",
        },
    )

__all__ = [
    "BCH",
    "CIRC",
    "CRC",
    "LDPC",
    "SECDED",
    "BinaryReedSolomon",
    "BitSlicedCode",
    "CCSDSReedSolomon",
    "Code",
    "Concatenated",
    "Convolutional",
    "Decoded",
    "DecodedBitSlices",
    "DecodedBytes",
    "Golay",
    "Hamming",
    "Interleaved",
    "LawResult",
    "OrderedStatistics",
    "Polar",
    "Product",
    "ReedMuller",
    "ReedSolomon",
    "Repetition",
    "Shortened",
    "Turbo",
    "Uncoded",
    "check",
    "get",
    "names",
    "specs",
]
