"""Private checks of lesson 1, as an example. `netchat grade --checks experiments/instructor/checks`.

Each tests one property that the public check does not, so that a solution can earn a part of the
points. Write your own in a folder that the students do not have.
"""

import zlib
from typing import Any

from netchat.course import Variant, need, private_check, whole_number

TEXTS = ("é" * 255, "x" * 256, "👋" * 64, "", "\u0301a")


@private_check("1.1", "The number of characters", weight=0.5)
def characters_alone(text: str, characters: Any, size: Any, widest: Any) -> None:
    need(whole_number(characters, "characters") == len(text), "The number of characters is wrong.")


@private_check("1.1", "The number of bytes", weight=0.5)
def bytes_alone(text: str, characters: Any, size: Any, widest: Any) -> None:
    need(whole_number(size, "size") == len(text.encode()), "The number of bytes is wrong.")


@private_check("1.2", "Short ASCII texts")
def ascii_texts(variant: Variant, text_field: Any) -> None:
    for text in ("a", "lobby", variant.people("private", 1)[0]):
        need(
            text_field(text) == len(text).to_bytes(2, "big") + text.encode(),
            f"The field of {text!r} is wrong.",
        )


@private_check("1.2", "Texts at the limits of one byte and of two")
def long_texts(variant: Variant, text_field: Any) -> None:
    for text in (*TEXTS, "x" * 65_535):
        size = len(text.encode())
        need(
            text_field(text) == size.to_bytes(2, "big") + text.encode(),
            f"The field of a text of {size:,} bytes is wrong.",
            "Which lengths fit into two bytes?",
        )


@private_check("1.3", "The header's fields, whatever the CRC")
def header_fields(variant: Variant, my_frame: Any) -> None:
    frame = my_frame(7, "lobby", "Hi")
    need(isinstance(frame, bytes), f"my_frame must return bytes, got {type(frame).__name__}.")
    need(
        frame[:12] == b"NC\x01\x20" + bytes(4) + (8 + 7 + 4).to_bytes(4, "big"),
        "One of the first twelve bytes is wrong.",
    )


@private_check("1.3", "Other rooms, and an empty text")
def other_rooms(variant: Variant, my_frame: Any) -> None:
    for room, text in (("7K3F92MQ0T", "Hi"), ("lobby", ""), ("lobby", "👋" * 500)):
        frame = my_frame(2**40, room, text)
        need(
            isinstance(frame, bytes) and len(frame) >= 16,
            "The frame is shorter than a header.",
        )
        crc = int.from_bytes(frame[12:16], "big")
        need(
            zlib.crc32(frame[:12] + bytes(4) + frame[16:]) == crc,
            f"The CRC of a message to {room} is wrong.",
        )
        body = frame[16:]
        need(
            body[8:10] == len(room).to_bytes(2, "big") and body.endswith(text.encode()),
            f"The body of a message to {room} is wrong.",
        )


@private_check("1.4", "Source and port", weight=0.5)
def addresses_alone(packet: bytes, source: Any, port: Any, sequence: Any, text: Any) -> None:
    need(source == ".".join(map(str, packet[26:30])), "The source is wrong.")
    need(
        whole_number(port, "port") == int.from_bytes(packet[36:38], "big"),
        "The destination port is wrong.",
    )


@private_check("1.5", "One segment", weight=0.5)
def one_segment(variant: Variant, bytes_on_the_wire: Any) -> None:
    for size in (1, 2, 500, 1426, 1427):
        answer = whole_number(bytes_on_the_wire(size), "bytes_on_the_wire")
        need(answer == size + 33 + 54, f"For a text of {size} bytes, the answer is wrong.")


@private_check("1.5", "Many segments")
def many_segments(variant: Variant, bytes_on_the_wire: Any) -> None:
    for size in (1460 * 3 - 33, 1460 * 3 - 32, 16_000):
        answer = whole_number(bytes_on_the_wire(size), "bytes_on_the_wire")
        frame = size + 33
        need(
            answer == frame + -(-frame // 1460) * 54,
            f"For a text of {size:,} bytes, the answer is wrong.",
        )
