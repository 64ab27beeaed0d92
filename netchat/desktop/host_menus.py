"""Menus of the members and of the room, with the actions of moderators."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from functools import partial

from netchat.chat.room_codes import LOBBY
from netchat.desktop.prompts import ask
from netchat.desktop.theme import Theme
from netchat.tui.panes_state import ConversationState

__all__ = ["HostMenus"]

#: Label of the field for a reason.
_REASON = "Reason, which the members see (may be empty)"


class HostMenus:
    """Builds the menus. Each action is a command, such as `/kick Nova`.

    Args:
        parent: Widget of the menus.
        theme: Colours and fonts.
        message: Called with a name, to write to this user.
        command: Called with a command.
    """

    def __init__(
        self,
        parent: tk.Misc,
        theme: Theme,
        message: Callable[[str], None],
        command: Callable[[str], None],
    ) -> None:
        self._parent = parent
        self._theme = theme
        self._message = message
        self._command = command

    def of_member(self, name: str, role: int) -> tk.Menu:
        """Return the menu of a member.

        Args:
            name: Name of the member.
            role: Rights of the user who opens it: 0 member, 1 moderator, 2 owner.
        """
        menu = self._menu()
        self._add(menu, f"Message {name}", lambda: self._message(name))
        self._add(menu, "Compare the safety number", lambda: self._command(f"/safety {name}"))
        if role:
            menu.add_separator()
            ban, kick = f"/ban {name}", f"/kick {name}"
            self._add(menu, "Remove …", lambda: self._ask(f"Remove {name}", "Remove", kick))
            self._add(menu, "Mute for 10 minutes", lambda: self._command(f"/mute {name} 10m"))
            self._add(menu, "Mute until lifted", lambda: self._command(f"/mute {name}"))
            self._add(menu, "Let write again", lambda: self._command(f"/unmute {name}"))
            self._add(menu, "Ban for a day …", lambda: self._ask(f"Ban {name}", "Ban", f"{ban} 1d"))
            self._add(menu, "Ban until lifted …", lambda: self._ask(f"Ban {name}", "Ban", ban))
        if role > 1:
            menu.add_separator()
            self._add(menu, "Make a moderator", lambda: self._command(f"/op {name}"))
            label = "Take away the rights of a moderator"
            self._add(menu, label, lambda: self._command(f"/deop {name}"))
        return menu

    def of_room(self, room: ConversationState) -> tk.Menu:
        """Return the menu of a room, for its moderators."""
        menu = self._menu()
        self._add(menu, "Title …", self._ask_title)
        if room.is_locked:
            self._add(menu, "Let new members in", lambda: self._command("/unlock"))
        else:
            lock = partial(self._ask, "Let no new members in", "Lock", "/lock")
            self._add(menu, "Let no new members in …", lock)
        if room.is_read_only:
            self._add(menu, "Let everyone write", lambda: self._command("/writable"))
        else:
            quiet = partial(self._ask, "Let only moderators write", "Change", "/readonly")
            self._add(menu, "Let only moderators write …", quiet)
        self._add(menu, "List the bans", lambda: self._command("/bans"))
        if room.is_sealed:
            self._add(menu, "Give the room a new secret", lambda: self._command("/rekey"))
        menu.add_separator()
        clear = partial(
            self._ask, "Clear the history", "Clear", "/clear", about="It is deleted for everyone."
        )
        self._add(menu, "Clear the history …", clear)
        if room.key != LOBBY:
            about = "The room is deleted, and its members leave it."
            close = partial(self._ask, "Close the room", "Close", "/close", about=about)
            self._add(menu, "Close the room …", close)
        return menu

    def _menu(self) -> tk.Menu:
        menu = tk.Menu(self._parent, tearoff=False)
        self._theme.style_menu(menu)
        return menu

    @staticmethod
    def _add(menu: tk.Menu, label: str, action: Callable[[], object]) -> None:
        menu.add_command(label=label, command=action)

    def _ask(self, title: str, verb: str, command: str, about: str = "") -> None:
        """Ask for the reason, and run a command with it."""
        root = self._parent.winfo_toplevel()
        answers = ask(root, self._theme, title, [_REASON], verb, is_optional=True, about=about)
        if answers is not None:
            self._command(f"{command} {answers[0].strip()}".rstrip())

    def _ask_title(self) -> None:
        root = self._parent.winfo_toplevel()
        answers = ask(
            root, self._theme, "Title of the room", ["Title (empty: none)"], "Change",
            is_optional=True,
        )  # fmt: skip
        if answers is not None:
            self._command(f"/title {answers[0].strip()}".rstrip())
