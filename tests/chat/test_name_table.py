"""Names in use."""

import pytest

from netchat.chat.model import Session
from netchat.chat.name_table import NameTable, describe_conflict


@pytest.fixture
def nova():
    return Session(1, "Nova", 1)


@pytest.fixture
def table(nova):
    table = NameTable()
    table.add(nova)
    return table


@pytest.mark.parametrize(
    "name", ["Nova", "nova", "NOVA", "Nov\u0251", "N\u0585va", "\uff2eova", " Nova "]
)
def test_a_name_takes_those_that_are_the_same_or_look_alike(table, nova, name):
    assert name in table
    assert table.find_conflict(name) is nova
    assert table.find_conflict(name, owner=nova) is None


@pytest.mark.parametrize("name", ["Vega", "Nov", "Nova2", ""])
def test_other_names_are_free(table, name):
    assert name not in table


def test_upper_case_i_looks_like_lower_case_l_only():
    table = NameTable()
    table.add(Session(1, "Ila", 1))
    assert "lla" in table
    assert "ila" in table
    assert "Lia" not in table


def test_a_message_goes_by_the_name_itself(table, nova):
    assert table.get("NOVA") is nova
    assert table.get("Nov\u0251") is None


def test_an_old_history_may_hold_names_that_look_alike(table, nova):
    double = Session(2, "Nov\u0251", 2)
    table.add(double)
    assert table.get("Nov\u0251") is double
    assert table.find_conflict("nova", owner=nova) is double
    table.remove(double)
    assert table.get("Nova") is nova
    assert "Nov\u0251" in table
    table.remove(nova)
    assert "Nova" not in table
    assert not len(table)


def test_the_user_learns_which_name_is_in_the_way(nova):
    assert "The name nova is taken" in describe_conflict("nova", nova)
    assert "Nov\u0251 looks like Nova" in describe_conflict("Nov\u0251", nova)


def test_removing_a_session_frees_no_name_that_another_one_has(table, nova):
    double = Session(2, "nova", 2)  # from the history of a less strict server
    table.add(double)
    table.remove(nova)
    assert table.get("Nova") is double
    table.remove(double)
    assert "Nova" not in table
