"""The list of the user's rooms and private conversations."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from tkinter import ttk

from netchat.desktop.theme import Theme
from netchat.tui.lines import LOCK
from netchat.tui.panes import ConversationState

__all__ = ["ConversationList"]

#: Rows that are headings.
_ROOMS, _PRIVATE = "heading-rooms", "heading-private"


class ConversationList:
    """List of conversations, with the number of unread messages of each.

    Args:
        parent: Widget to place it in.
        theme: Colours and fonts.
        select: Called with the key of a conversation that the user selects.
    """

    def __init__(self, parent: tk.Misc, theme: Theme, select: Callable[[str], None]) -> None:
        self._theme = theme
        self._select = select
        self._shown: tuple[ConversationState, ...] = ()
        self.tree = ttk.Treeview(
            parent, show="tree", columns=("unread",), selectmode="browse", takefocus=True
        )
        self.tree.column("unread", width=theme.px(44), stretch=False, anchor="e")
        self.tree.column("#0", width=theme.px(150), stretch=True)
        self.tree.bind("<<TreeviewSelect>>", self._selected)
        self.restyle()

    def restyle(self) -> None:
        """Apply the theme's colours and fonts."""
        colours = self._theme.colours
        self.tree.tag_configure("heading", font=self._theme.small, foreground=colours.muted)
        self.tree.tag_configure("read", foreground=colours.text)
        self.tree.tag_configure("unread", font=self._theme.bold, foreground=colours.text)
        self.tree.tag_configure("mentioned", font=self._theme.bold, foreground=colours.accent)

    def show(self, conversations: tuple[ConversationState, ...], selected: str) -> None:
        """Show the conversations."""
        if conversations != self._shown:
            self._shown = conversations
            self.tree.delete(*self.tree.get_children())
            self._add_section(_ROOMS, "ROOMS", [c for c in conversations if not c.is_private])
            self._add_section(_PRIVATE, "PRIVATE", [c for c in conversations if c.is_private])
        if selected and self.tree.exists(selected) and self.tree.selection() != (selected,):
            self.tree.selection_set(selected)
            self.tree.see(selected)

    def neighbour(self, key: str, step: int) -> str:
        """Return the key of the conversation that is `step` rows below another one, in a circle."""
        keys = [each.key for each in self._shown]
        return keys[(keys.index(key) + step) % len(keys)] if key in keys else ""

    def _add_section(self, key: str, title: str, conversations: list[ConversationState]) -> None:
        if not conversations:
            return
        self.tree.insert("", "end", key, text=title, tags=("heading",))
        for each in conversations:
            tag = "mentioned" if each.is_mentioned else "unread" if each.unread else "read"
            mark = "@ " if each.is_private else f"{LOCK} " if each.is_sealed else "# "
            count = str(each.unread) if each.unread < 1000 else "999+"
            self.tree.insert(
                "", "end", each.key, text=mark + each.label,
                values=(f"{count}  " if each.unread else "",), tags=(tag,),
            )  # fmt: skip

    def _selected(self, _: object) -> None:
        chosen = self.tree.selection()
        if not chosen:
            return
        if chosen[0] in (_ROOMS, _PRIVATE):
            self.tree.selection_remove(*chosen)
        else:
            self._select(chosen[0])
