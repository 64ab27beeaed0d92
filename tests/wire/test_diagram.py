import re

import pytest

from netchat.wire import MESSAGES, Error, Ping, Record, Send, fields_of
from netchat.wire.declare import record
from netchat.wire.diagram import body_diagram, header_diagram
from netchat.wire.fields import BLOB, LIST, TEXT
from netchat.wire.spec import records

RULER = """\
 0                   1                   2                   3
 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
"""


@record
class Nothing(Record):
    pass


def test_header():
    rows = [line for line in header_diagram().splitlines() if line.startswith("|")]
    assert [re.findall(r"[\w]+", row) for row in rows] == [
        ["magic", "version", "type"],
        ["flags", "suite", "reserved"],
        ["length"],
        ["crc"],
    ]


def test_send():
    full = "+-" * 32 + "+"
    assert body_diagram(Send) == RULER + "\n".join(
        [
            full,
            f"|{'':63}|",
            f"+{'counter':^63}+",
            f"|{'':63}|",
            full,
            f"|{'room: length':^31}|",
            full,
            f"/{'room: UTF-8':^63}/",
            full,
            f"|{'text: length':^31}|",
            full,
            f"/{'text: UTF-8':^63}/",
            full,
        ]
    )


def test_number_that_does_not_fit_begins_a_row():
    rows = body_diagram(Error).splitlines()
    assert rows[3] == f"|{'code':^31}|{'about':^15}|"
    assert rows[6] == f"+{'reference':^63}+"


def test_last_row_is_closed_where_it_ends():
    assert body_diagram(Ping).splitlines()[-1] == "+-" * 32 + "+"
    (member,) = [r for r in records() if r.__name__ == "Member"]
    assert body_diagram(member).splitlines()[-2:] == [f"|{'away':^15}|", "+-" * 8 + "+"]


def test_no_fields_no_diagram():
    assert body_diagram(Nothing) == ""


@pytest.mark.parametrize("declared", [*MESSAGES.values(), *records()], ids=lambda d: d.__name__)
def test_every_field_is_drawn_as_wide_as_it_is(declared):
    lines = body_diagram(declared).splitlines()
    assert all(len(line) <= 65 for line in lines)
    widths = {}
    for line in lines[2:]:
        if line.startswith("|"):
            widths |= {cell.strip(): (len(cell) + 1) // 2 for cell in line.strip("|").split("|")}
    for field in fields_of(declared):
        label = {TEXT: ": length", BLOB: ": length", LIST: ": count"}.get(field.kind, "")
        if field.kind.size == 8:
            assert f"+{field.name:^63}+" in lines
        else:
            assert widths[field.name + label] == 8 * field.kind.size
