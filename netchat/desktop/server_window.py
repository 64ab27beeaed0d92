"""The window of a server: where it listens, its figures, users, rooms and log."""

from __future__ import annotations

import contextlib
import tkinter as tk
from collections.abc import Callable
from pathlib import Path
from tkinter import filedialog, ttk
from typing import Protocol

from netchat.chat.account_admin import AdminRequest
from netchat.desktop.accounts_window import AccountsWindow
from netchat.desktop.rate_chart import RateChart, rates_between
from netchat.desktop.server_head import ServerHead
from netchat.desktop.server_log_view import ServerLogView
from netchat.desktop.server_menus import OperatorMenus
from netchat.desktop.server_tables import ServerTable, room_cells, user_cells
from netchat.desktop.server_updates import ListedAccount, OperatorAnswer, ServerChanged
from netchat.desktop.theme import Root, Theme
from netchat.desktop.window_actions import WindowAction, bind_actions, main_menu
from netchat.files import write_file
from netchat.net.operator_view import Figures, ListedRoom, ListedUser
from netchat.wording import cannot, many, show_size

__all__ = ["ServerOwner", "ServerWindow"]

#: Figures, and the width of each in pixels at 96 dpi.
_TILES = {
    "users": 76, "rooms": 66, "messages/s": 92, "received/s": 106, "sent/s": 106, "CPU": 78, "memory": 92,
}  # fmt: skip


class ServerOwner(Protocol):
    """The application, as the window uses it."""

    def toggle(self) -> None:
        """Start the server, or stop it."""

    def quit(self) -> None:
        """Stop the server and close the window."""

    def toggle_dark(self) -> None:
        """Switch between light and dark."""

    def zoom(self, factor: float) -> None:
        """Change the size of the text; a factor of 0 restores it."""

    def moderate(
        self, action: str, room: str, target: str = "", *, text: str = "", seconds: int = 0
    ) -> None:
        """Carry out an action of a moderator."""

    def export(self, room: str, path: str) -> None:
        """Save the log of a room."""

    def administer(self, request: AdminRequest, password: str = "") -> None:
        """Carry out a request about accounts."""


class ServerWindow:
    """The server in the root window.

    Args:
        root: The window.
        theme: Colours and fonts.
        owner: The application.
    """

    def __init__(self, root: Root, theme: Theme, owner: ServerOwner) -> None:
        self._root = root
        self._theme = theme
        self._owner = owner
        self._users: dict[str, ListedUser] = {}
        self._rooms: dict[str, ListedRoom] = {}
        self._figures: Figures | None = None
        self.accounts: AccountsWindow | None = None
        self.buttons: dict[str, ttk.Button] = {}
        self.menus = OperatorMenus(root, theme, owner.moderate, owner.export)
        self.frame = ttk.Frame(root)
        self.menu = main_menu(root, theme, self._actions())
        self.head = ServerHead(root, self.frame, theme, self.menu, owner.toggle)
        self.head.frame.pack(fill="x")
        self._build_tiles()
        panes = ttk.PanedWindow(self.frame, orient="vertical")
        panes.pack(fill="both", expand=True, padx=theme.px(14), pady=(0, theme.px(14)))
        tables = ttk.PanedWindow(panes, orient="horizontal")
        self._build_tables(tables)
        panes.add(tables, weight=1)
        self.log = ServerLogView(panes, theme)
        ttk.Button(
            self.log.head, text="Save …", style="CardFlat.TButton", command=self._save_log
        ).pack(side="right")  # fmt: skip
        panes.add(self.log.frame, weight=1)
        bind_actions(root, self._actions())

    # -- construction ------------------------------------------------------------------------------

    def _actions(self) -> list[WindowAction]:
        owner = self._owner
        return [
            WindowAction("Save the server's log …", "Ctrl+S", "<Control-s>", self._save_log),
            WindowAction("Filter the log", "Ctrl+F", "<Control-f>", self._focus_filter),
            WindowAction("Accounts …", "", "", self.open_accounts, begins_group=True),
            WindowAction(
                "Light or dark", "Ctrl+D", "<Control-d>", owner.toggle_dark, begins_group=True
            ),
            WindowAction("Larger text", "Ctrl++", "<Control-plus>", lambda: owner.zoom(1.1)),
            WindowAction("Smaller text", "Ctrl+-", "<Control-minus>", lambda: owner.zoom(1 / 1.1)),
            WindowAction("", "", "<Control-equal>", lambda: owner.zoom(1.1)),
            WindowAction("", "", "<Control-0>", lambda: owner.zoom(0)),
            WindowAction("Stop the server and quit", "Ctrl+Q", "", owner.quit, begins_group=True),
        ]

    def _build_tiles(self) -> None:
        px = self._theme.px
        row = ttk.Frame(self.frame, padding=(px(18), px(6), px(18), px(12)))
        row.pack(fill="x")
        self.tiles: dict[str, ttk.Label] = {}
        for column, (name, width) in enumerate(_TILES.items()):
            tile = ttk.Frame(row)
            tile.grid(row=0, column=column, sticky="w")
            row.columnconfigure(column, minsize=px(width))  # figures change every second
            value = ttk.Label(tile, style="Large.TLabel", text="-")
            value.pack(anchor="w")
            ttk.Label(tile, style="Muted.TLabel", text=name).pack(anchor="w")
            self.tiles[name] = value
        chart = ttk.Frame(row)
        chart.grid(row=0, column=len(_TILES), sticky="ew", padx=(px(12), 0))
        row.columnconfigure(len(_TILES), weight=1)
        self.chart = RateChart(chart, self._theme)
        self.chart.canvas.pack(fill="x")
        self._chart_label = ttk.Label(chart, style="Muted.TLabel")
        self._chart_label.pack(anchor="e")

    def _build_tables(self, panes: ttk.PanedWindow) -> None:
        self.users = self._table(
            panes, "USERS", (("Name", 100), ("Role", 116), ("Rooms", 186), ("State", 134)),
            self._user_menu, (("Remove …", self._remove_user), ("Mute", self._mute_user)), 3,
        )  # fmt: skip
        self.rooms = self._table(
            panes, "ROOMS", (("Room", 210), ("Members", 82), ("Events", 86), ("Modes", 86)),
            self._room_menu, (("Save the log …", self._save_room),), 2,
        )  # fmt: skip

    def _table(
        self,
        panes: ttk.PanedWindow,
        title: str,
        columns: tuple[tuple[str, int], ...],
        menu_of: Callable[[str], tk.Menu | None],
        actions: tuple[tuple[str, Callable[[], None]], ...],
        weight: int,
    ) -> ServerTable:
        px = self._theme.px
        frame = ttk.Frame(panes, style="Card.TFrame")
        head = ttk.Frame(frame, style="Card.TFrame", padding=(px(12), px(5), px(6), px(3)))
        head.pack(fill="x")
        ttk.Label(head, text=title, style="Card.Muted.TLabel").pack(side="left")
        buttons = [ttk.Button(head, text="⋯", style="CardFlat.TButton")]
        for label, action in reversed(actions):
            button = ttk.Button(head, text=label, style="CardFlat.TButton", command=action)
            buttons.append(button)
            self.buttons[label] = button
        for button in buttons:
            button.pack(side="right")
            button.state(["disabled"])

        def select() -> None:
            for button in buttons:
                button.state(["!disabled" if table.selected else "disabled"])
            self._show_mute()

        ttk.Frame(frame, style="Line.TFrame", height=1).pack(fill="x")
        table = ServerTable(frame, self._theme, columns, menu_of, select)
        table.frame.pack(fill="both", expand=True)
        buttons[0].configure(command=table.pop_up)
        panes.add(frame, weight=weight)
        return table

    # -- what is shown -----------------------------------------------------------------------------

    def show(self) -> None:
        """Show the server in the root window."""
        px, root = self._theme.px, self._root
        self.frame.pack(fill="both", expand=True)
        width = min(px(1120), root.winfo_screenwidth() - px(20))
        height = min(px(720), root.winfo_screenheight() - px(60))
        root.minsize(px(640), px(420))
        root.geometry(f"{width}x{height}")
        root.title("netchat server")

    def restyle(self) -> None:
        """Apply the theme's colours and fonts."""
        for part in (self.users, self.rooms, self.log, self.chart):
            part.restyle()
        if self.accounts is not None and self.accounts.is_open:
            self.accounts.restyle()
        self._theme.style_menu(self.menu)

    def stopped(self) -> None:
        """Show that the server does not run."""
        self._figures = None
        self.head.clear()
        self.chart.clear()
        self._chart_label.configure(text="")
        for label in self.tiles.values():
            label.configure(text="-")
        self.users.show({})
        self.rooms.show({})

    def take(self, change: ServerChanged) -> None:
        """Show figures, users, rooms and new entries of the log."""
        if change.log:
            self.log.append(change.log)
        figures = change.figures
        if figures is None:
            return
        rates = rates_between(self._figures, figures)
        # Answers to the operator come between the regular figures.
        if self._figures is None or figures.time - self._figures.time > 0.5:
            self.chart.add(rates.messages)
            self._figures = figures
            for name, text in (
                ("messages/s", _rate(rates.messages)),
                ("received/s", _size(rates.bytes_in)),
                ("sent/s", _size(rates.bytes_out)),
                ("CPU", f"{figures.cpu:.0f} %"),
                ("memory", show_size(figures.memory)),
            ):
                self.tiles[name].configure(text=text)
        away = f" + {figures.away}" if figures.away else ""
        self.tiles["users"].configure(text=f"{figures.users:,}{away}")
        self.tiles["rooms"].configure(text=f"{figures.rooms:,}")
        top = max(self.chart.samples, default=0.0)
        count = many(figures.messages, "message")
        self._chart_label.configure(
            text=f"{count} since the start; at most {_rate(top)} per second"
        )
        self._users = {user.name: user for user in change.users}
        self._rooms = {room.code: room for room in change.rooms}
        away_users = [name for name, user in self._users.items() if user.is_away]
        self.users.show({name: user_cells(user) for name, user in self._users.items()}, away_users)
        self.rooms.show({code: room_cells(room) for code, room in self._rooms.items()})
        self._show_mute()

    def _show_mute(self) -> None:
        """Show what the button does to the selected user."""
        user = self._users.get(self.users.selected)
        is_muted = user is not None and bool(user.muted_in)
        self.buttons["Mute"].configure(text="Let write again" if is_muted else "Mute")

    def answered(self, answer: OperatorAnswer) -> None:
        """Show the answer to a request of the operator."""
        if self.accounts is not None and self.accounts.is_open:
            self.accounts.answered(answer)
            return
        self.head.show_problem(answer.text if answer.is_problem else "")
        if not answer.is_problem:
            self.head.show_hint(answer.text)

    def show_accounts(self, accounts: tuple[ListedAccount, ...]) -> None:
        """Show the accounts in their window, if it is open."""
        if self.accounts is not None and self.accounts.is_open:
            self.accounts.show(accounts)

    # -- actions -----------------------------------------------------------------------------------

    def open_accounts(self) -> None:
        """Show the accounts."""
        if self.accounts is not None and self.accounts.is_open:
            self.accounts.raise_()
            self.accounts.refresh()
            return
        self.accounts = AccountsWindow(self._root, self._theme, self._owner.administer)

    def _user_menu(self, name: str) -> tk.Menu | None:
        user = self._users.get(name)
        return self.menus.of_user(user) if user is not None else None

    def _room_menu(self, code: str) -> tk.Menu | None:
        room = self._rooms.get(code)
        return self.menus.of_room(room) if room is not None else None

    def _remove_user(self) -> None:
        if (user := self._users.get(self.users.selected)) is not None:
            self.menus.remove(user)

    def _mute_user(self) -> None:
        """Mute the selected user for ten minutes, or end the mute."""
        user = self._users.get(self.users.selected)
        if user is not None:
            self.menus.unmute(user) if user.muted_in else self.menus.mute(user, 600)

    def _save_room(self) -> None:
        if (room := self._rooms.get(self.rooms.selected)) is not None:
            self.menus.save(room)

    def _save_log(self) -> None:
        path = filedialog.asksaveasfilename(
            parent=self._root, title="Save the server's log", defaultextension=".log",
            initialfile="netchat-server.log",
        )  # fmt: skip
        if path:
            self.save_log(Path(path))

    def save_log(self, path: Path) -> None:
        """Write the lines of the log that the filter admits to a file."""
        try:
            write_file(path, "".join(f"{line}\n" for line in self.log.lines()))
        except OSError as error:
            self.head.show_problem(cannot("write", path, error))
        else:
            self.head.show_hint(f"Saved as {path}.")

    def _focus_filter(self) -> None:
        with contextlib.suppress(tk.TclError):  # the window may be closed
            self.log.field.focus_set()
            self.log.field.selection_range(0, "end")


def _size(size: float) -> str:
    return show_size(round(size)).replace("bytes", "B").replace("byte", "B")


def _rate(rate: float) -> str:
    return f"{rate:.1f}" if 0 < rate < 9.95 else f"{rate:,.0f}"
