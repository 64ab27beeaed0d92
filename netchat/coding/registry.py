"""From a line of text to a code: `rs:255,223+interleave:5+hamming:7,4`.

A spec is a chain of stages joined by `+`, the first next to the data. A stage is

    name[:argument,...[,option=value,...]][@implementation]     or     file.py:Class[:argument,...]

Names come from the table below and from the entry point group `netchat.codes` of installed
packages, where an implementation of its own is called `name@implementation`.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable
from difflib import get_close_matches
from importlib.metadata import entry_points
from typing import Any

from netchat.coding.code import Code
from netchat.plugins import FILE, described, from_file
from netchat.wording import cut

__all__ = ["EXAMPLES", "get", "names", "specs"]

#: The group under which other packages register their codes.
GROUP = "netchat.codes"

#: Stages that a chain may have, and the largest number in a spec.
_MOST_STAGES, _LARGEST = 16, 2**31 - 1

_BUILT_IN = {
    "uncoded": "netchat.coding.block.uncoded:Uncoded",
    "repetition": "netchat.coding.block.repetition:Repetition",
    "hamming": "netchat.coding.block.hamming:Hamming",
    "secded": "netchat.coding.block.secded:SECDED",
    "rs": "netchat.coding.reed_solomon.code:ReedSolomon",
    "rs@reedsolo": "netchat.coding.reed_solomon.reference:ReferenceReedSolomon",
    "crc": "netchat.coding.block.crc:CRC",
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
    stages = spec.split("+")
    if len(stages) > _MOST_STAGES:
        raise ValueError(
            f"A code is a chain of at most {_MOST_STAGES} stages, and {cut(spec)!r} has {len(stages)}."
        )
    for stage in stages:
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
            f"{cut(stage)!r} is not a code; one looks like hamming:7,4 or rs:255,223+interleave:5 "
            "or my_code.py:MyCode."
        )
    label = cut(stage)
    arguments, options = _arguments(label, match["arguments"])
    if match["name"] == "interleave":
        return _interleaved(label, outer, arguments, options)
    factory = _factory(match)
    arguments, options = _bound(label, factory, arguments, options)
    try:
        code = factory(*arguments, **options)
    except Exception as error:  # of a class that somebody is writing, any
        text = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
        raise ValueError(f"{label}: {text}") from error
    if not isinstance(code, Code):
        raise ValueError(f"{label} is a {type(code).__name__}, not a netchat.coding.Code.")
    code.spec = stage
    if outer is None:
        return code
    from netchat.coding.concatenate import Concatenated

    return Concatenated(outer, code)


def _interleaved(
    stage: str, outer: Code | None, arguments: list[int | str], options: dict[str, int | str]
) -> Code:
    from netchat.coding.block.uncoded import Uncoded
    from netchat.coding.interleave import Interleaved

    depth = arguments[0] if len(arguments) == 1 and not options else None
    if not isinstance(depth, int) or not 1 <= depth <= _LARGEST:
        raise ValueError(f"{stage}: an interleaver has a depth, as in interleave:5.")
    try:
        # Without a code before it, it moves the bits of a square.
        return Interleaved(outer or Uncoded(depth), depth)
    except ValueError as error:
        raise ValueError(f"{stage}: {error}") from error


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


def _bound(
    stage: str, factory: Callable[..., Code], arguments: list[Any], options: dict[str, Any]
) -> tuple[list[Any], dict[str, Any]]:
    """Check arguments against what a code declares; return those of floats as such.

    Raises:
        ValueError: One is missing, too much or of another type.
    """
    try:
        signature = inspect.signature(factory)
    except (TypeError, ValueError):
        raise ValueError(f"{stage}: it is a {type(factory).__name__}, not a class.") from None
    kinds = {name: str(param.annotation) for name, param in signature.parameters.items()}
    try:
        bound = signature.bind(*arguments, **options)
    except TypeError as error:
        names = list(kinds)
        unknown = next(
            (f"there is no option {cut(key)}" for key in options if key not in names), None
        )
        twice = next(
            (f"{name} is given twice" for name in names[: len(arguments)] if name in options), None
        )
        many = "too many arguments" if len(arguments) > len(names) else None
        problem = unknown or many or twice or error
        raise ValueError(f"{stage}: {problem}; it takes {', '.join(names) or 'nothing'}.") from None
    for name, value in bound.arguments.items():
        words = set(re.findall(r"\w+", kinds[name]))
        if isinstance(value, int):
            if abs(value) > _LARGEST:
                raise ValueError(f"{stage}: {name} must be at most {_LARGEST}.")
        elif isinstance(value, str) and "str" not in words:
            if "float" in words:
                bound.arguments[name] = _as_float(stage, name, value)
            elif "int" in words:
                raise ValueError(f"{stage}: {name} must be an integer, not {cut(value)!r}.")
    return list(bound.args), bound.kwargs


def _as_float(stage: str, name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{stage}: {name} must be a number, not {cut(text)!r}.") from None


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
        try:
            loaded: Callable[..., Code] = point.load()
        except Exception as error:  # whatever another package raises
            raise ValueError(
                f"The code {name!r} of another package cannot be loaded: {described(error)}"
            ) from error
        return loaded
    near = get_close_matches(name, names(), n=1)
    raise ValueError(
        f"There is no code {cut(name)!r}; {f'did you mean {near[0]}? There' if near else 'there'} are "
        f"{', '.join(names())}."
    )
