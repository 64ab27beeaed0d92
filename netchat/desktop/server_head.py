"""The head of a server's window: its state, its addresses and the QR code of its page."""

from __future__ import annotations

import tkinter as tk
import webbrowser
from collections.abc import Callable
from tkinter import ttk

from netchat.desktop.server_updates import ServerStarted
from netchat.desktop.theme import Root, Theme
from netchat.web.qr import png_qr

__all__ = ["ServerHead"]

_ONLY_HERE = "Only this machine can connect. Start with --lan to let other machines in."

_CLICK = "Click an address to copy it; the page opens in the browser."


class ServerHead:
    """Head of the window.

    Args:
        root: The window.
        parent: Widget to place it in.
        theme: Colours and fonts.
        menu: The menu of the window.
        toggle: Called to start the server, or to stop it.
    """

    def __init__(
        self,
        root: Root,
        parent: tk.Misc,
        theme: Theme,
        menu: tk.Menu,
        toggle: Callable[[], None],
    ) -> None:
        self._root = root
        self._theme = theme
        self._qr: tk.PhotoImage | None = None
        px = theme.px
        self.frame = ttk.Frame(parent, padding=(px(18), px(14), px(14), px(6)))
        self._qr_label = ttk.Label(self.frame)
        self._qr_label.pack(side="right", padx=(px(14), px(4)))
        right = ttk.Frame(self.frame)
        right.pack(side="right", anchor="n")
        ttk.Menubutton(right, text="☰", style="Flat.TMenubutton", menu=menu).pack(side="right")
        self.button = ttk.Button(right, command=toggle)
        self.button.pack(side="right", padx=(0, px(8)))
        left = ttk.Frame(self.frame)
        left.pack(side="left", fill="x", expand=True, anchor="n")
        state = ttk.Frame(left)
        state.pack(anchor="w")
        self._dot = ttk.Label(state, text="●")
        self._dot.pack(side="left", padx=(0, px(8)))
        self.state = ttk.Label(state, style="Title.TLabel")
        self.state.pack(side="left")
        self.places = ttk.Frame(left)
        self.places.pack(anchor="w", pady=(px(8), 0))
        self.hint = ttk.Label(left, style="Muted.TLabel", wraplength=px(560))
        self.hint.pack(anchor="w", pady=(px(4), 0))
        self.problem = ttk.Label(left, style="Bad.TLabel", wraplength=px(560))

    def show_state(self, state: str, button: str, *, is_running: bool, can_act: bool) -> None:
        """Show whether the server runs.

        Args:
            state: The state, as a word.
            button: Label of the button that changes it.
            is_running: Clients can connect.
            can_act: The button can be pressed.
        """
        self.state.configure(text=f"netchat server: {state}")
        self._dot.configure(style="Ok.TLabel" if is_running else "Bad.TLabel")
        self.button.configure(text=button, style="TButton" if is_running else "Accent.TButton")
        self.button.state(["!disabled" if can_act else "disabled"])
        self._root.title(f"{state} · netchat server")

    def show_hint(self, text: str) -> None:
        """Show a sentence below the addresses."""
        self.hint.configure(text=text)

    def show_problem(self, text: str) -> None:
        """Show a problem below the addresses; an empty text removes it."""
        self.problem.configure(text=text)
        if text:
            self.problem.pack(anchor="w", pady=(self._theme.px(4), 0))
        else:
            self.problem.pack_forget()

    def show_places(self, started: ServerStarted) -> None:
        """Show where the server listens, and the QR code of the page for other machines."""
        self._clear_places()
        for row, (name, text) in enumerate(_places(started)):
            ttk.Label(self.places, text=name, style="Muted.TLabel").grid(
                row=row, column=0, sticky="w", padx=(0, self._theme.px(12))
            )
            label = ttk.Label(self.places, text=text, cursor="hand2")
            label.grid(row=row, column=1, sticky="w")
            label.bind("<Button-1>", lambda _, text=text: self._use(text))  # type: ignore[misc]
        is_private = not started.public_page and _is_local(started)
        self.show_hint(_ONLY_HERE if is_private else _CLICK)
        self._qr = None
        if started.public_page:
            # Browsers do not send the fragment; its reader can compare it with the browser's display.
            tag = f"/#sha256={started.fingerprint}" if started.fingerprint else ""
            image = png_qr(started.public_page + tag, self._theme.px(150))
            self._qr = tk.PhotoImage(master=self._root, data=image)
        self._qr_label.configure(image=self._qr or "")

    def clear(self) -> None:
        """Remove the addresses and the QR code: the server does not run."""
        self._clear_places()
        self.show_hint("")
        self._qr_label.configure(image="")
        self._qr = None

    def _clear_places(self) -> None:
        for child in self.places.winfo_children():
            child.destroy()

    def _use(self, text: str) -> None:
        """Copy an address; open a URL."""
        self._root.clipboard_clear()
        self._root.clipboard_append(text)
        self.show_hint(f"Copied: {text}")
        if text.startswith("http"):
            webbrowser.open(text)


def _places(started: ServerStarted) -> list[tuple[str, str]]:
    """Return the name and the text of each address that users need."""
    places = [("Address", address) for address in started.addresses[:1]]
    places += [("", address) for address in started.addresses[1:]]
    if started.page:
        places.append(("Page", started.page))
    if started.public_page:
        places.append(("For others", started.public_page))
    if started.fingerprint:
        places.append(("TLS key", started.fingerprint))
    return places


def _is_local(started: ServerStarted) -> bool:
    return all(address.startswith(("127.", "[::1]", "localhost")) for address in started.addresses)
