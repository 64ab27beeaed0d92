import struct

import pytest

from netchat.wire import Event, Hello, Position, Roster, fields_of
from netchat.wire.fields import BLOB, KINDS, LIST, TEXT, U8, U16, U32, U64, Choice
from netchat.wire.messages import EventKind


class Colour(Choice):
    RED = 1, "Like a tomato."
    BLUE = 2


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_size_is_what_struct_makes_of_the_code(kind):
    assert struct.calcsize(f">{kind.code}") == kind.size
    assert kind.doc


def test_every_kind_is_listed_once():
    assert KINDS == (U8, U16, U32, U64, TEXT, BLOB, LIST)
    assert len({kind.name for kind in KINDS}) == len(KINDS)


def test_fields_come_in_wire_order_with_what_was_declared():
    fields = fields_of(Hello)
    assert " ".join(f.name for f in fields) == "features device token name software positions"
    assert [f.kind for f in fields] == [U32, BLOB, BLOB, TEXT, TEXT, LIST]
    assert fields[-1].record is Position
    assert all(f.doc for f in fields)


def test_field_knows_the_names_of_its_values():
    kinds = {f.name: f.enum for f in fields_of(Event)}
    assert kinds["kind"] is EventKind
    assert kinds["seq"] is None


def test_only_lists_have_a_record():
    assert [f.name for f in fields_of(Roster) if f.record is not None] == ["members"]


def test_choice_is_a_number_with_a_name_and_a_meaning():
    assert Colour.RED == 1
    assert Colour(1) is Colour.RED
    assert Colour.RED.doc == "Like a tomato."
    assert Colour.BLUE.doc == ""
    assert f"{Colour.BLUE:#04x} {Colour.BLUE.name}" == "0x02 BLUE"
    with pytest.raises(ValueError, match="3 is not a valid Colour"):
        Colour(3)
