"""Self-checks of lesson 6: detecting errors."""

import random
import re
from typing import Any, NamedTuple

import numpy as np
from scapy.utils import checksum

from netchat.course import Variant, exercise, need, whole_number


class Table(NamedTuple):
    """Bits in rows and columns with parities, and a position that must be among the errors."""

    bits: list[list[int]]
    place: tuple[int, int]


def table_of(variant: Variant) -> Table:
    """Return five rows of six bits, with a parity bit for every row and column."""
    rng = variant.random("table")
    data = [[rng.randrange(2) for _ in range(6)] for _ in range(5)]
    rows = [[*row, sum(row) % 2] for row in data]
    bits = [*rows, [sum(column) % 2 for column in zip(*rows, strict=True)]]
    return Table(bits, (rng.randrange(5), rng.randrange(6)))


@exercise("6.1", "What parity in two directions misses", given=table_of)
def missed_by_two_parities(table: Table, places: Any) -> None:
    height, width = len(table.bits), len(table.bits[0])
    need(isinstance(places, (list, tuple, set)), "places must be a list of pairs (row, column).")
    pairs = [
        (whole_number(row, "a row"), whole_number(column, "a column")) for row, column in places
    ]
    need(len(set(pairs)) == len(pairs), "A bit that is flipped twice is unchanged.")
    for row, column in pairs:
        need(
            0 <= row < height and 0 <= column < width,
            f"There is no bit at row {row}, column {column}; both are counted from 0.",
        )
    need(table.place in pairs, f"The bit at {table.place} is not among those that you flip.")
    rows = [sum(1 for row, _ in pairs if row == n) for n in range(height)]
    columns = [sum(1 for _, column in pairs if column == n) for n in range(width)]
    odd = [f"row {n}" for n, count in enumerate(rows) if count % 2]
    odd += [f"column {n}" for n, count in enumerate(columns) if count % 2]
    need(
        not odd,
        f"This is detected: the parity of {odd[0] if odd else ''} is wrong.",
        "A row detects an odd number of errors in it, and so does a column.",
    )
    need(
        len(pairs) <= 4,
        f"This is not detected, but it takes {len(pairs)} errors; fewer are enough.",
        "Which four bits leave two rows and two columns even?",
    )


@exercise("6.2", "The Internet checksum")
def internet_checksum(variant: Variant, function: Any) -> None:
    rng = variant.random("internet")
    cases = [
        b"",
        b"\x00\x01",
        b"\xff\xff",  # the sum ffff stays ffff: modulo 65535 it would be 0
        b"\xff\xff\x00\x01",
        b"\xff\xff\xff\xff\x00\x01",  # adding the carry produces another carry
        bytes.fromhex("45000052000100004006f6a1"),
        b"abc",
    ]
    cases += [rng.randbytes(rng.randrange(1, 200)) for _ in range(20)]
    for data in cases:
        right = checksum(data)  # Scapy's
        answer = whole_number(function(data), "a checksum")
        shown = (
            f"{data[:8].hex(' ') or 'no data'}{' …' if len(data) > 8 else ''} ({len(data)} bytes)"
        )
        need(
            0 <= answer <= 0xFFFF,
            f"For {shown} your checksum does not fit into 16 bits.",
            "Add the carry out of bit 15 at bit 0.",
        )
        need(
            answer != 0xFFFF - right,
            f"For {shown} you return the sum itself.",
            "At the end, flip all bits.",
        )
        swapped = int.from_bytes(right.to_bytes(2, "big"), "little")
        need(
            answer != swapped or answer == right,
            f"For {shown} the two bytes of your checksum are swapped.",
            "Words are big-endian.",
        )
        need(
            answer == right,
            f"For {shown} your checksum is {answer:#06x}, which is wrong.",
            "Append a zero byte to an odd number of bytes. And do you add every carry, including "
            "the one that adding a carry produces?",
        )


def order_of(variant: Variant) -> str:
    """Return a text with two amounts, each at an even offset."""
    rng = variant.random("order")
    one, two = variant.people("order", 2)
    amounts = rng.sample([n for n in range(1100, 9900) if "0" not in str(n)], 2)
    head = f"Pay {amounts[0]} to {one}"
    link = " and " if (len(head) + 5) % 2 == 0 else " and also "
    link = link if (len(head) + len(link)) % 2 == 0 else ", and "
    return f"{head}{link}{amounts[1]} to {two}."


@exercise("6.3", "What the Internet checksum misses", given=order_of)
def missed_by_the_checksum(text: str, forged: Any) -> None:
    need(isinstance(forged, str), "forged must be a str.")
    need(forged != text, "That is the original text.")
    need(
        len(forged) == len(text),
        f"Your text has {len(forged)} characters; it must have {len(text)}.",
    )
    need(
        re.sub(r"\d{4}", "0000", forged) == re.sub(r"\d{4}", "0000", text),
        "Only the two amounts may change, each to another number of four digits.",
    )
    need(
        checksum(forged.encode()) == checksum(text.encode()),
        "The checksum detects this change.",
        "The checksum adds words of two bytes. How can you change the terms of a sum without "
        "changing it? And which digits are in the same half of a word?",
    )


class Polynomial(NamedTuple):
    """A CRC: its width in bits, and its polynomial without the highest power."""

    width: int
    polynomial: int


def polynomial_of(variant: Variant) -> Polynomial:
    """Return one of several CRCs in use."""
    choices = [(8, 0x07), (8, 0x1D), (8, 0x31), (8, 0x9B), (16, 0x1021), (16, 0x8005), (16, 0x3D65)]
    return Polynomial(*variant.random("polynomial").choice(choices))


def remainder(data: bytes, given: Polynomial) -> int:
    """Return the remainder of a long division, with integers as bit patterns."""
    rest = int.from_bytes(data, "big") << given.width
    divisor = 1 << given.width | given.polynomial
    while rest.bit_length() > given.width:
        rest ^= divisor << rest.bit_length() - given.width - 1
    return rest


@exercise("6.4", "A CRC", given=polynomial_of)
def crc_by_hand(given: Polynomial, crc: Any) -> None:
    rng = random.Random(given.polynomial)
    cases = [b"\x00", b"\x01", b"\x80", b"123456789"]
    cases += [rng.randbytes(rng.randrange(1, 40)) for _ in range(10)]
    for data in cases:
        answer = whole_number(crc(data, given.width, given.polynomial), "a CRC")
        need(
            0 <= answer < 1 << given.width,
            f"For {data[:8].hex(' ')} your CRC has more than {given.width} bits.",
            "After each step, keep the lowest `width` bits.",
        )
        need(
            answer == remainder(data, given),
            f"For {data[:8].hex(' ')}{' …' if len(data) > 8 else ''} your CRC is {answer:#x}, "
            "which is not the remainder.",
            "Compute one byte on paper. The most significant bit comes first, and the register "
            "starts at 0.",
        )


class Blind(NamedTuple):
    """A CRC, and the size and first bit of a pattern that it must miss."""

    width: int
    polynomial: int
    size: int
    first: int


def blind_of(variant: Variant) -> Blind:
    """Return the CRC of exercise 6.4, with a size and a first bit."""
    width, polynomial = polynomial_of(variant)
    rng = variant.random("blind")
    size = rng.randrange(8, 13)
    return Blind(width, polynomial, size, rng.randrange(3, 8 * size - width - 4))


@exercise("6.5", "What a CRC misses", given=blind_of)
def missed_by_a_crc(given: Blind, pattern: Any) -> None:
    need(
        isinstance(pattern, (bytes, bytearray)),
        "pattern must be bytes in which the flipped bits are 1.",
    )
    need(
        len(pattern) == given.size,
        f"The pattern has {len(pattern)} bytes, but the frame has {given.size}.",
    )
    bits = "".join(f"{byte:08b}" for byte in pattern)
    need("1" in bits, "The pattern flips no bit.")
    need(
        bits.index("1") == given.first,
        f"The first bit that you flip is number {bits.index('1')}; it must be {given.first}.",
        "Bits are numbered from 0, the most significant bit of the first byte.",
    )
    # The pattern covers the data and its CRC: the received word is again a multiple of the generator.
    whole = Polynomial(given.width, given.polynomial)
    need(
        remainder(bytes(pattern), whole) == 0,
        "The CRC detects this pattern.",
        "An error is missed if it is a multiple of the generator: then the remainder of the "
        "received word does not change.",
    )
    burst = bits.rindex("1") - bits.index("1") + 1
    need(
        burst <= given.width + 1,
        f"This is missed, but it is a burst of {burst} bits; a shorter one is missed, too.",
        "What is the smallest nonzero multiple of the generator?",
    )


def words_of(variant: Variant) -> bytes:
    """Return a few bytes."""
    return variant.random("words").randbytes(12)


@exercise("6.6", "How many pairs are missed", given=words_of)
def pairs_missed(given: bytes, missed: Any) -> None:
    rng = random.Random(given)
    for data in (given, bytes(6), b"\xff\x00" * 4, rng.randbytes(8)):
        right = _count(data)
        answer = whole_number(missed(data), "the number of pairs")
        bits = 8 * len(data)
        need(
            0 <= answer <= bits * (bits - 1) // 2,
            f"{bits} bits have {bits * (bits - 1) // 2} pairs, but you return {answer}.",
        )
        need(
            answer == right,
            f"For {data[:6].hex(' ')}{' …' if len(data) > 6 else ''} you count {answer} pairs, "
            "but the checksum misses a different number.",
            "Try them all: flip two bits, and compute the checksum again. Then look for a rule.",
        )


def _count(data: bytes) -> int:
    """Count the pairs of a 0 and a 1 in the same column: flipping both keeps the sum."""
    ones = np.unpackbits(np.frombuffer(data, np.uint8)).reshape(-1, 16).sum(axis=0, dtype=int)
    return int((ones * (len(data) // 2 - ones)).sum())
