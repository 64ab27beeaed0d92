"""Rules for every message of the protocol, including future ones."""

import dataclasses
import inspect

import pytest

from netchat.wire import MESSAGES, Message, Role, fields_of
from netchat.wire.fields import KINDS, Choice
from netchat.wire.messages import GROUPS
from netchat.wire.spec import enums, records

DECLARED = [*MESSAGES.values(), *records()]

each_message = pytest.mark.parametrize("message", MESSAGES.values(), ids=lambda m: m.NAME)
each_declared = pytest.mark.parametrize("declared", DECLARED, ids=lambda d: d.__name__)


@each_message
def test_type_number_belongs_to_a_group_in_use(message):
    assert 0 < message.TYPE < 256  # 0 is "no frame" in ERROR's `about`
    assert MESSAGES[message.TYPE] is message
    assert GROUPS[message.TYPE & 0xF0] in (
        "connection", "rooms", "messages", "accounts and moderation", "files", "keys",
    )  # fmt: skip


def test_every_group_is_in_use():
    assert set(GROUPS) == {number & 0xF0 for number in MESSAGES}


def test_names_are_unique():
    assert len({message.NAME for message in MESSAGES.values()}) == len(MESSAGES)
    names = [d.__name__.lower() for d in DECLARED] + [e.__name__.lower() for e in enums()]
    assert len(set(names)) == len(names)  # anchors of the document's links


@each_declared
def test_has_its_own_docstring(declared):
    first = inspect.getdoc(declared).partition("\n")[0]
    assert first.endswith(".")
    assert not first.startswith(
        f"{declared.__name__}("
    )  # the docstring that dataclasses generate by default


@each_declared
def test_every_field_is_a_declared_and_documented_one(declared):
    assert len(fields_of(declared)) == len(dataclasses.fields(declared)) > 0
    for field in fields_of(declared):
        assert field.kind in KINDS
        assert field.doc.endswith(".")
        assert field.name.isidentifier()
        assert field.name == field.name.lower()


@each_declared
def test_no_field_hides_what_all_messages_have(declared):
    inherited = set(dir(Message))
    assert not inherited & {field.name for field in fields_of(declared)}


@each_message
def test_request_comes_first_and_comes_back(message):
    names = [field.name for field in fields_of(message)]
    assert "request" not in names[1:]


@pytest.mark.parametrize("enum", enums(), ids=lambda e: e.__name__)
def test_named_values_are_explained(enum):
    assert issubclass(enum, Choice)
    assert inspect.getdoc(enum)
    assert all(value.doc.endswith(".") for value in enum)
    assert min(enum) > 0 or enum is Role  # a guest has the rights of a member, the least ones
