"""The login window: name, server, TLS and room."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from tkinter import ttk

from netchat.desktop.login import LoginValues, check_login
from netchat.desktop.theme import Root, Theme
from netchat.desktop.updates import LoginRefused

__all__ = ["LoginWindow"]


class LoginWindow:
    """Form in the root window.

    Args:
        root: The window.
        theme: Colours and fonts.
        login: Values to begin with.
        connect: Called with the values once they are valid.
        cancel: Called when the user cancels an attempt to connect.
    """

    def __init__(
        self,
        root: Root,
        theme: Theme,
        login: LoginValues,
        connect: Callable[[LoginValues], None],
        cancel: Callable[[], None],
    ) -> None:
        self._root = root
        self._theme = theme
        self._connect = connect
        self._cancel = cancel
        self._is_connecting = False
        px = theme.px
        self.frame = ttk.Frame(root, padding=px(28))
        self.frame.columnconfigure(0, weight=1)
        self.name = tk.StringVar(root, login.name)
        self.host = tk.StringVar(root, login.host)
        self.port = tk.StringVar(root, str(login.port))
        self.room = tk.StringVar(root, login.room)
        self.tls = tk.BooleanVar(root, login.tls)
        self.password = tk.StringVar(root, login.password)
        self.link = tk.StringVar(root, login.link)
        self.channel = tk.StringVar(root, login.channel)
        self.udp = tk.BooleanVar(root, login.udp)
        ttk.Label(self.frame, text="netchat", style="Title.TLabel").grid(sticky="w")
        ttk.Label(
            self.frame, text="Enter a name and the address of a server.", style="Muted.TLabel"
        ).grid(sticky="w", pady=(px(2), px(14)))
        self.fields: dict[str, ttk.Entry] = {}
        self._add_field("name", "Name", self.name, self.frame).grid(sticky="ew")
        self._password_frame = self._add_field("password", "Password", self.password, self.frame)
        self.fields["password"].configure(show="•")
        self._password_row = self.frame.grid_size()[1]
        server = ttk.Frame(self.frame)
        server.columnconfigure(0, weight=1)
        self._add_field("host", "Server", self.host, server).grid(row=0, column=0, sticky="ew")
        port = self._add_field("port", "Port", self.port, server)
        port.grid(row=0, column=1, sticky="ew", padx=(px(10), 0))
        self.fields["port"].configure(width=7)
        server.grid(row=self._password_row + 1, sticky="ew")
        self._add_field("room", "Room code (empty: the lobby)", self.room, self.frame).grid(
            sticky="ew"
        )
        ttk.Checkbutton(
            self.frame, text="Encrypt the connection (TLS)", variable=self.tls
        ).grid(sticky="w", pady=(px(4), px(6)))  # fmt: skip
        self._add_options(login)
        self._problem = ttk.Label(self.frame, style="Bad.TLabel", wraplength=px(340))
        self._problem.grid(row=self._options_row + 1, sticky="ew", pady=(px(2), px(8)))
        self.button = ttk.Button(
            self.frame, text="Join the chat", style="Accent.TButton", command=self.submit
        )
        self.button.grid(row=self._options_row + 2, sticky="ew", ipady=px(3))
        for field in self.fields.values():
            field.bind("<Return>", lambda _: self.submit())
        root.bind("<Escape>", self._escape)
        if login.password:
            self._show_password()

    def _add_field(self, key: str, label: str, value: tk.Variable, parent: tk.Misc) -> ttk.Frame:
        px = self._theme.px
        frame = ttk.Frame(parent)
        frame.columnconfigure(0, weight=1)
        ttk.Label(frame, text=label, style="Muted.TLabel").grid(sticky="w", pady=(0, px(3)))
        entry = ttk.Entry(frame, textvariable=value, font=self._theme.text, width=34)
        entry.grid(sticky="ew", pady=(0, px(11)))
        if key == "host":
            entry.configure(width=24)
        self.fields[key] = entry
        return frame

    def _add_options(self, login: LoginValues) -> None:
        """Add the options for links, which are hidden at first."""
        px = self._theme.px
        self.options_button = ttk.Button(
            self.frame, style="Link.TButton", command=self._toggle_options
        )
        self.options_button.grid(sticky="w", pady=(0, px(4)))
        self._options_row = self.frame.grid_size()[1]
        self._options = ttk.Frame(self.frame)
        self._options.columnconfigure(0, weight=1)
        self._add_field(
            "link", "Link with error correction, such as rs:255,223 or adaptive", self.link,
            self._options,
        ).grid(sticky="ew")  # fmt: skip
        self._add_field(
            "channel", "Simulated noise, such as bsc:1e-3", self.channel, self._options
        ).grid(sticky="ew")
        ttk.Checkbutton(
            self._options, text="Use UDP (server with --udp)", variable=self.udp
        ).grid(sticky="w", pady=(0, px(4)))  # fmt: skip
        self._has_options = not login.has_path
        self._toggle_options()

    def _toggle_options(self) -> None:
        """Show the options for links, or hide them."""
        self._has_options = not self._has_options
        if self._has_options:
            self._options.grid(row=self._options_row, sticky="ew")
        else:
            self._options.grid_remove()
        self.options_button.configure(text=("▾" if self._has_options else "▸") + " Link and noise")
        self._fit()

    def show(self) -> None:
        """Show the form, with the focus on the first empty field."""
        self.frame.pack(fill="both", expand=True)
        root = self._root
        root.title("netchat")
        root.update_idletasks()
        width, height = self.frame.winfo_reqwidth(), self.frame.winfo_reqheight()
        root.minsize(width, height)
        root.geometry(f"{width}x{height}")
        field = self.fields["name"]
        field.focus_set()
        field.selection_range(0, "end")

    def hide(self) -> None:
        """Hide the form."""
        self.frame.pack_forget()

    def submit(self) -> None:
        """Check the values and connect; while connecting, cancel instead."""
        if self._is_connecting:
            self._cancel()
            self.set_connecting(is_connecting=False)
            return
        try:
            login = check_login(
                self.name.get(), self.host.get(), self.port.get(), self.room.get(),
                tls=self.tls.get(), password=self.password.get(), link=self.link.get(),
                channel=self.channel.get(), udp=self.udp.get(),
            )  # fmt: skip
        except ValueError as error:
            self._show_problem(str(error))
            return
        self._show_problem("")
        self.set_connecting(is_connecting=True)
        self._connect(login)

    def refuse(self, refused: LoginRefused) -> None:
        """Show why the server or the network refused the user."""
        self.set_connecting(is_connecting=False)
        text = refused.why
        if refused.suggestion:
            text += f" {refused.suggestion} is free."
            if not refused.needs_password:
                self.name.set(refused.suggestion)
        self._show_problem(text)
        if refused.needs_password:
            self._show_password()
            self.fields["password"].focus_set()
            self.fields["password"].selection_range(0, "end")
        else:
            self.fields["name"].focus_set()
        self._fit()

    def set_connecting(self, *, is_connecting: bool) -> None:
        """Show whether the client is connecting."""
        self._is_connecting = is_connecting
        for field in self.fields.values():
            field.state(["disabled" if is_connecting else "!disabled"])
        self.button.configure(text="Connecting … (cancel)" if is_connecting else "Join the chat")

    @property
    def problem(self) -> str:
        """The problem that is shown, or an empty string."""
        return str(self._problem["text"])

    def _show_problem(self, text: str) -> None:
        self._problem.configure(text=text)
        self._fit()

    def _show_password(self) -> None:
        self._password_frame.grid(row=self._password_row, sticky="ew")

    def _fit(self) -> None:
        if not self.frame.winfo_ismapped():
            return
        self._root.update_idletasks()
        height = self.frame.winfo_reqheight()
        self._root.minsize(self.frame.winfo_reqwidth(), height)
        self._root.geometry(f"{self._root.winfo_width()}x{height}")

    def _escape(self, _: object) -> None:
        if self._is_connecting:
            self.submit()
