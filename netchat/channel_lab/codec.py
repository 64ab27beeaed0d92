"""Codes and channels of the lab, built once in a worker process."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from netchat.channel_lab.limits import MAX_CELLS
from netchat.channel_lab.specs import check_channel, check_code
from netchat.channel_lab.state import StateError
from netchat.channels import Channel
from netchat.channels import get as get_channel
from netchat.coding import Code
from netchat.coding import get as get_code

__all__ = ["at_rate", "build_channel", "build_code", "uses_ratios"]


@lru_cache(maxsize=64)
def _code(spec: str, name: str) -> Code:
    code = get_code(spec)
    code.spec = name  # visitors do not see the path of the owner's file
    bits = code.n * code.bits_per_symbol
    if bits > MAX_CELLS:
        raise ValueError(f"{spec}: a codeword must have at most {MAX_CELLS} bits, got {bits}")
    return code


def build_code(spec: str, plugins: Mapping[str, str]) -> Code:
    """Return the code of a specification that a visitor sent.

    Args:
        spec: Specification, as visitors see it.
        plugins: Codes of the server's owner, by that name.

    Raises:
        StateError: The code is not allowed, does not exist, or is too long.
    """
    try:
        checked = check_code(spec, plugins)
        return _code(checked, spec if spec in plugins else checked)
    except ValueError as error:
        text = str(error)
        if spec in plugins:  # the reason may contain the path of the owner's file
            text = f"{spec} cannot be used here; the owner of the server sees why with: netchat codes check"
        raise StateError(text, "code") from None


@lru_cache(maxsize=256)
def _channel(spec: str, rate: float) -> Channel:
    return get_channel(spec).at_rate(rate)


def build_channel(spec: str, code: Code) -> Channel:
    """Return the channel of a specification, for the rate of a code.

    Raises:
        StateError: The channel is not allowed, or does not exist.
    """
    return at_rate(spec, code.rate)


def at_rate(spec: str, rate: float) -> Channel:
    """Return the channel of a specification, for a code rate.

    Raises:
        StateError: The channel is not allowed, or does not exist.
    """
    try:
        with np.errstate(all="ignore"):
            return _channel(check_channel(spec), rate)
    except ValueError as error:
        raise StateError(str(error), "channel") from None


def uses_ratios(code: Code, channel: Channel) -> bool:
    """Return whether the decoder gets log-likelihood ratios.

    Over a channel whose ratios have one magnitude, hard decisions and erasures say the same.
    """
    return code.soft and code.alphabet == "bit" and channel.is_soft
