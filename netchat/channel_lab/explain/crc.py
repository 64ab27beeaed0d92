"""Cyclic redundancy checks as long division, for CRC codes and for the frame's checksum."""

from __future__ import annotations

from typing import Any

from netchat.channel_lab.explain.block_view import BlockView
from netchat.coding import CRC
from netchat.wire.frame import CRC_OFFSET

__all__ = ["crc_parameters", "divide", "explain_crc", "explain_frame_crc"]

#: Digits of a remainder that are shown.
_DIGITS = 48
#: Steps of a division that are shown.
_SHOWN = 64


def divide(bits: list[int], width: int, polynomial: int) -> tuple[list[dict[str, Any]], int]:
    """Divide a polynomial by a generator, one step per subtraction.

    Args:
        bits: Dividend, the highest coefficient first, with `width` more digits than the message.
        width: Degree of the generator.
        polynomial: Generator without its highest power.

    Returns:
        The steps, and the remainder.

    >>> divide([1, 1, 0, 1, 0, 0, 0], 3, 0b011)  # x^6 + x^5 + x^3 by x^3 + x + 1
    ([{'shift': 0, 'xor': '1011', 'remainder': '110000'}, {'shift': 1, 'xor': '1011', 'remainder': '11100'}, \
{'shift': 2, 'xor': '1011', 'remainder': '1010'}, {'shift': 3, 'xor': '1011', 'remainder': '001'}], 1)
    """
    left, generator = list(bits), [1] + [polynomial >> j & 1 for j in range(width)[::-1]]
    text = "".join(map(str, generator))
    steps = []
    for at in range(len(left) - width):
        if left[at]:
            for j, bit in enumerate(generator):
                left[at + j] ^= bit
            rest = "".join(map(str, left[at + 1 : at + 1 + _DIGITS]))
            rest += "…" if len(left) - at - 1 > _DIGITS else ""
            steps.append({"shift": at, "xor": text, "remainder": rest})
    remainder = int("".join(map(str, left[len(left) - width :])), 2)
    return steps, remainder


def crc_parameters(code: CRC) -> tuple[int, int, bool]:
    """Return the width, the polynomial without its highest power, and whether bytes are reflected."""
    return code.width, code.polynomial, code.reflected


def _dividend(message: list[int], width: int, *, reflected: bool) -> list[int]:
    """Return what is divided: the message and zeros.

    A reflected CRC takes each byte least significant bit first, and inverts the first bits.
    """
    if reflected:
        message = [bit for at in range(0, len(message), 8) for bit in message[at : at + 8][::-1]]
    padded = message + [0] * width
    if reflected:  # an initial value of ones inverts the first bits
        padded = [bit ^ (at < width) for at, bit in enumerate(padded)]
    return padded


def _from_register(remainder: int, width: int, *, reflected: bool) -> list[int]:
    """Return the bits of the CRC as they are sent."""
    bits = [remainder >> j & 1 for j in range(width)[::-1]]
    if reflected:  # inverted; the number is reflected and sent most significant bit first
        bits = [bit ^ 1 for bit in bits][::-1]
    return bits


def _explained(
    message: list[int], received: list[int], width: int, polynomial: int, *, reflected: bool
) -> dict[str, Any]:
    steps, remainder = divide(_dividend(message, width, reflected=reflected), width, polynomial)
    computed = _from_register(remainder, width, reflected=reflected)
    is_equal = computed == received
    lines = [
        f"The message, followed by {width} zeros, is divided by a polynomial of degree {width}: "
        f"{many_steps(len(steps))}.",
        *(
            ["Each byte enters least significant bit first, the first "
             f"{width} bits are inverted, and so is the remainder."] if reflected else []
        ),
        f"The remainder is {_hex(computed)}; the received check is {_hex(received)}: "
        f"{'they agree' if is_equal else 'they differ: the message or its check is damaged'}.",
    ]  # fmt: skip
    return {
        "width": width,
        "polynomial": (1 << width) | polynomial,
        "reflected": reflected,
        "division": steps[:_SHOWN],
        "omitted": max(0, len(steps) - _SHOWN),
        "remainder": _hex(computed),
        "received_check": _hex(received),
        "agrees": is_equal,
        "steps": lines,
        "long": [f"{' ' * step['shift']}{step['xor']}" for step in steps[:_SHOWN]],
    }


def many_steps(count: int) -> str:
    """Return the number of subtractions in words."""
    return f"{count} subtraction{'s' * (count != 1)} without carries"


def _hex(bits: list[int]) -> str:
    return f"0x{int(''.join(map(str, bits)), 2):0{len(bits) // 4}x}"


def explain_crc(view: BlockView) -> dict[str, Any]:
    """Explain a block of a CRC code."""
    code = view.code
    assert isinstance(code, CRC)
    width, polynomial, reflected = crc_parameters(code)
    bits = view.hard.tolist()
    found = _explained(bits[: code.k], bits[code.k :], width, polynomial, reflected=reflected)
    if view.erased.any():
        found["steps"].insert(
            0, "A CRC only detects errors: a block with erased bits is a failure."
        )
    return {**found, "steps": [*found["steps"], view.verdict()]}


def explain_frame_crc(frame: bytes) -> dict[str, Any]:
    """Explain the CRC-32 of a frame: that of its bytes, with the checksum's own set to zero."""
    check = frame[CRC_OFFSET : CRC_OFFSET + 4]
    zeroed = frame[:CRC_OFFSET] + bytes(4) + frame[CRC_OFFSET + 4 :]
    message, received = (
        [byte >> j & 1 for byte in data for j in range(8)[::-1]] for data in (zeroed, check)
    )
    return {
        "kind": "crc", "title": "CRC-32 of the frame",
        **_explained(message, received, 32, 0x04C11DB7, reflected=True),
    }  # fmt: skip
