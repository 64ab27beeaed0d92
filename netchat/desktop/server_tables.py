"""Tables of the users and rooms of a server."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from tkinter import ttk

from netchat.chat.room_moderation import RoomFlags
from netchat.desktop.theme import Theme
from netchat.net.operator_view import ListedRoom, ListedUser
from netchat.tui.lines import sanitize

__all__ = ["ServerTable", "room_cells", "user_cells"]

#: Names of the roles; the one of a member is not shown.
_ROLES = ("", "moderator", "owner")


def user_cells(user: ListedUser) -> tuple[str, ...]:
    """Return the cells of a user: name, role, rooms and state."""
    states = ["away"] if user.is_away else []
    if user.muted_in:
        is_everywhere = set(user.muted_in) == set(user.rooms)
        states.append("muted" if is_everywhere else "partly muted")
    state = ", ".join(states) or "online"
    return user.name, _ROLES[min(user.role, 2)], ", ".join(user.rooms), state


def room_cells(room: ListedRoom) -> tuple[str, ...]:
    """Return the cells of a room: name, members, events and modes."""
    modes = [
        name
        for flag, name in ((RoomFlags.LOCKED, "locked"), (RoomFlags.READ_ONLY, "read-only"))
        if room.flags & flag
    ]
    name = f"{sanitize(room.title, ' ')} ({room.code})" if room.title else room.code
    return name, f"{room.members:,}", f"{room.events:,}", ", ".join(modes)


class ServerTable:
    """Table with a row per user or room, a menu for each row, and the selected one.

    Args:
        parent: Widget to place it in.
        theme: Colours and fonts.
        columns: Heading and width of each column, the width in pixels at 96 dpi; the first one grows.
        menu_of: Returns the menu of a row, by its key.
        selected: Called when another row is selected.
    """

    def __init__(
        self,
        parent: tk.Misc,
        theme: Theme,
        columns: Sequence[tuple[str, int]],
        menu_of: Callable[[str], tk.Menu | None],
        selected: Callable[[], None],
    ) -> None:
        self._theme = theme
        self._menu_of = menu_of
        self._shown: dict[str, tuple[str, ...]] = {}
        self._menu: tk.Menu | None = None
        self.frame = ttk.Frame(parent, style="Card.TFrame")
        keys = [f"column{number}" for number in range(len(columns))]
        self.tree = ttk.Treeview(
            self.frame, show="headings", columns=keys, selectmode="browse", height=5,
            style="Table.Treeview",
        )  # fmt: skip
        for number, (key, (heading, width)) in enumerate(zip(keys, columns, strict=True)):
            self.tree.heading(key, text=heading, anchor="w")
            self.tree.column(key, width=theme.px(width), stretch=not number, anchor="w")
        bar = ttk.Scrollbar(self.frame, command=self.tree.yview)
        self.tree.configure(yscrollcommand=bar.set)
        bar.pack(side="right", fill="y")
        self.tree.pack(side="left", fill="both", expand=True)
        is_aqua = parent.tk.call("tk", "windowingsystem") == "aqua"
        for sequence in ("<Button-3>", "<Button-2>") if is_aqua else ("<Button-3>",):
            self.tree.bind(sequence, self._pop_up_at)
        self.tree.bind("<Return>", lambda _: self.pop_up())
        self.tree.bind("<Double-Button-1>", self._double_click)
        self.tree.bind("<<TreeviewSelect>>", lambda _: selected())
        self.restyle()

    def restyle(self) -> None:
        """Apply the theme's colours and fonts."""
        colours = self._theme.colours
        self.tree.tag_configure("plain", foreground=colours.text)
        self.tree.tag_configure("muted", foreground=colours.muted)

    @property
    def selected(self) -> str:
        """Key of the selected row, or an empty string."""
        chosen = self.tree.selection()
        return chosen[0] if chosen else ""

    def show(self, rows: dict[str, tuple[str, ...]], muted: Sequence[str] = ()) -> None:
        """Show rows by their keys, in order; change only what differs.

        Args:
            rows: Cells of each row.
            muted: Keys of rows of less importance.
        """
        tree = self.tree
        for key in self._shown.keys() - rows.keys():
            tree.delete(key)
        for index, (key, cells) in enumerate(rows.items()):
            if key not in self._shown:
                tree.insert("", index, key, values=cells)
            else:
                if tree.index(key) != index:
                    tree.move(key, "", index)
                if self._shown[key] != cells:
                    tree.item(key, values=cells)
            tree.item(key, tags=("muted" if key in muted else "plain",))
        self._shown = dict(rows)

    def pop_up(self, x: int | None = None, y: int | None = None) -> None:
        """Show the menu of the selected row, at a position on the screen or below the row."""
        if not self.selected:
            return
        if x is None or y is None:
            box = self.tree.bbox(self.selected)
            left, top, _, height = box or (0, 0, 0, 0)
            x = self.tree.winfo_rootx() + left + self._theme.px(24)
            y = self.tree.winfo_rooty() + top + height
        if self._menu is not None:
            self._menu.destroy()
        self._menu = self._menu_of(self.selected)
        if self._menu is not None:
            self._menu.tk_popup(x, y)

    def _pop_up_at(self, event: tk.Event[ttk.Treeview]) -> None:
        if row := self.tree.identify_row(event.y):
            self.tree.selection_set(row)
            self.pop_up(event.x_root, event.y_root)

    def _double_click(self, event: tk.Event[ttk.Treeview]) -> None:
        if self.tree.identify_row(event.y):
            self.pop_up(event.x_root, event.y_root)
