"""Arguments of the wrong type or value: the error names the argument and what it must be."""

from __future__ import annotations

import inspect
import re

import numpy as np
import pytest

import netchat.channels
import netchat.coding
from netchat.channels import (
    AWGN,
    BEC,
    BSC,
    Channel,
    ChannelStream,
    ErrorChannel,
    GilbertElliott,
    Impairments,
    ModulatedAWGN,
    ModulatedChannel,
    Rayleigh,
)
from netchat.coding import (
    BCH,
    CIRC,
    CRC,
    LDPC,
    SECDED,
    BinaryReedSolomon,
    BitSlicedCode,
    CCSDSReedSolomon,
    Code,
    Concatenated,
    Convolutional,
    Golay,
    Hamming,
    Interleaved,
    OrderedStatistics,
    Polar,
    Product,
    ReedMuller,
    ReedSolomon,
    Repetition,
    Shortened,
    Turbo,
    Uncoded,
)

#: Classes with arguments that they accept.
VALID = {
    AWGN: {"ebn0_db": 4.0, "rate": 0.5},
    BEC: {"p": 0.1},
    BCH: {"n": 127, "k": 106, "t": 3, "prim": 0x89},
    BSC: {"p": 0.1},
    BinaryReedSolomon: {"n": 31, "k": 19, "m": 5, "fcr": 1, "prim": 0x25},
    CCSDSReedSolomon: {"k": 239, "omitted": 3},
    CIRC: {"frames": 128},
    CRC: {"width": 16, "k": 64},
    GilbertElliott: {"p_gb": 0.1, "p_bg": 0.1, "e_good": 0.0, "e_bad": 0.5},
    Golay: {"n": 23, "k": 12},
    Hamming: {"n": 7, "k": 4},
    Impairments: {"loss": 0.1, "duplicate": 0.1, "reorder": 0.1, "delay": 0.1, "burst": 2.0},
    Interleaved: {"outer": "hamming:7,4", "depth": 2},
    ModulatedAWGN: {"ebn0_db": 4.0, "rate": 0.5},
    OrderedStatistics: {"code": Hamming(7, 4), "order": 1},
    Product: {"rows": "hamming:7,4", "columns": "hamming:15,11", "iterations": 3},
    Rayleigh: {"ebn0_db": 4.0, "block": 2, "rate": 0.5},
    ReedMuller: {"r": 1, "m": 5},
    ReedSolomon: {"n": 255, "k": 223, "fcr": 1, "prim": 0x11D, "generator": 2},
    Repetition: {"n": 3},
    SECDED: {"n": 72, "k": 64},
    Shortened: {"full": Hamming(7, 4), "k": 2},
    Turbo: {"k": 104, "n": 400, "version": 1, "iterations": 3, "scale": 0.5},
    Uncoded: {"k": 8},
}
NUMBERS = [
    (cls, name, value)
    for cls, arguments in VALID.items()
    for name, value in arguments.items()
    if isinstance(value, (int, float))
]


@pytest.mark.parametrize(("cls", "name", "value"), NUMBERS)
def test_the_type_of_a_number_is_checked(cls: type, name: str, value: float) -> None:
    kind = "an integer" if isinstance(value, int) else "a number"
    for wrong in ("3", [3], *([7.5] if isinstance(value, int) else [])):
        text = f"Argument '{name}' must be {kind}, got {wrong!r}."
        with pytest.raises(TypeError, match=re.escape(text)):
            cls(**{**VALID[cls], name: wrong})


@pytest.mark.parametrize(("cls", "name", "value"), NUMBERS)
def test_the_value_of_a_number_is_checked(cls: type, name: str, value: float) -> None:
    if name == "fcr":
        return  # an exponent: every integer is valid
    with pytest.raises(ValueError, match=rf"Argument '({name}|n)' must .*, got -?\d") as caught:
        cls(**{**VALID[cls], name: -200})
    assert str(caught.value).endswith((".", "s."))


@pytest.mark.parametrize(("cls", "name", "value"), NUMBERS)
def test_numpy_numbers_are_numbers(cls: type, name: str, value: float) -> None:
    typed = np.int64(value) if isinstance(value, int) else np.float64(value)
    made, expected = cls(**{**VALID[cls], name: typed}), cls(**VALID[cls])
    assert getattr(made, "spec", str(made)) == getattr(expected, "spec", str(expected))


def test_codes_and_channels_are_specifications_or_objects() -> None:
    with pytest.raises(
        TypeError, match=r"Argument 'spec' must be a specification or a Code, got 5\."
    ):
        Concatenated("hamming:7,4", 5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"Argument 'spec' must be .* or a Channel, got None\."):
        ChannelStream(None)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"Argument 'tail' must be a code over bits, got rs:"):
        Interleaved("hamming:7,4", 2, ReedSolomon(255, 223))


def _public_classes() -> dict[str, type]:
    packages = (netchat.coding, netchat.channels)
    found = {name: getattr(package, name) for package in packages for name in package.__all__}
    return {name: value for name, value in found.items() if inspect.isclass(value)}


def test_every_code_and_channel_is_tested_here() -> None:
    families = {cls for cls in _public_classes().values() if issubclass(cls, (Code, Channel))}
    interfaces = {Code, BitSlicedCode, Channel, ErrorChannel, ModulatedChannel}
    assert families - interfaces - set(VALID) == {
        LDPC,
        Concatenated,
        Convolutional,
        Polar,
    }  # no keyword is enough


def test_every_class_has_an_example() -> None:
    """`tests/docs/test_doctests.py` runs the examples, and those of docs/CODES.md show the interfaces."""
    plain = {name for name, cls in _public_classes().items() if ">>>" not in (cls.__doc__ or "")}
    interfaces = {"BitSlicedCode", "Channel", "Code", "ErrorChannel", "ModulatedChannel"}
    results = {
        "ImpairmentCounts",
        "Decoded",
        "DecodedBitSlices",
        "DecodedBytes",
        "MarkovChain",
        "Received",
    }
    assert plain == interfaces | results | {"LawResult"}
