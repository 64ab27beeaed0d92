"""The tree and hex views."""

from __future__ import annotations

from netchat import wire
from netchat.packets import Damage, Item
from netchat.packets.views.tree import hex_lines, tree_lines
from tests.packets.story import decoded


def test_tree() -> None:
    text = "\n".join(tree_lines(decoded(wire.Send(7, "lobby", "Hi, Zoë"))))
    assert "packet 1; bytes 0 to 41 of the stream" in text
    assert "          3  20                                     type         0x20 SEND" in text
    assert "16  00 00 00 00 00 00 00 07                counter      7" in text
    assert 'text         "Hi, Zoë"' in text
    assert "12  ea 92 fe 1e                            crc          0xea92fe1e" in text


def test_tree_of_a_damaged_frame(items: list[Item]) -> None:
    damage = next(i for i in items if isinstance(i, Damage))
    text = "\n".join(tree_lines(damage))
    assert "type         0x20 SEND" in text
    assert "counter" in text


def test_hex() -> None:
    crc = wire.encode(wire.Ping(1))[12:16]
    assert hex_lines(decoded(wire.Ping(1))) == [
        f"      0000  4e 43 01 03 00 00 00 00  00 00 00 08 {crc.hex(' ')}  NC..........{_ascii(crc)}",
        "      0010  00 00 00 00 00 00 00 01                           ........",
    ]


def _ascii(raw: bytes) -> str:
    return "".join(chr(byte) if 32 <= byte < 127 else "." for byte in raw)
