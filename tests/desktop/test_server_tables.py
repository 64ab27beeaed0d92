"""Tables of users and rooms."""

from __future__ import annotations

import pytest

pytest.importorskip("tkinter")

import tkinter as tk

from netchat.desktop.server_tables import ServerTable, room_cells, user_cells
from netchat.desktop.theme import Theme
from netchat.net.operator_view import ListedRoom, ListedUser

HOSTILE = "\x1b[31mred\nline\u202e"


@pytest.mark.parametrize(
    ("user", "cells"),
    [
        (ListedUser("Nova", False, 0, ("lobby",), ()), ("Nova", "", "lobby", "online")),
        (ListedUser("Lena", True, 2, ("a", "b"), ()), ("Lena", "owner", "a, b", "away")),
        (
            ListedUser("Tom", False, 1, ("a", "b"), ("b",)),
            ("Tom", "moderator", "a, b", "partly muted"),
        ),
        (ListedUser("Tom", False, 0, ("a",), ("a",)), ("Tom", "", "a", "muted")),
    ],
)
def test_cells_of_a_user(user, cells):
    assert user_cells(user) == cells


def test_cells_of_a_room():
    assert room_cells(ListedRoom("lobby", "", 0, 1234, 0, 5)) == ("lobby", "1,234", "5", "")
    name, *_, modes = room_cells(ListedRoom("AAAAA-BBBBB", HOSTILE, 3, 0, 0, 0))
    assert modes == "locked, read-only"
    assert name.endswith("(AAAAA-BBBBB)")
    assert not set("\x1b\n\u202e") & set(name)


@pytest.fixture
def table(root):
    theme = Theme(root, 1.0, is_dark=False)
    made = ServerTable(
        root, theme, (("Name", 100), ("State", 80)), lambda key: tk.Menu(root), lambda: None
    )
    made.frame.pack(fill="both", expand=True)
    root.geometry("400x200")
    root.update()
    return made


def test_rows_change_in_place_and_stay_selected(table, root):
    table.show({"a": ("Anna", "online"), "b": ("Ben", "online")})
    table.tree.selection_set("b")
    table.show({"c": ("{Curt} $x [exit]", "online"), "b": ("Ben", "away")}, muted=["b"])
    assert table.tree.get_children() == ("c", "b")
    assert table.selected == "b"
    assert table.tree.item("b", "values") == ("Ben", "away")
    assert table.tree.item("b", "tags") == ("muted",)
    assert table.tree.item("c", "values")[0] == "{Curt} $x [exit]"
    table.show({})
    assert table.selected == ""
    table.pop_up()  # without a selected row, nothing happens
