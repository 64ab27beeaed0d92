"""Room codes: created, read and displayed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchat.chat.room_codes import LOBBY, PRIVATE_MARK, new_code, read_code, show_code


@pytest.mark.parametrize(
    "written",
    [
        "7K3F92MQ01",
        "7K3F9-2MQ01",
        "7k3f9-2mq01",
        "7K3F9 2MQ01",
        "7K3F9-2MQO1",
        "7k3f9-2mqoi",
        "7k3f9-2mqol",
        "  7K3F9-2MQ01\n",
    ],
)
def test_codes_as_users_type_them(written):
    assert read_code(written) == "7K3F92MQ01"


@pytest.mark.parametrize("written", ["lobby", "Lobby", " LOBBY\n"])
def test_the_lobby_is_read(written):
    assert read_code(written) == LOBBY


@pytest.mark.parametrize(
    "written",
    ["", "7K3F9", "7K3F92MQ011", "7K3F92MQ0U", "7K3F9_2MQ01", "@7K3F92MQ01", "@7K3F92MQ0"],
)
def test_invalid_codes(written):
    assert read_code(written) is None


def test_new_codes_are_read_as_themselves_and_differ():
    codes = [new_code() for _ in range(1000)]
    assert len(set(codes)) == 1000
    for code in codes:
        assert read_code(code) == read_code(show_code(code)) == read_code(code.lower()) == code


def test_a_code_is_shown_in_two_groups():
    assert show_code("7K3F92MQ01") == "7K3F9-2MQ01"
    assert show_code(LOBBY) == LOBBY


@given(st.text(max_size=20))
def test_no_text_is_read_as_a_private_code(written):
    assert not (read_code(written) or "").startswith(PRIVATE_MARK)
