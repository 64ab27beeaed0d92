"""From a line of text to a code: `rs:255,223+interleave:5+hamming:7,4`.

A spec is a chain of stages joined by `+`, the first next to the data. A stage is

    name[:argument,...[,option=value,...]][@implementation]     or     file.py:Class[:argument,...]

Names come from the table below and from the entry point group `netchat.codes` of installed
packages, where an implementation of its own is called `name@implementation`.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from importlib.metadata import entry_points

from netchat.coding.code import Code
from netchat.plugins import FILE, from_file

__all__ = ["EXAMPLES", "get", "names", "specs"]

#: The group under which other packages register their codes.
GROUP = "netchat.codes"

_BUILT_IN = {
    "uncoded": "netchat.coding.uncoded:Uncoded",
    "repetition": "netchat.coding.repetition:Repetition",
    "hamming": "netchat.coding.hamming:Hamming",
    "secded": "netchat.coding.secded:Secded",
    "rs": "netchat.coding.reed_solomon:ReedSolomon",
    "rs@reedsolo": "netchat.coding.rs_reference:ReferenceReedSolomon",
    "crc": "netchat.coding.crc:Crc",
}

#: One or more specs of every code that comes with netchat: what is listed, and what is tested.
EXAMPLES = (
    "uncoded:64",
    "repetition:3",
    "repetition:4",
    "repetition:5",
    "hamming:7,4",
    "hamming:15,11",
    "hamming:31,26",
    "hamming:8,4",
    "secded:72,64",
    "crc:8",
    "crc:16",
    "crc:32",
    "rs:255,223",
    "rs:255,239",
    "rs:32,16,fcr=1",
    "rs:255,223@reedsolo",
    "interleave:8",
    "rs:255,223+interleave:5",
    "rs:255,223+interleave:5+hamming:7,4",
)

_STAGE = re.compile(
    r"(?P<name>[a-z][\w.-]*)(?::(?P<arguments>[^@]*))?(?:@(?P<implementation>[\w.-]+))?"
)


def get(spec: str | Code) -> Code:
    """The code that a spec describes.

    Args:
        spec: for example `hamming:7,4`, `rs:255,223,fcr=1@reedsolo`, `my_code.py:MyCode`; a code
            is returned as it is.

    Raises:
        ValueError: if there is no such code; the message says what there is.

    >>> code = get("rs:255,223+interleave:5+hamming:7,4")
    >>> code.n, code.k, code.corrects
    (17850, 8920, 33)
    """
    if isinstance(spec, Code):
        return spec
    code: Code | None = None
    for stage in spec.split("+"):
        code = _stage(stage.strip(), code)
    assert code is not None
    code.spec = spec.strip()
    return code


def names() -> list[str]:
    """Every name that a stage can have, those of other packages included."""
    return sorted({*_BUILT_IN, "interleave", *(point.name for point in entry_points(group=GROUP))})


def specs() -> list[str]:
    """A spec or more of every code there is; a code of another package stands with its defaults."""
    others = (point.name for point in entry_points(group=GROUP) if point.name not in _BUILT_IN)
    return [*EXAMPLES, *sorted(others)]


def _stage(stage: str, outer: Code | None) -> Code:
    match = FILE.fullmatch(stage) or _STAGE.fullmatch(stage)
    if match is None:
        raise ValueError(
            f"{stage!r} is not a code; one looks like hamming:7,4 or rs:255,223+interleave:5 "
            "or my_code.py:MyCode."
        )
    arguments, options = _arguments(stage, match["arguments"])
    if match["name"] == "interleave":
        return _interleaved(stage, outer, arguments, options)
    try:
        code = _factory(match)(*arguments, **options)
    except TypeError as error:
        raise ValueError(f"{stage}: {error}") from error
    if not isinstance(code, Code):
        raise ValueError(f"{stage} is a {type(code).__name__}, not a netchat.coding.Code.")
    code.spec = stage
    if outer is None:
        return code
    from netchat.coding.concatenate import Concatenated

    return Concatenated(outer, code)


def _interleaved(
    stage: str, outer: Code | None, arguments: list[int | str], options: dict[str, int | str]
) -> Code:
    from netchat.coding.interleave import Interleaved
    from netchat.coding.uncoded import Uncoded

    depth = arguments[0] if len(arguments) == 1 and not options else None
    if not isinstance(depth, int) or depth < 1:
        raise ValueError(f"{stage}: an interleaver has a depth, as in interleave:5.")
    # Without a code before it, it moves the bits of a square.
    return Interleaved(outer or Uncoded(depth), depth)


def _arguments(stage: str, text: str | None) -> tuple[list[int | str], dict[str, int | str]]:
    arguments: list[int | str] = []
    options: dict[str, int | str] = {}
    for item in (text or "").split(",") if text else []:
        key, equals, value = item.strip().partition("=")
        if equals:
            options[key.strip()] = _value(value.strip())
        elif options or not key:
            raise ValueError(f"{stage}: arguments come first, options after them, none is empty.")
        else:
            arguments.append(_value(key))
    return arguments, options


def _value(text: str) -> int | str:
    try:
        return int(text, 0)
    except ValueError:
        return text


def _factory(match: re.Match[str]) -> Callable[..., Code]:
    groups = match.groupdict()
    if groups.get("file"):
        return from_file(groups["file"], groups["name"])
    name = groups["name"]
    if groups["implementation"]:
        name += f"@{groups['implementation']}"
    if name in _BUILT_IN:
        module, _, attribute = _BUILT_IN[name].partition(":")
        factory: Callable[..., Code] = getattr(importlib.import_module(module), attribute)
        return factory
    for point in entry_points(group=GROUP, name=name):
        loaded: Callable[..., Code] = point.load()
        return loaded
    raise ValueError(f"There is no code {name!r}; there are {', '.join(names())}.")
