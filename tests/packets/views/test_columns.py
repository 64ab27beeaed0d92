"""Chosen fields as lines of values."""

from __future__ import annotations

from pathlib import Path

import pytest

from netchat.packets import read
from netchat.packets.filters import find_field
from netchat.packets.views.columns import Columns

CAPTURES = Path(__file__).parents[3] / "captures"


@pytest.mark.parametrize(
    ("capture", "where", "names", "line"),
    [
        ("two-users", "send", "type user netchat.text", "SEND\tNova\tHi Orion, can you read this?"),
        ("two-users", "send", "netchat.type ip.src tcp.dstport", "SEND\t10.64.0.1\t6464"),
        ("two-users", "joined", "room joined.membership.kind seq", "lobby\tLOBBY\t"),
        ("two-users", "hello", "netchat.hello.token send hello", "\t\t1"),
        ("two-users", "hello", "magic version crc_good time", "NC\t1\ttrue\t0.001832"),
        ("two-users", "hello", "tcp.port", "37290,6464"),
        ("bad-crc", "bad_crc", "crc_good bad_crc", "false\t1"),
    ],
)
def test_line(capture: str, where: str, names: str, line: str) -> None:
    fields = [find_field(name) for name in names.split()]
    assert None not in fields
    columns = Columns([field for field in fields if field is not None])
    first = next(iter(read(CAPTURES / f"{capture}.pcapng").filter(where).items()))
    assert columns.line(first) == line


def test_an_item_without_the_fields_has_no_line() -> None:
    field = find_field("send.text")
    assert field is not None
    lines = [Columns([field]).line(i) for i in read(CAPTURES / "two-users.pcapng").items()]
    assert len([line for line in lines if line is not None]) == 3


def test_bytes_and_control_characters() -> None:
    device, software = find_field("hello.device"), find_field("hello.software")
    assert device is not None
    assert software is not None
    hello = next(iter(read(CAPTURES / "two-users.pcapng").filter("hello")))
    odd = hello._replace(
        message=type(hello.message)(0, b"\x01\xff", b"", "Ada", "a\tb\n\x1b[31m", ())
    )
    assert Columns([device, software]).line(odd) == "01ff\ta\\tb\\n\\x1b[31m"
