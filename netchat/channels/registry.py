"""From a line of text to a channel: `bsc:0.01`."""

from __future__ import annotations

from difflib import get_close_matches

from netchat.channels.awgn import Awgn
from netchat.channels.bec import Erasure
from netchat.channels.bsc import BinarySymmetric
from netchat.channels.channel import Channel
from netchat.channels.gilbert_elliott import GilbertElliott
from netchat.wording import cut, many

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
    given = rest.split(",")
    numbers = [number for number in map(_number, given) if number is not None]
    if kind is None or not len(given) == len(numbers) == count:
        raise ValueError(
            f"{cut(spec)!r} is not a channel{_problem(name, given, count)}; "
            f"they are written {'  '.join(FORMS)}."
        )
    try:
        channel = kind(*numbers)  # type: ignore[arg-type] # each takes its own numbers
    except ValueError as error:
        raise ValueError(f"{cut(spec.strip())}: {error}") from error
    channel.spec = spec.strip()
    return channel


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _problem(name: str, given: list[str], count: int) -> str:
    """What is wrong with a spec that is none, as far as it can be told."""
    if name not in _CHANNELS:
        near = get_close_matches(name, _CHANNELS, n=1)
        return f" (did you mean {near[0]}?)" if near else ""
    if len(given) != count:
        return f": {name} takes {many(count, 'number')}, not {len(given)}"
    wrong = next(text for text in given if _number(text) is None)
    return f": {cut(wrong)!r} is not a number"
