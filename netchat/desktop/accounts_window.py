"""The accounts of a server, in a window beside that of the server."""

from __future__ import annotations

import time
import tkinter as tk
from tkinter import ttk
from typing import Protocol

from netchat.chat.account_admin import AdminRequest
from netchat.desktop.prompts import ask
from netchat.desktop.server_tables import ServerTable
from netchat.desktop.server_updates import ListedAccount, OperatorAnswer
from netchat.desktop.theme import Root, Theme
from netchat.tui.lines import sanitize

__all__ = ["AccountsWindow", "AdminCallback"]

#: Lifetime of an invitation, in days.
_INVITATION_DAYS = 7

#: The roles, from the one with the most rights.
_ROLES = ("owner", "moderator", "member")

_EMPTY = "There are no accounts yet. The first one that you add becomes the owner."


class AdminCallback(Protocol):
    """Carries out a request about accounts, as `ServerWorker.administer` does."""

    def __call__(self, request: AdminRequest, password: str = "") -> None:
        """Carry it out."""


class AccountsWindow:
    """Window with a table of the accounts.

    Args:
        root: Window of the server.
        theme: Colours and fonts.
        administer: Carries out a request about accounts.
    """

    def __init__(self, root: Root, theme: Theme, administer: AdminCallback) -> None:
        self._theme = theme
        self._administer = administer
        self._accounts: dict[str, ListedAccount] = {}
        px = theme.px
        self.window = tk.Toplevel(root, background=theme.colours.window)
        self.window.title("Accounts · netchat server")
        self.window.transient(root.winfo_toplevel())
        self.window.geometry(f"{px(620)}x{px(380)}")
        self.window.minsize(px(460), px(240))
        frame = ttk.Frame(self.window, padding=px(14))
        frame.pack(fill="both", expand=True)
        buttons = ttk.Frame(frame)
        buttons.pack(fill="x", pady=(0, px(10)))
        self.buttons: dict[str, ttk.Button] = {}
        for label, action in (("Add …", self._add), ("New invitation", self._invite)):
            self.buttons[label] = ttk.Button(buttons, text=label, command=action)
            self.buttons[label].pack(side="left", padx=(0, px(6)))
        for label, action in (
            ("⋯", self._pop_up), ("Remove …", self._remove), ("New password …", self._reset),
        ):  # fmt: skip
            self.buttons[label] = ttk.Button(buttons, text=label, command=action)
            self.buttons[label].pack(side="right", padx=(px(6), 0))
        self.answer = ttk.Label(frame, style="Muted.TLabel", wraplength=px(580))
        self.answer.pack(side="bottom", anchor="w", pady=(px(8), 0))
        columns = (("Name", 140), ("Role", 110), ("Registered", 170), ("State", 80))
        self.table = ServerTable(frame, theme, columns, self._menu_of, self._selected)
        self.table.frame.pack(fill="both", expand=True)
        self.window.bind("<Escape>", lambda _: self.window.destroy())
        self._selected()
        self.refresh()

    @property
    def is_open(self) -> bool:
        """Whether the window was not closed."""
        return bool(self.window.winfo_exists())

    def refresh(self) -> None:
        """Request the accounts."""
        self._administer(AdminRequest("list"))

    def raise_(self) -> None:
        """Raise the window above the others."""
        self.window.lift()
        self.window.focus_set()

    def restyle(self) -> None:
        """Apply the theme's colours and fonts."""
        self.window.configure(background=self._theme.colours.window)
        self.table.restyle()

    def show(self, accounts: tuple[ListedAccount, ...]) -> None:
        """Show the accounts."""
        self._accounts = {each.name: each for each in accounts}
        self.table.show({each.name: _cells(each) for each in accounts})
        self._selected()
        if not accounts:
            self.answer.configure(text=_EMPTY, style="Muted.TLabel")

    def answered(self, answer: OperatorAnswer) -> None:
        """Show the answer to a request; what it returns for others is copied."""
        style = "Bad.TLabel" if answer.is_problem else "Muted.TLabel"
        self.answer.configure(text=answer.text, style=style)
        if answer.copy:
            self.window.clipboard_clear()
            self.window.clipboard_append(answer.copy)

    # -- actions -----------------------------------------------------------------------------------

    def _selected(self) -> None:
        is_chosen = self.table.selected in self._accounts
        for label in ("New password …", "Remove …", "⋯"):
            self.buttons[label].state(["!disabled" if is_chosen else "disabled"])

    def _pop_up(self) -> None:
        self.table.pop_up()

    def _menu_of(self, name: str) -> tk.Menu | None:
        account = self._accounts.get(name)
        if account is None:
            return None
        menu = tk.Menu(self.window, tearoff=False)
        self._theme.style_menu(menu)
        menu.add_command(label="New password …", command=self._reset)
        menu.add_separator()
        for role in _ROLES:
            if role != account.role:
                menu.add_command(
                    label=f"Make {'an' if role == 'owner' else 'a'} {role}",
                    command=lambda role=role: self._administer(  # type: ignore[misc]
                        AdminRequest("role", name, role=role)
                    ),
                )
        menu.add_separator()
        menu.add_command(label="Remove …", command=self._remove)
        return menu

    def _add(self) -> None:
        questions = ["Name", "Password:", "Repeat it:"]
        about = "" if self._accounts else "The first account is the owner of the server."
        answers = ask(self.window, self._theme, "Add an account", questions, "Add", about=about)
        if answers is not None:
            name, password = answers
            self._administer(AdminRequest("add", name.strip()), password)

    def _reset(self) -> None:
        if not (name := self.table.selected):
            return
        questions = ["New password:", "Repeat it:"]
        title, about = f"New password of {name}", "It logs out all devices of the account."
        answers = ask(self.window, self._theme, title, questions, "Set", about=about)
        if answers is not None:
            self._administer(AdminRequest("reset", name), answers[0])

    def _remove(self) -> None:
        if not (name := self.table.selected):
            return
        about = "The name becomes free. The messages stay."
        title = f"Remove the account {name}"
        if ask(self.window, self._theme, title, [], "Remove", is_optional=True, about=about) == []:
            self._administer(AdminRequest("remove", name))

    def _invite(self) -> None:
        self._administer(AdminRequest("invite", seconds=_INVITATION_DAYS * 86_400.0))


def _cells(account: ListedAccount) -> tuple[str, ...]:
    """Return the cells of an account: name, role, time of registration and state."""
    created = time.strftime("%Y-%m-%d %H:%M", time.localtime(account.created))
    state = "online" if account.is_online else ""
    return sanitize(account.name, " "), account.role, created, state
