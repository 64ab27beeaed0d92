"""Check of codes that a client names in OPEN.

A spec received from the network may only name small built-in codes. It loads no file and no plug-in,
and costs no more memory or time than any code of the table.
"""

from __future__ import annotations

import re

from netchat.coding import get
from netchat.coding.code import Code

__all__ = ["check_form", "limited_code"]

#: Limits of a spec received from the network: length, number of stages, maximum parameter of each
#: stage, codeword length in bits, and rate.
_MAX_SPEC = 64
_MAX_STAGES = 3
_STAGES = {
    "uncoded": 512,
    "repetition": 15,
    "hamming": 255,
    "secded": 255,
    "rs": 255,
    "crc": 4096,
    "interleave": 8,
}
_MAX_BITS = 32768
_MIN_RATE = 1 / 16
_STAGE = re.compile(r"([a-z]+)(?::(\d{1,4}(?:,\d{1,4})?))?")


def check_form(spec: str) -> str:
    """Check the syntax and parameters of a code's spec, without building the code.

    Returns:
        The spec, without spaces.

    Raises:
        ValueError: A link cannot use the code; the text gives the reason.
    """
    text = spec.replace(" ", "")
    stages = text.split("+")
    if len(text) > _MAX_SPEC or len(stages) > _MAX_STAGES:
        raise ValueError(
            f"a link's code may have at most {_MAX_STAGES} stages and {_MAX_SPEC} characters, "
            f"got {len(stages)} and {len(text)}"
        )
    for stage in stages:
        match = _STAGE.fullmatch(stage)
        if match is None or match[1] not in _STAGES:
            raise ValueError(
                f"a link cannot use the code {stage!r}: combine {', '.join(_STAGES)}, "
                "as in rs:255,223 or rs:255,127+hamming:7,4"
            )
        most = _STAGES[match[1]]
        if any(int(number) > most for number in (match[2] or "0").split(",")):
            raise ValueError(
                f"{stage!r} is too large for a link: its parameters must be at most {most}"
            )
    return text


def limited_code(spec: str) -> Code:
    """Build the code of a spec that has a valid form.

    Raises:
        ValueError: A codeword is too long, or the rate too low.
    """
    code = get(spec)
    if code.n * code.bits_per_symbol > _MAX_BITS or code.rate < _MIN_RATE:
        raise ValueError(
            f"{spec} is too large for a link: a codeword may have at most {_MAX_BITS} bits, got "
            f"{code.n * code.bits_per_symbol}, and a rate of at least {_MIN_RATE:g}, got {code.rate:g}"
        )
    return code
