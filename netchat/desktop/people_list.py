"""The list of the members of the selected conversation."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from tkinter import ttk

from netchat.desktop.host_menus import HostMenus
from netchat.desktop.theme import NAME_TINTS, Theme
from netchat.tui.entries import tint_of

__all__ = ["PeopleList"]


class PeopleList:
    """List of people, with a menu for each.

    Args:
        parent: Widget to place it in.
        theme: Colours and fonts.
        message: Called with a name, to write to this user.
        menus: Builds the menus.
    """

    def __init__(
        self,
        parent: tk.Misc,
        theme: Theme,
        message: Callable[[str], None],
        menus: HostMenus,
    ) -> None:
        self._theme = theme
        self._message = message
        self._menus = menus
        self._shown: tuple[tuple[str, ...], str] = ((), "")
        self._role = 0
        self.tree = ttk.Treeview(parent, show="tree", selectmode="browse", takefocus=True)
        self.tree.column("#0", width=theme.px(150), stretch=True)
        self.tree.bind("<Double-Button-1>", self._open)
        self.tree.bind("<Return>", self._open)
        for sequence in ("<Button-3>", "<Button-2>") if _is_aqua(parent) else ("<Button-3>",):
            self.tree.bind(sequence, self._pop_up)
        self.restyle()

    def restyle(self) -> None:
        """Apply the theme's colours and fonts."""
        colours = self._theme.colours
        for index in range(NAME_TINTS):
            self.tree.tag_configure(f"name{index}", foreground=colours.tints[index])
        self.tree.tag_configure("own", foreground=colours.accent, font=self._theme.bold)
        self.tree.tag_configure("heading", font=self._theme.small, foreground=colours.muted)

    def show(self, people: tuple[str, ...], own: str, role: int) -> None:
        """Show the members of a room.

        Args:
            people: Their names, sorted.
            own: The user's name.
            role: The user's rights in the room.
        """
        self._role = role
        if (people, own) == self._shown:
            return
        self._shown = people, own
        self.tree.delete(*self.tree.get_children())
        if not people:
            return
        self.tree.insert("", "end", "heading", text=f"PEOPLE  {len(people)}", tags=("heading",))
        for name in people:
            is_own = name == own
            tag = "own" if is_own else f"name{tint_of(name, NAME_TINTS)}"
            text = f"{name} (you)" if is_own else name
            self.tree.insert("", "end", f"@{name}", text=text, tags=(tag,))

    def _name_at(self, row: str) -> str:
        name = row[1:] if row.startswith("@") else ""
        return "" if name == self._shown[1] else name

    def _open(self, _: object) -> str:
        chosen = self.tree.selection()
        if chosen and (name := self._name_at(chosen[0])):
            self._message(name)
        return "break"

    def menu_of(self, name: str) -> tk.Menu:
        """Return the menu of a member."""
        return self._menus.of_member(name, self._role)

    def _pop_up(self, event: tk.Event[ttk.Treeview]) -> None:
        row = self.tree.identify_row(event.y)
        if name := self._name_at(row):
            self.tree.selection_set(row)
            self.menu_of(name).tk_popup(event.x_root, event.y_root)


def _is_aqua(widget: tk.Misc) -> bool:
    return bool(widget.tk.call("tk", "windowingsystem") == "aqua")
