"""From a line of text to a channel: `bsc:0.01`."""

from __future__ import annotations

from netchat.channels.awgn import Awgn
from netchat.channels.bec import Erasure
from netchat.channels.bsc import BinarySymmetric
from netchat.channels.channel import Channel
from netchat.channels.gilbert_elliott import GilbertElliott

__all__ = ["FORMS", "get"]

#: How each is written, for messages and help.
FORMS = (
    "bsc:P",
    "gilbert-elliott:P_GB,P_BG,E_GOOD,E_BAD",
    "bec:P",
    "awgn:EBN0dB",
)

_CHANNELS: dict[str, tuple[type[Channel], int]] = {
    "bsc": (BinarySymmetric, 1),
    "gilbert-elliott": (GilbertElliott, 4),
    "bec": (Erasure, 1),
    "awgn": (Awgn, 1),
}


def get(spec: str) -> Channel:
    """The channel that a spec describes.

    Args:
        spec: for example `bsc:0.01`, `gilbert-elliott:1e-3,0.1,0,0.5`, `bec:0.1`, `awgn:4dB`.

    Raises:
        ValueError: if there is no such channel; the message says how they are written.

    >>> get("bsc:0.01").capacity > 0.9192
    True
    """
    name, _, rest = spec.strip().partition(":")
    kind, count = _CHANNELS.get(name, (None, 0))
    if name == "awgn":
        rest = rest.lower().removesuffix("db").strip()
    try:
        numbers = [float(number) for number in rest.split(",")]
    except ValueError:
        numbers = []
    if kind is None or len(numbers) != count:
        raise ValueError(f"{spec!r} is not a channel; they are written {'  '.join(FORMS)}.")
    channel = kind(*numbers)  # type: ignore[arg-type] # each takes its own numbers
    channel.spec = spec.strip()
    return channel
