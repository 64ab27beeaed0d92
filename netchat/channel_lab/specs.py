"""Check of codes and channels that a visitor names, before anything is built.

A specification from the network may only name built-in codes and channels, with numbers of limited size. It
opens no file: `ldpc:FILE` and `my_code.py:Mine` are refused, unless the server's owner has listed the code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from netchat.channel_lab.limits import MAX_CELLS, MAX_SPEC
from netchat.plugins import FILE
from netchat.wording import cut

__all__ = ["check_channel", "check_code", "check_interleaver"]

#: Largest number of stages of a chain.
_MAX_STAGES = 3

#: Words that a stage accepts as arguments, by its name. Numbers are always accepted.
_CODES: dict[str, tuple[str, ...]] = {
    "uncoded": (),
    "repetition": (),
    "hamming": (),
    "secded": (),
    "bch": (),
    "golay": (),
    "rm": (),
    "crc": (),
    "rs": ("ccsds", "dvb"),
    "conv": ("voyager", "wifi", "gsm", "lte"),
    "ldpc": ("wifi", "nr", "wimax", "ccsds", "gallager"),
    "polar": ("uci", "dci", "pbch"),
    "turbo": (),
    "interleave": (),
    "product": (),
}

#: Largest numbers of a stage, if they are below the number of cells.
_LARGEST = {"repetition": 64, "rm": 9, "interleave": 64, "conv": 999, "golay": 24}

#: Options, and the form of their values.
_OPTIONS = {
    "t": r"\d{1,2}",
    "m": r"\d{1,2}",
    "k": r"\d{1,4}",
    "fcr": r"\d{1,4}",
    "prim": r"\d{1,5}|0x[0-9a-f]{1,4}",
    "generator": r"\d{1,3}|0x[0-9a-f]{1,2}",
    "end": "terminated|truncated|tailbiting",
    "puncture": r"[01]{1,16}(\.[01]{1,16}){1,5}",
    "rate": r"\d/\d",
    "iterations": r"[1-9]\d?",
    "algorithm": "[a-z-]{1,16}",
    "schedule": "layered|flooding",
    "scale": r"[01]|[01]?\.\d{1,6}",
    "offset": r"\d|\d?\.\d{1,6}",
    "crc": r"\d{1,2}[abc]?",
    "decoder": "sc|fast|(scl|adaptive)(2|4|8|16|32)",
    "construction": "nr|ga|bec",
    "design": r"-?\d{1,2}(\.\d{1,4})?",
}

_STAGE = re.compile(r"([a-z]+)(?::([^@+]*))?(@hard|@osd[012])?")
_NUMBER = re.compile(r"-?\d{1,4}|\d/\d")

#: Number of arguments of each channel, and the words that may follow.
_CHANNELS: dict[str, tuple[int, str]] = {
    "bsc": (1, ""),
    "bec": (1, ""),
    "awgn": (1, "bpsk|qpsk|qam16|qam64|maxlog"),
    "rayleigh": (1, r"bpsk|qpsk|qam16|qam64|maxlog|unknown|block=\d{1,4}"),
    "gilbert-elliott": (4, ""),
}
_REAL = r"[+-]?(?:\d{1,4}(?:\.\d{0,8})?|\.\d{1,8})(?:e-?\d{1,2})?"
_LEVEL = re.compile(rf"{_REAL}(?:dB)?")
_RANGE = re.compile(rf"{_REAL}(?:dB)?:{_REAL}(?:dB)?:x?{_REAL}(?:dB)?")


def check_code(spec: str, plugins: Mapping[str, str]) -> str:
    """Check the form of a code's specification.

    Args:
        spec: Specification of a visitor.
        plugins: Codes of the server's owner, by the name that visitors see.

    Returns:
        The specification without spaces, or the owner's own one.

    Raises:
        ValueError: The code is not allowed here.
    """
    if spec in plugins:
        return plugins[spec]
    text = _short(spec, "code")
    stages = text.split("+")
    if len(stages) > _MAX_STAGES:
        raise ValueError(f"a code must have at most {_MAX_STAGES} stages, got {len(stages)}")
    for stage in stages:
        if (file := FILE.fullmatch(stage)) is not None:
            raise ValueError(_no_plugin(text, f"{file['file']}:{file['name']}", plugins))
        match = _STAGE.fullmatch(stage)
        if match is None or match[1] not in _CODES:
            raise ValueError(
                f"the lab has no code {cut(stage)!r}; use one of {', '.join(_CODES)}, such as hamming:7,4"
            )
        if match[1] == "product" and match[2]:
            raise ValueError("product takes no code of the columns here: use hamming:7,4+product")
        for item in match[2].split(",") if match[2] else ():
            _check_argument(match[1], item)
    return text


def _no_plugin(spec: str, name: str, plugins: Mapping[str, str]) -> str:
    """Return the error for a code in a file; only its owner's server has it."""
    alike = [plugin for plugin in plugins if plugin == name or plugin.startswith(f"{name}:")]
    if alike:
        return f"a code of this server must be {' or '.join(alike)}, exactly, got {cut(spec)!r}"
    return (
        f"this server does not have the code {cut(spec)!r}: open the link on the server that shared it, or "
        f"ask this server's owner to start it with --code {cut(spec)}"
    )


def _check_argument(name: str, item: str) -> None:
    key, equals, value = item.partition("=")
    if equals:
        if key not in _OPTIONS or re.fullmatch(_OPTIONS[key], value) is None:
            raise ValueError(f"{name}: the option {cut(item)!r} is not allowed in the lab")
        return
    if item in _CODES[name]:
        return
    if _NUMBER.fullmatch(item) is None:
        words = f", or {', '.join(_CODES[name])}" if _CODES[name] else ""
        raise ValueError(
            f"{name}: arguments must be numbers of up to four digits{words}, got {cut(item)!r}"
        )
    most = _LARGEST.get(name, MAX_CELLS)
    if "/" not in item and abs(int(item)) > most:
        raise ValueError(f"{name}: numbers must be at most {most} in the lab, got {item}")


def check_interleaver(spec: str) -> int:
    """Return the depth of an interleaver such as `interleave:4`; 0 for an empty specification.

    Raises:
        ValueError: It is not an interleaver.
    """
    if not spec:
        return 0
    match = re.fullmatch(r"interleave:([1-9]\d?)", _short(spec, "interleaver"))
    if match is None or not 2 <= int(match[1]) <= _LARGEST["interleave"]:
        raise ValueError(
            f"an interleaver must be interleave:N with N from 2 to {_LARGEST['interleave']}, "
            f"got {cut(spec)!r}"
        )
    return int(match[1])


def check_channel(spec: str, *, has_range: bool = False) -> str:
    """Check the form of a channel's specification.

    Args:
        spec: Specification of a visitor.
        has_range: Whether a range such as `awgn:0:8:0.5` is allowed, and a name alone.

    Returns:
        The specification in lower case but for dB, without spaces.

    Raises:
        ValueError: The channel is not allowed here.
    """
    text = re.sub("(?<=[0-9.])db", "dB", _short(spec, "channel").lower())
    name, colon, rest = text.partition(":")
    if name not in _CHANNELS:
        raise ValueError(
            f"the lab has no channel {cut(spec)!r}; use one of {', '.join(_CHANNELS)}, such as bsc:0.01"
        )
    if has_range and not colon:
        return text
    count, words = _CHANNELS[name]
    items = rest.split(",")
    numbers, others = items[:count], items[count:]
    is_range = has_range and _RANGE.fullmatch(numbers[0]) is not None
    wrong = [
        item for at, item in enumerate(numbers)
        if not (at == 0 and is_range) and _LEVEL.fullmatch(item) is None
    ] + [item for item in others if re.fullmatch(words or "(?!)", item) is None]  # fmt: skip
    if wrong or len(numbers) != count or len(others) > 3:
        raise ValueError(
            f"the channel {cut(spec)!r} is not valid: {name} takes {count} "
            f"number{'s' * (count > 1)}{', then ' + words.replace('|', ', ') if words else ''}"
        )
    return text


def _short(spec: str, what: str) -> str:
    text = spec.replace(" ", "")
    if len(text) > MAX_SPEC or not text.isascii():
        raise ValueError(f"a {what} must be at most {MAX_SPEC} ASCII characters, got {cut(spec)!r}")
    return text
