"""Parser of code specifications such as `rs:255,223+interleave:5+hamming:7,4`.

A specification is a chain of stages joined by `+`; the first stage is next to the data. A stage is

    name[:argument,...[,option=value,...]][@implementation]     or     file.py:Class[:argument,...]

The suffix `@hard` makes the decoder of a stage ignore log-likelihood ratios. Names are those of the
built-in codes and of the entry point group `netchat.codes` of installed packages. The entry point of
an alternative implementation is called `name@implementation`.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any

from netchat.coding.code import Code
from netchat.plugins import FILE, described, from_file
from netchat.wording import cut

__all__ = ["EXAMPLES", "get", "names", "specs"]

#: Entry point group under which other packages register codes.
GROUP = "netchat.codes"

#: Largest number of stages in a chain.
_MAX_STAGES = 16
#: Largest number in a specification.
_LARGEST = 2**31 - 1

_BUILT_IN = {
    "uncoded": "netchat.coding.block.uncoded:Uncoded",
    "repetition": "netchat.coding.block.repetition:Repetition",
    "hamming": "netchat.coding.block.hamming:Hamming",
    "secded": "netchat.coding.block.secded:SECDED",
    "bch": "netchat.coding.block.bch:BCH",
    "golay": "netchat.coding.block.golay:Golay",
    "rm": "netchat.coding.block.reed_muller:ReedMuller",
    "rs": "netchat.coding.reed_solomon.presets:create",
    "circ": "netchat.coding.reed_solomon.circ:CIRC",
    "rs@reedsolo": "netchat.coding.reed_solomon.reference:ReferenceReedSolomon",
    "crc": "netchat.coding.block.crc:CRC",
    "ldpc": "netchat.coding.ldpc.code:LDPC",
    "polar": "netchat.coding.polar.code:Polar",
    "turbo": "netchat.coding.turbo.code:Turbo",
    "conv": "netchat.coding.convolutional.code:Convolutional",
    "interleave": "netchat.coding.interleave:Interleaved",
    "product": "netchat.coding.product:Product",
}
_CONCATENATED = "netchat.coding.concatenate:Concatenated"
_ORDERED = "netchat.coding.block.ordered_statistics:OrderedStatistics"

#: Specifications of every built-in code, for lists and tests.
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
    "bch:63,45",
    "bch:127,106",
    "golay:23",
    "golay:24",
    "rm:1,5",
    "rm:2,5",
    "bch:63,45@osd2",
    "hamming:7,4+product",
    "crc:8",
    "crc:16",
    "crc:32",
    "rs:255,223",
    "rs:255,239",
    "rs:32,16,fcr=1",
    "rs:255,223@reedsolo",
    "rs:31,19,m=5",
    "rs:ccsds",
    "rs:dvb",
    "circ:128",
    "conv:5,7,k=16",
    "conv:voyager",
    "conv:wifi,rate=3/4,k=500",
    "conv:gsm",
    "conv:lte",
    "ldpc:wifi,648,1/2",
    "ldpc:nr,256,512",
    "ldpc:ccsds,128",
    "ldpc:wimax,576",
    "ldpc:ar4ja,8192",
    "polar:128,64",
    "polar:1024,512,crc=11",
    "polar:uci,256,64",
    "polar:dci,216,40",
    "polar:pbch",
    "turbo:40",
    "turbo:1000,2000,crc=24b",
    "interleave:8",
    "rs:255,223+interleave:5",
    "rs:255,223+interleave:5+hamming:7,4",
)

#: Suffix of a stage whose decoder gets hard decisions only.
_HARD = "@hard"

#: Suffix of a stage that is decoded by ordered statistics, with the order.
_OSD = re.compile(r"(?P<stage>.*)@osd(?P<order>\d+)?")

_STAGE = re.compile(
    r"(?P<name>[a-z][\w.-]*)(?::(?P<arguments>[^@]*))?(?:@(?P<implementation>[\w.-]+))?"
)


def get(spec: str | Code) -> Code:
    """Create the code that a specification describes.

    Args:
        spec: Specification such as `hamming:7,4`, `rs:255,223,fcr=1@reedsolo` or
            `my_code.py:MyCode`. A code is returned unchanged.

    Raises:
        TypeError: It is neither a text nor a code.
        ValueError: The specification is invalid.

    >>> code = get("rs:255,223+interleave:5+hamming:7,4")
    >>> code.n, code.k, code.corrects
    (17850, 8920, 33)
    """
    if isinstance(spec, Code):
        return spec
    if not isinstance(spec, str):
        raise TypeError(f"Argument 'spec' must be a specification or a Code, got {spec!r}.")
    code: Code | None = None
    stages = spec.split("+")
    if len(stages) > _MAX_STAGES:
        raise ValueError(
            f"A code must have at most {_MAX_STAGES} stages; {cut(spec)!r} has {len(stages)}."
        )
    for stage in stages:
        code = _stage(stage.strip(), code)
    assert code is not None
    code.spec = spec.strip()
    return code


def names() -> list[str]:
    """Return all names of stages, including those registered by other packages."""
    return sorted({*_BUILT_IN, *(point.name for point in entry_points(group=GROUP))})


def specs() -> list[str]:
    """Return specifications of all codes; those of other packages with default arguments."""
    others = (point.name for point in entry_points(group=GROUP) if point.name not in _BUILT_IN)
    return [*EXAMPLES, *sorted(others)]


def _stage(stage: str, outer: Code | None) -> Code:
    if stage.endswith(_HARD):
        code = _stage(stage.removesuffix(_HARD), None).with_hard_decisions()
        return code if outer is None else _load(_CONCATENATED)(outer, code)
    ordered = _OSD.fullmatch(stage)
    if ordered is not None:
        inner = _stage(ordered["stage"], None)
        try:
            code = _load(_ORDERED)(inner, int(ordered["order"] or 2))
        except ValueError as error:
            raise ValueError(f"{cut(stage)}: {error}") from error
        return code if outer is None else _load(_CONCATENATED)(outer, code)
    match = FILE.fullmatch(stage) or _STAGE.fullmatch(stage)
    if match is None:
        raise ValueError(
            f"{cut(stage)!r} is not a code; use a specification such as hamming:7,4, "
            "rs:255,223+interleave:5 or my_code.py:MyCode."
        )
    label = cut(stage)
    arguments, options = _arguments(label, match["arguments"])
    if match["name"] == "interleave":
        return _interleaved(label, outer, arguments, options)
    if match["name"] == "product":
        return _product(label, outer, match["arguments"])
    factory = _factory(match)
    arguments, options = _bound(label, factory, arguments, options)
    try:
        code = factory(*arguments, **options)
    except Exception as error:  # a class under development may raise anything
        text = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
        raise ValueError(f"{label}: {text}") from error
    if not isinstance(code, Code):
        raise ValueError(f"{label} must be a netchat.coding.Code, got {type(code).__name__}.")
    code.spec = stage
    if outer is None:
        return code
    return _load(_CONCATENATED)(outer, code)


def _load(location: str) -> Callable[..., Code]:
    """Import a class, given as `module:Class`."""
    module, _, attribute = location.partition(":")
    factory: Callable[..., Code] = getattr(importlib.import_module(module), attribute)
    return factory


def _brief(number: int) -> str:
    # Python does not convert integers of more than 4300 digits to decimal.
    return cut(str(number) if number.bit_length() < 4096 else hex(number))


def _interleaved(
    stage: str, outer: Code | None, arguments: list[int | str], options: dict[str, int | str]
) -> Code:
    depth = arguments[0] if len(arguments) == 1 and not options else None
    if not isinstance(depth, int):
        raise ValueError(f"{stage}: interleave takes one argument, its depth, as in interleave:5.")
    if not 1 <= depth <= _LARGEST:
        raise ValueError(f"{stage}: depth must be from 1 to {_LARGEST}, got {_brief(depth)}.")
    try:
        # Without an outer code, interleave the bits of a square.
        return _load(_BUILT_IN["interleave"])(outer or f"uncoded:{depth}", depth)
    except ValueError as error:
        raise ValueError(f"{stage}: {error}") from error


def _product(stage: str, rows: Code | None, columns: str | None) -> Code:
    if rows is None:
        raise ValueError(
            f"{stage}: product follows the code of the rows, as in hamming:15,11+product or "
            "hamming:15,11+product:hamming:7,4."
        )
    try:
        return _load(_BUILT_IN["product"])(rows, columns and _stage(columns, None))
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
            raise ValueError(f"{stage}: arguments must not be empty, and must precede the options.")
        else:
            arguments.append(_value(key))
    return arguments, options


def _bound(
    stage: str, factory: Callable[..., Code], arguments: list[Any], options: dict[str, Any]
) -> tuple[list[Any], dict[str, Any]]:
    """Check arguments against the signature of a code, and convert those declared as float.

    Raises:
        ValueError: An argument is missing, unknown or of the wrong type.
    """
    try:
        signature = inspect.signature(factory)
    except (TypeError, ValueError):
        raise ValueError(f"{stage}: must be a class, got {type(factory).__name__}.") from None
    kinds = {name: str(param.annotation) for name, param in signature.parameters.items()}
    try:
        bound = signature.bind(*arguments, **options)
    except TypeError as error:
        names = list(kinds)
        unknown = next((f"unknown option {cut(key)}" for key in options if key not in names), None)
        twice = next(
            (f"{name} is given twice" for name in names[: len(arguments)] if name in options), None
        )
        many = "too many arguments" if len(arguments) > len(names) else None
        problem = unknown or many or twice or error
        raise ValueError(f"{stage}: {problem}; it takes {', '.join(names) or 'nothing'}.") from None
    for name, value in bound.arguments.items():
        words = set(re.findall(r"\w+", kinds[name]))
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, int) and abs(each) > _LARGEST:
                raise ValueError(
                    f"{stage}: {name} must be from {-_LARGEST} to {_LARGEST}, got {_brief(each)}."
                )
        if isinstance(value, str) and "str" not in words:
            if "float" in words:
                bound.arguments[name] = _as_float(stage, name, value)
            elif "int" in words:
                raise ValueError(f"{stage}: {name} must be an integer, got {cut(value)!r}.")
    return list(bound.args), bound.kwargs


def _as_float(stage: str, name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{stage}: {name} must be a number, got {cut(text)!r}.") from None


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
        return _load(_BUILT_IN[name])
    for point in entry_points(group=GROUP, name=name):
        try:
            loaded: Callable[..., Code] = point.load()
        except Exception as error:  # another package may raise anything
            raise ValueError(
                f"The code {name!r} of another package cannot be imported: {described(error)}"
            ) from error
        return loaded
    from difflib import get_close_matches

    near = get_close_matches(name, names(), n=1)
    raise ValueError(
        f"Unknown code {cut(name)!r}{f' (did you mean {near[0]}?)' if near else ''}; available: "
        f"{', '.join(names())}."
    )
