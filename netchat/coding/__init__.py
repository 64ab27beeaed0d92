"""Channel codes: batches of blocks in, batches of blocks out.

    code = netchat.coding.get("hamming:7,4")
    received = code.encode([[1, 0, 1, 1]])      # (batch, n), one symbol an entry
    received[0, 2] ^= 1
    result = code.decode(received)              # result.message, result.corrected (-1: failed)

`netchat.coding.code` is the interface, `registry` what a spec may say, `planes` the fast face,
`framing` the one for bytes of any length, `laws` what every code must obey.
"""

from netchat.coding.bit_slicing import DecodedBitSlices
from netchat.coding.code import Code, Decoded
from netchat.coding.framing import DecodedBytes
from netchat.coding.registry import get, names, specs

__all__ = ["Code", "Decoded", "DecodedBitSlices", "DecodedBytes", "get", "names", "specs"]
