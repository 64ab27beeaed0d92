"""Turbo code of LTE with iterative decoders."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from netchat.arguments import real_number, whole_number
from netchat.coding.arrays import Bools, Decoded, Floats, Rows
from netchat.coding.code import Code
from netchat.coding.cyclic_checks import cyclic_check
from netchat.coding.turbo.standards import interleaver, layout, sizes
from netchat.wording import cut

__all__ = ["Turbo"]

Decoder = Literal["max-log", "log-map"]

_MAX_ITERATIONS = 1000
_MOST_SENT = 1 << 17

#: Scales of the decoder in integers, with the shifts that compute them.
_SHIFTS = {0.5: 1, 0.75: 2, 0.875: 3, 1.0: 7}
#: Integer for twice the mean magnitude of the received ratios, and largest magnitude of a ratio.
_LIMIT, _LARGEST = 16, 31
#: Largest magnitude of an extrinsic value before it is scaled.
_MOST = 96


class Turbo(Code):
    pass
