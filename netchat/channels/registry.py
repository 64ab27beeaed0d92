"""Parser of channel specifications such as `bsc:0.01` or `my_channel.py:MyChannel:0.1`.

Names are those of the built-in channels and of the entry point group `netchat.channels` of installed
packages.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any

from netchat.channels.awgn import AWGN
from netchat.channels.bec import BEC
from netchat.channels.bsc import BSC
from netchat.channels.channel import Channel
from netchat.channels.gilbert_elliott import GilbertElliott
from netchat.channels.modulated import ModulatedAWGN, Rayleigh
from netchat.channels.modulation import MODULATIONS
from netchat.plugins import FILE, described, from_file
from netchat.wording import cut, many

__all__ = ["EXAMPLES", "FORMS", "get", "names", "specs", "split", "sweep"]

#: Entry point group under which other packages register channels.
GROUP = "netchat.channels"

#: Forms of the specifications, for messages and help.
FORMS = (
    "bsc:P",
    "gilbert-elliott:P_GB,P_BG,E_GOOD,E_BAD",
    "bec:P",
    "awgn:EBN0dB[,MODULATION]",
    "rayleigh:EBN0dB[,MODULATION]",
    "my_channel.py:MyChannel",
)

#: Modulations, and words that are options, of `awgn` and `rayleigh`.
_WORDS: dict[str, dict[str, Any]] = {
    **{name: {"modulation": name} for name in MODULATIONS},
    "maxlog": {"maxlog": True},
    "unknown": {"known": False},
}
_NOISY = {"awgn": ("maxlog",), "rayleigh": ("block=N", "unknown", "maxlog")}

_BUILT_IN: dict[str, tuple[type[Channel], int]] = {
    "bsc": (BSC, 1),
    "gilbert-elliott": (GilbertElliott, 4),
    "bec": (BEC, 1),
    "awgn": (AWGN, 1),
    "rayleigh": (Rayleigh, 1),
}

#: Specifications of every built-in channel, for tests.
EXAMPLES = (
    "bsc:0",
    "bsc:0.01",
    "bsc:0.3",
    "bsc:1",
    "gilbert-elliott:0.01,0.1,0.001,0.4",
    "bec:0.1",
    "bec:1",
    "awgn:4dB",
    "awgn:-1.5dB",
    "awgn:4dB,qpsk",
    "awgn:8dB,qam16",
    "awgn:12dB,qam64,maxlog",
    "rayleigh:10dB",
    "rayleigh:10dB,block=20,unknown",
    "rayleigh:15dB,qam16",
)

_NAME = re.compile(r"(?P<name>[a-z][\w.-]*)(?::(?P<arguments>.*))?")


def get(spec: str | Channel) -> Channel:
    """Create the channel that a specification describes.

    Args:
        spec: Specification such as `bsc:0.01`, `gilbert-elliott:1e-3,0.1,0,0.5`, `bec:0.1`,
            `awgn:4dB`, `awgn:8dB,qam16`, `rayleigh:10dB,block=100` or
            `my_channel.py:MyChannel:0.1`. A channel is returned unchanged.

    Raises:
        TypeError: It is neither a text nor a channel.
        ValueError: The specification is invalid.

    >>> get("bsc:0.01").capacity > 0.9192
    True
    """
    if isinstance(spec, Channel):
        return spec
    if not isinstance(spec, str):
        raise TypeError(f"Argument 'spec' must be a specification or a Channel, got {spec!r}.")
    text = spec.strip()
    name, _, rest = text.partition(":")
    channel = _built_in(text, name, rest) if name in _BUILT_IN else _plugged_in(text)
    channel.spec = text
    return channel


def names() -> list[str]:
    """Return all names of channels, including those registered by other packages."""
    return sorted({*_BUILT_IN, *(point.name for point in entry_points(group=GROUP))})


def specs() -> list[str]:
    """Return specifications of all channels; those of other packages with their sweep or defaults."""
    others = [name for name in names() if name not in _BUILT_IN]
    return [*EXAMPLES, *(spec for name in others for spec in sweep(name) or (name,))]


def sweep(spec: str) -> tuple[str, ...]:
    """Return the specifications of the curve that a name stands for, or an empty tuple.

    Args:
        spec: Name without arguments, such as `bsc` or `my_channel.py:MyChannel`.

    >>> sweep("bec")[:2]
    ('bec:0.5', 'bec:0.3')
    """
    text = spec.strip()
    match = FILE.fullmatch(text) or _NAME.fullmatch(text)
    if match is None or match["arguments"] is not None:
        return ()
    factory = _BUILT_IN[text][0] if text in _BUILT_IN else _factory(text, match)
    return tuple(f"{text}:{arguments}" for arguments in getattr(factory, "sweep", ()))


def split(spec: str) -> tuple[str, str]:
    """Split a specification into the name and the arguments, without checking them.

    >>> split("my_channel.py:Z:0.1"), split("bsc:0.1")
    (('my_channel.py:Z', '0.1'), ('bsc', '0.1'))
    """
    match = FILE.fullmatch(spec)
    if match is None:
        kind, _, arguments = spec.partition(":")
        return kind, arguments
    return f"{match['file']}:{match['name']}", match["arguments"] or ""


def _built_in(spec: str, name: str, rest: str) -> Channel:
    kind, count = _BUILT_IN[name]
    given = rest.split(",")
    options: dict[str, Any] = {}
    if name in _NOISY:
        given[0] = given[0].strip().lower().removesuffix("db").strip()
        options = _options(spec, name, given[1:])
        given = given[:1]
        if name == "awgn" and options:
            kind = ModulatedAWGN
            options = {"modulation": "bpsk", **options}
    numbers = [number for number in map(_number, given) if number is not None]
    if not len(given) == len(numbers) == count:
        raise _unknown(spec, _problem(name, given, count))
    try:
        channel = kind(*numbers, **options)  # type: ignore[arg-type] # the parameters differ
    except ValueError as error:
        raise ValueError(f"{cut(spec)}: {error}") from error
    return channel


def _options(spec: str, name: str, words: list[str]) -> dict[str, Any]:
    """Parse the modulation and the other options of a noisy channel."""
    options: dict[str, Any] = {}
    for word in (word.strip().lower() for word in words):
        key, _, value = word.partition("=")
        if name == "rayleigh" and key == "block" and value.isascii() and value.isdigit():
            found: dict[str, Any] = {"block": int(value[:9])}
        elif word in MODULATIONS or word in _NOISY[name]:
            found = _WORDS[word]
        else:
            allowed = ", ".join([*MODULATIONS, *_NOISY[name]])
            raise _unknown(spec, f": {cut(word)!r} must be one of {allowed}")
        if options.keys() & found:
            raise _unknown(spec, f": {cut(word)!r} repeats an option")
        options |= found
    return options


def _plugged_in(spec: str) -> Channel:
    match = FILE.fullmatch(spec) or _NAME.fullmatch(spec)
    if match is None:
        raise _unknown(spec)
    factory = _factory(spec, match)
    arguments = [_value(item.strip()) for item in (match["arguments"] or "").split(",") if item]
    try:
        channel = factory(*arguments)
    except Exception as error:  # a class under development may raise anything
        raise ValueError(f"{cut(spec)}: {error}") from error
    if not isinstance(channel, Channel):
        kind = type(channel).__name__
        raise ValueError(f"{cut(spec)} must be a netchat.channels.Channel, got {kind}.")
    return channel


def _factory(spec: str, match: re.Match[str]) -> Callable[..., Any]:
    groups = match.groupdict()
    if groups.get("file"):
        return from_file(groups["file"], groups["name"])
    for point in entry_points(group=GROUP, name=groups["name"]):
        try:
            loaded: Callable[..., Any] = point.load()
        except Exception as error:  # another package may raise anything
            raise ValueError(
                f"The channel {groups['name']!r} of another package cannot be imported: "
                f"{described(error)}"
            ) from error
        return loaded
    raise _unknown(spec)


def _unknown(spec: str, problem: str = "") -> ValueError:
    from difflib import get_close_matches

    name = spec.partition(":")[0]
    near = get_close_matches(name, names(), n=1) if name not in _BUILT_IN else []
    problem = problem or (f" (did you mean {near[0]}?)" if near else "")
    return ValueError(f"{cut(spec)!r} is not a channel{problem}; use one of {'  '.join(FORMS)}.")


def _value(text: str) -> float | str:
    """Convert an argument to a number if it is one."""
    number = _number(text)
    return text if number is None else number


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _problem(name: str, given: list[str], count: int) -> str:
    """Describe what is wrong with the arguments of a built-in channel."""
    if len(given) != count:
        return f": {name} takes {many(count, 'number')}, got {len(given)}"
    wrong = next(text for text in given if _number(text) is None)
    return f": {cut(wrong)!r} is not a number"
