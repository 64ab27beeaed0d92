import pytest
from hypothesis import given, settings

from netchat import wire
from netchat.wire import MESSAGES, ErrorCode, Frame, decode, messages
from netchat.wire.declare import Record
from netchat.wire.fields import Choice
from tests.wire.strategies import instances


@pytest.mark.parametrize("message", MESSAGES.values(), ids=lambda m: m.NAME)
def test_encode_and_decode_are_inverse(message):
    @settings(max_examples=15)
    @given(instances(message))
    def check(value):
        assert decode(Frame(message.TYPE, value.encode())) == value

    check()


def test_all_that_is_declared_is_exported():
    declared = {
        name
        for name, thing in vars(messages).items()
        if isinstance(thing, type)
        and issubclass(thing, (Record, Choice))
        and thing.__module__ == messages.__name__
    }
    assert declared | {"GROUPS"} == set(messages.__all__)
    assert set(messages.__all__) <= set(wire.__all__)
    assert all(hasattr(wire, name) for name in wire.__all__)


@pytest.mark.parametrize("code", ErrorCode, ids=lambda code: code.name)
def test_error_codes_fit_and_are_explained(code):
    assert 0 < code < 65536
    assert code.doc.endswith(".")
