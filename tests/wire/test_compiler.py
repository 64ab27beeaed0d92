import dataclasses
import inspect
import struct

import pytest
from hypothesis import given

from netchat.wire import MESSAGES, Event, Record, Send
from netchat.wire import fields as wire
from netchat.wire.compiler import compile_declaration, compile_packer, source_of
from netchat.wire.declare import record
from tests.wire.strategies import instances


@record
class Item(Record):
    item: int = wire.u8("-")
    items: str = wire.text("-")


@record
class Clash(Record):
    """A message whose fields have the names of the codec's variables."""

    size: int = wire.u64("-")
    at: int = wire.u16("-")
    body: str = wire.text("-")
    m: bytes = wire.blob("-")
    cls: int = wire.u8("-")
    items: tuple[Item, ...] = wire.records(Item, "-")
    item: int = wire.u32("-")
    len: str = wire.text("-")
    range: tuple[Item, ...] = wire.records(Item, "-")
    cls_: int = wire.u8("-")
    new: str = wire.text("-")


@record
class Empty(Record):
    pass


@given(instances(Clash))
def test_a_field_may_have_any_name(value):
    raw = value.encode()
    assert Clash.read(raw, 0) == (value, len(raw))


@given(instances(Clash))
def test_a_packer_encodes_values_as_the_message_does(value):
    values = [getattr(value, field.name) for field in wire.fields_of(Clash)]
    assert compile_packer(Clash)(*values) == value.encode()


def test_a_packer_refuses_values_that_do_not_fit():
    assert compile_packer(Empty)() == b""
    with pytest.raises(struct.error):
        compile_packer(Item)(256, "")


def test_a_message_without_fields_is_empty():
    assert Empty().encode() == b""
    assert Empty.read(b"xyz", 2) == (Empty(), 2)


def test_read_starts_at_the_given_offset():
    raw = Item(7, "é").encode()
    assert raw == b"\x07\x00\x02\xc3\xa9"
    assert Item.read(b"??" + raw + b"!", 2) == (Item(7, "é"), 2 + len(raw))


def test_adjacent_numbers_and_the_length_after_them_share_one_struct():
    source = source_of(Event)
    assert source.count("pack0(") == 2  # one in encode, one as unpack0 in read
    assert "m.seq, m.time, m.device, m.counter, m.kind, size" in source


@pytest.mark.parametrize("message", MESSAGES.values(), ids=lambda m: m.NAME)
def test_source_shown_is_the_source_that_runs(message):
    source = source_of(message)
    compile(source, message.NAME, "exec")
    encode, read = compile_declaration(message, lambda value, error: None)
    assert encode.__code__.co_filename == f"<wire codec of {message.__name__}>"
    for field in wire.fields_of(message):
        assert source.count(f"m.{field.name}") >= 2  # in encode and in read
    assert read.__name__ == "read"


@pytest.mark.parametrize("message", MESSAGES.values(), ids=lambda m: m.NAME)
def test_messages_are_created_as_dataclasses_create_them(message):
    names = [field.name for field in dataclasses.fields(message)]
    parameters = inspect.signature(message).parameters
    assert list(parameters) == names
    assert all(
        parameter.annotation is not inspect.Parameter.empty for parameter in parameters.values()
    )
    values = {name: object() for name in names}
    for created in (message(*values.values()), message(**values)):
        assert {name: getattr(created, name) for name in names} == values
    with pytest.raises(TypeError, match=rf"{message.__name__}.__init__\(\)"):
        message(*values.values(), 1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(created, names[0], 1)


def test_read_may_only_fail_as_promised():
    raw = Send(1, "lobby", "hé").encode()
    for size in range(len(raw)):
        try:
            _, end = Send.read(raw[:size], 0)
        except (struct.error, UnicodeDecodeError):
            continue
        assert end > size
