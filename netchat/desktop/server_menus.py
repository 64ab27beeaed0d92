"""Menus of the users and rooms of a server, with the actions of its operator."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from tkinter import filedialog
from typing import Protocol

from netchat.chat.room_codes import LOBBY, read_code
from netchat.chat.room_moderation import RoomFlags
from netchat.desktop.prompts import ask
from netchat.desktop.theme import Root, Theme
from netchat.net.operator_view import ListedRoom, ListedUser

__all__ = ["ModerationCallback", "OperatorMenus"]

#: Durations of mutes and bans, in seconds.
_MUTE, _BAN = 600, 86_400


class ModerationCallback(Protocol):
    """Carries out an action of a moderator, as `ServerWorker.moderate` does."""

    def __call__(
        self, action: str, room: str, target: str = "", *, text: str = "", seconds: int = 0
    ) -> None:
        """Carry it out."""


class OperatorMenus:
    """Builds the menus.

    Args:
        root: The window.
        theme: Colours and fonts.
        moderate: Carries out an action.
        export: Called with the code of a room and a path, to save its log there.
    """

    def __init__(
        self,
        root: Root,
        theme: Theme,
        moderate: ModerationCallback,
        export: Callable[[str, str], None],
    ) -> None:
        self._root = root
        self._theme = theme
        self._moderate = moderate
        self._export = export

    def of_user(self, user: ListedUser) -> tk.Menu:
        """Return the menu of a user. The lobby stands for the server, as it does for moderators."""
        menu = self._menu()
        name = user.name
        menu.add_command(label="Remove from the server …", command=lambda: self.remove(user))
        menu.add_command(label="Mute for 10 minutes", command=lambda: self.mute(user, _MUTE))
        menu.add_command(label="Mute until lifted", command=lambda: self.mute(user, 0))
        if user.muted_in:
            menu.add_command(label="Let write again", command=lambda: self.unmute(user))
        menu.add_separator()
        menu.add_command(label="Ban for a day …", command=lambda: self.ban(user, _BAN))
        menu.add_command(label="Ban until lifted …", command=lambda: self.ban(user, 0))
        rooms = [code for code in user.rooms if code != LOBBY]
        for code in rooms[:20]:
            part = self._menu(menu)
            for label, action, seconds in (
                ("Remove …", "kick", 0), ("Mute for 10 minutes", "mute", _MUTE), ("Ban …", "ban", 0),
            ):  # fmt: skip
                part.add_command(
                    label=label,
                    command=lambda code=code, action=action, seconds=seconds: self._in_room(  # type: ignore[misc]
                        action, code, name, seconds
                    ),
                )
            menu.add_cascade(label=f"In room {code}", menu=part)
        menu.add_separator()
        if user.role == 0:
            menu.add_command(
                label="Make a moderator", command=lambda: self._moderate("appoint", LOBBY, name)
            )
        elif user.role == 1:
            menu.add_command(
                label="Take away the rights of a moderator",
                command=lambda: self._moderate("dismiss", LOBBY, name),
            )
        return menu

    def of_room(self, room: ListedRoom) -> tk.Menu:
        """Return the menu of a room."""
        menu = self._menu()
        code = read_code(room.code) or ""
        is_locked = bool(room.flags & RoomFlags.LOCKED)
        is_read_only = bool(room.flags & RoomFlags.READ_ONLY)
        menu.add_command(label="Save the log …", command=lambda: self.save(room))
        if room.code != LOBBY:
            menu.add_command(label="Copy the code", command=lambda: self._copy(room.code))
        menu.add_separator()
        menu.add_command(label="Title …", command=lambda: self._ask_title(room))
        menu.add_command(
            label="Let new members in" if is_locked else "Let no new members in",
            command=lambda: self._moderate("unlock" if is_locked else "lock", code),
        )
        menu.add_command(
            label="Let everyone write" if is_read_only else "Let only moderators write",
            command=lambda: self._moderate("writable" if is_read_only else "read_only", code),
        )
        menu.add_separator()
        menu.add_command(label="Clear the history …", command=lambda: self._confirm("clear", room))
        if room.code != LOBBY:
            menu.add_command(label="Close the room …", command=lambda: self._confirm("close", room))
        return menu

    # -- actions -----------------------------------------------------------------------------------

    def remove(self, user: ListedUser) -> None:
        """Ask for the reason, and remove a user from the server."""
        about = "The user leaves all rooms, and may return."
        self._with_reason(f"Remove {user.name}", about, "Remove", "kick", LOBBY, user.name, 0)

    def ban(self, user: ListedUser, seconds: int) -> None:
        """Ask for the reason, and ban a user from the server; 0 seconds have no end."""
        about = "The name and the device cannot return " + ("for a day." if seconds else "at all.")
        self._with_reason(f"Ban {user.name}", about, "Ban", "ban", LOBBY, user.name, seconds)

    def mute(self, user: ListedUser, seconds: int) -> None:
        """Mute a user in all rooms; 0 seconds have no end."""
        for code in user.rooms:
            self._moderate("mute", code, user.name, seconds=seconds)

    def unmute(self, user: ListedUser) -> None:
        """Let a user write again, in all rooms."""
        for code in user.muted_in:
            self._moderate("unmute", code, user.name)

    def save(self, room: ListedRoom) -> None:
        """Ask for a file, and save the log of a room."""
        path = filedialog.asksaveasfilename(
            parent=self._root, title=f"Save the log of {room.code}", defaultextension=".txt",
            initialfile=f"{room.code}.txt",
            filetypes=[("Text", ".txt"), ("JSON lines", ".jsonl"), ("CSV", ".csv"), ("HTML", ".html")],
        )  # fmt: skip
        if path:
            self._export(read_code(room.code) or "", path)

    def _in_room(self, action: str, code: str, name: str, seconds: int) -> None:
        if action == "mute":
            self._moderate("mute", code, name, seconds=seconds)
            return
        verb = {"kick": "Remove", "ban": "Ban"}[action]
        self._with_reason(f"{verb} {name} from {code}", "", verb, action, code, name, seconds)

    def _with_reason(
        self, title: str, about: str, verb: str, action: str, room: str, name: str, seconds: int
    ) -> None:
        label = "Reason, which the members see (may be empty)"
        answers = ask(
            self._root, self._theme, title, [label], verb, is_optional=True, about=about
        )  # fmt: skip
        if answers is not None:
            self._moderate(action, room, name, text=answers[0].strip(), seconds=seconds)

    def _ask_title(self, room: ListedRoom) -> None:
        label = "Title (empty: none)"
        answers = ask(
            self._root, self._theme, f"Title of {room.code}", [label], "Change", is_optional=True
        )
        if answers is not None:
            self._moderate("title", room.code, text=answers[0].strip())

    def _confirm(self, action: str, room: ListedRoom) -> None:
        name = room.code
        title, about, verb = {
            "clear": (f"Clear {name}", "Its history is deleted for everyone.", "Clear"),
            "close": (f"Close {name}", "The room is deleted, and its members leave it.", "Close"),
        }[action]
        self._with_reason(title, about, verb, action, room.code, "", 0)

    def _copy(self, text: str) -> None:
        self._root.clipboard_clear()
        self._root.clipboard_append(text)

    def _menu(self, parent: tk.Misc | None = None) -> tk.Menu:
        menu = tk.Menu(parent or self._root, tearoff=False)
        self._theme.style_menu(menu)
        return menu
