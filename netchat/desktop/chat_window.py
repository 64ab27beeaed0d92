"""The chat window: conversations, log, people, input and the state of the connection."""

from __future__ import annotations

import contextlib
import tkinter as tk
from pathlib import Path
from tkinter import filedialog, ttk
from typing import Protocol

from netchat.desktop.conversation_list import ConversationList
from netchat.desktop.file_drop import accept_files
from netchat.desktop.host_menus import HostMenus
from netchat.desktop.input_box import InputBox
from netchat.desktop.log_view import LogView
from netchat.desktop.people_list import PeopleList
from netchat.desktop.prompts import ask
from netchat.desktop.theme import Root, Theme
from netchat.desktop.transfer_list import TransferList
from netchat.desktop.updates import Changed
from netchat.desktop.window_actions import WindowAction, bind_actions, main_menu
from netchat.desktop.worker import ChatWorker
from netchat.tui.commands import PASSWORDS, ParsedLine, completions, parse
from netchat.tui.entries import Entry
from netchat.tui.lines import sanitize
from netchat.tui.panes import ConversationState, PanesState
from netchat.wording import many

__all__ = ["ChatWindow", "Owner"]

#: Files that are named before they are sent.
_LISTED = 6


class Owner(Protocol):
    """The application, as the chat window uses it."""

    def quit(self) -> None:
        """Leave the chat and close the window."""

    def toggle_dark(self) -> None:
        """Switch between light and dark."""

    def zoom(self, factor: float) -> None:
        """Change the size of the text; a factor of 0 restores it."""


class ChatWindow:
    """The chat in the root window.

    Args:
        root: The window.
        theme: Colours and fonts.
        worker: The chat.
        owner: The application.
    """

    def __init__(self, root: Root, theme: Theme, worker: ChatWorker, owner: Owner) -> None:
        self._root = root
        self._theme = theme
        self._worker = worker
        self._owner = owner
        self.state: PanesState | None = None
        self._logs: dict[str, list[Entry]] = {}
        self._shown_key: str | None = None
        self.frame = ttk.Frame(root)
        self.menus = HostMenus(root, theme, worker.open_private, self.run)
        self.frame.columnconfigure(2, weight=1)
        self.frame.rowconfigure(0, weight=1)
        self._build_side()
        self._line(1)
        self._build_middle()
        self._line(3)
        self._build_people()
        self._build_status()
        self._bind_keys()

    # -- construction ------------------------------------------------------------------------------

    def _line(self, column: int) -> None:
        line = ttk.Frame(self.frame, style="Line.TFrame", width=1)
        line.grid(row=0, column=column, sticky="ns")
        if column == 3:
            self._people_line = line

    def _build_side(self) -> None:
        px = self._theme.px
        side = ttk.Frame(self.frame, width=px(216))
        side.grid(row=0, column=0, sticky="ns")
        side.pack_propagate(False)
        top = ttk.Frame(side, padding=(px(12), px(10), px(8), px(6)))
        top.pack(fill="x")
        self._name = ttk.Label(top, style="Title.TLabel")
        self._name.pack(side="left")
        self.menu_button = ttk.Menubutton(top, text="☰", style="Flat.TMenubutton")
        self.menu_button.pack(side="right")
        self.menu = main_menu(self._root, self._theme, self._actions())
        self.menu_button.configure(menu=self.menu)
        self.conversations = ConversationList(side, self._theme, self.select)
        self.conversations.tree.pack(fill="both", expand=True)
        buttons = ttk.Frame(side, padding=px(10))
        buttons.pack(fill="x", side="bottom")
        ttk.Button(buttons, text="Join …", command=self.ask_room).pack(
            side="left", expand=True, fill="x", padx=(0, px(6))
        )
        ttk.Button(buttons, text="New room", command=lambda: self.run("/create")).pack(
            side="left", expand=True, fill="x"
        )

    def _build_middle(self) -> None:
        px = self._theme.px
        middle = ttk.Frame(self.frame, style="Card.TFrame")
        middle.grid(row=0, column=2, sticky="nsew")
        head = ttk.Frame(middle, style="Card.TFrame", padding=(px(18), px(10), px(10), px(9)))
        head.pack(fill="x")
        self._title = ttk.Label(head, style="Card.Title.TLabel")
        self._title.pack(side="left")
        self._code = ttk.Button(head, style="CardFlat.TButton", command=self._copy_code)
        self.room_button = ttk.Button(
            head, text="⋯", style="CardFlat.TButton", command=self._pop_up_room_menu
        )
        self._topic = ttk.Label(head, style="Card.Muted.TLabel")
        self._topic.pack(side="right", padx=(0, px(8)))
        ttk.Frame(middle, style="Line.TFrame", height=1).pack(fill="x")
        self._banner = ttk.Label(middle, style="Banner.TLabel", padding=(px(18), px(8)))
        bottom = ttk.Frame(middle, style="Card.TFrame", padding=(px(12), 0, px(12), px(12)))
        bottom.pack(side="bottom", fill="x")
        self.transfers = TransferList(bottom, self._theme, self._worker.control_transfer)
        self.input = InputBox(
            bottom, self._theme, self.run, self._complete, self.ask_file_to_send, self.confirm_files
        )
        self.input.frame.pack(fill="x", side="bottom")
        self.log = LogView(middle, self._theme, self.save_file)
        self.log.frame.pack(fill="both", expand=True)

    def _build_people(self) -> None:
        self._people_frame = ttk.Frame(self.frame, width=self._theme.px(180))
        self._people_frame.grid(row=0, column=4, sticky="ns")
        self._people_frame.pack_propagate(False)
        self.people = PeopleList(
            self._people_frame, self._theme, self._worker.open_private, self.menus
        )
        self.people.tree.pack(fill="both", expand=True, pady=(self._theme.px(8), 0))

    def _build_status(self) -> None:
        px = self._theme.px
        ttk.Frame(self.frame, style="Line.TFrame", height=1).grid(
            row=1, column=0, columnspan=5, sticky="ew"
        )
        bar = ttk.Frame(self.frame, padding=(px(12), px(4)))
        bar.grid(row=2, column=0, columnspan=5, sticky="ew")
        self._dot = ttk.Label(bar, text="●")
        self._dot.pack(side="left")
        self.status = ttk.Label(bar, style="Muted.TLabel")
        self.status.pack(side="left", padx=(px(6), 0))
        self._unsent = ttk.Label(bar, style="Muted.TLabel")
        self._unsent.pack(side="right")

    def _actions(self) -> list[WindowAction]:
        """Return the entries of the menu; the ones without a label have only a key."""
        owner, run = self._owner, self.run
        return [
            WindowAction("New room", "Ctrl+N", "<Control-n>", lambda: run("/create")),
            WindowAction("New sealed room", "", "", lambda: run("/create --sealed")),
            WindowAction("Join a room …", "Ctrl+J", "<Control-j>", self.ask_room),
            WindowAction(
                "Close this conversation", "Ctrl+W", "<Control-w>", self.close_conversation
            ),
            WindowAction("Change your name …", "", "", self._ask_name, begins_group=True),
            WindowAction("Register your name …", "", "", lambda: run("/register")),
            WindowAction(
                "Send a file …", "Ctrl+O", "<Control-o>", self.ask_file_to_send, begins_group=True
            ),
            WindowAction("Emoji …", "Ctrl+.", "<Control-period>", lambda: self.input.pick_emoji()),
            WindowAction("Save the log …", "Ctrl+S", "<Control-s>", self._ask_file),
            WindowAction("Commands", "F1", "<F1>", lambda: run("/help")),
            WindowAction(
                "Light or dark", "Ctrl+D", "<Control-d>", owner.toggle_dark, begins_group=True
            ),
            WindowAction("Larger text", "Ctrl++", "<Control-plus>", lambda: owner.zoom(1.1)),
            WindowAction("Smaller text", "Ctrl+-", "<Control-minus>", lambda: owner.zoom(1 / 1.1)),
            WindowAction("", "", "<Control-equal>", lambda: owner.zoom(1.1)),
            WindowAction("", "", "<Control-0>", lambda: owner.zoom(0)),
            WindowAction("", "", "<Alt-Up>", lambda: self._step(-1)),
            WindowAction("", "", "<Alt-Down>", lambda: self._step(1)),
            WindowAction("", "", "<Prior>", lambda: self.log.page(-1)),
            WindowAction("", "", "<Next>", lambda: self.log.page(1)),
            WindowAction("Leave the chat", "Ctrl+Q", "", owner.quit, begins_group=True),
        ]

    def _bind_keys(self) -> None:
        root = self._root
        for widget in (root, self.input.text):
            bind_actions(widget, self._actions())
        root.bind("<FocusIn>", self._focused)
        root.bind("<FocusOut>", self._unfocused)
        self.log.text.bind("<Key>", self._type_in_log)

    def _unbind_keys(self) -> None:
        for sequence in self._root.bind():
            if sequence not in ("<Control-Key-q>",):
                self._root.unbind(sequence)

    # -- life --------------------------------------------------------------------------------------

    def show(self) -> None:
        """Show the chat in the root window."""
        px, root = self._theme.px, self._root
        self.frame.pack(fill="both", expand=True)
        width = min(px(1000), root.winfo_screenwidth() - px(20))
        height = min(px(660), root.winfo_screenheight() - px(60))
        root.minsize(px(520), px(320))
        root.geometry(f"{width}x{height}")
        self.input.text.focus_set()
        self.frame.bind("<Configure>", self._resized)
        root.after_idle(self._accept_files)

    def _accept_files(self) -> None:
        """Send files that are dropped on the log or the input, if Tk can receive them."""
        with contextlib.suppress(tk.TclError):  # the window may be closed
            for widget in (self.log.text, self.input.text):
                accept_files(widget, self.confirm_files)

    def destroy(self) -> None:
        """Remove the chat from the root window."""
        self._unbind_keys()
        self.frame.destroy()
        self.menu.destroy()

    def restyle(self) -> None:
        """Apply the theme's colours and fonts."""
        for part in (self.conversations, self.people, self.log, self.input):
            part.restyle()
        self._theme.style_menu(self.menu)

    def take(self, change: Changed) -> None:
        """Show a change of the chat."""
        state = change.state
        self.state = state
        for key, entries in change.replaced.items():
            self._logs[key] = list(entries)
        for key, entries in change.appended.items():
            self._logs[key] += entries
        for key in self._logs.keys() - {each.key for each in state.conversations}:
            del self._logs[key]
        key = state.selected
        if key != self._shown_key:
            self._shown_key = key
            self.log.show(self._logs.get(key, []))
        elif key in change.replaced:
            self.log.replace(self._logs[key])
        elif key in change.appended:
            self.log.append(change.appended[key])
        self._show_state(state)

    def _show_state(self, state: PanesState) -> None:
        self.conversations.show(state.conversations, state.selected)
        selected = self._selected()
        role = state.role if selected is not None and not selected.is_private else 0
        self.people.show(state.people, state.name, role)
        self.transfers.show(state.transfers)
        self._name.configure(text=_cut(state.name, 18))
        self._title.configure(text=_cut(selected.label, 40) if selected else "")
        if selected is not None and selected.code:
            self._code.configure(text=_copy_label(selected))
            self._code.pack(side="left", padx=(self._theme.px(10), 0))
        else:
            self._code.pack_forget()
        if role:
            self.room_button.pack(side="left", padx=(self._theme.px(4), 0))
        else:
            self.room_button.pack_forget()
        self._topic.configure(text=_topic(selected) if selected is not None else "")
        self._dot.configure(style="Ok.TLabel" if state.is_online else "Bad.TLabel")
        parts = [state.status, state.server]
        parts += ["TLS"] if state.is_encrypted and state.is_online else []
        parts += [self._worker.path_text] if self._worker.path_text else []
        self.status.configure(text="  ·  ".join(parts))
        unsent = many(state.unsent, "message") + " not acknowledged yet" if state.unsent else ""
        self._unsent.configure(text=unsent)
        if state.is_online:
            self._banner.pack_forget()
        elif not self._banner.winfo_ismapped():
            self._banner.pack(fill="x", before=self.log.frame)
        self._banner.configure(text=f"No connection to {state.server}: {state.status}.")
        unread = sum(each.unread for each in state.conversations)
        count = f"({unread}) " if unread else ""
        self._root.title(f"{count}{selected.label if selected else 'netchat'} · netchat")

    def _selected(self) -> ConversationState | None:
        state = self.state
        if state is None:
            return None
        return next((each for each in state.conversations if each.key == state.selected), None)

    # -- actions -----------------------------------------------------------------------------------

    def run(self, line: str) -> None:
        """Run a line of the user: a message or a command."""
        try:
            command = parse(line)
        except ValueError as error:
            self._worker.report(str(error))
            return
        if command is None:
            return
        if command.verb == "quit":
            self._owner.quit()
            return
        passwords: list[str] | None = []
        if questions := PASSWORDS.get(command.verb):
            title = {"login": "Log in", "register": "Register your name"}.get(
                command.verb, "Change your password"
            )
            passwords = ask(self._root, self._theme, title, list(questions), title.split()[0])
        if passwords is not None:
            self._worker.run_command(command, passwords)
        self.log.scroll_to_end()

    def select(self, key: str) -> None:
        """Select a conversation."""
        if self.state is None or key == self.state.selected:
            return
        self._worker.select(key)
        self.input.text.focus_set()

    def close_conversation(self) -> None:
        """Close the selected conversation; of a room, leave it."""
        if self.state is not None and self.state.selected:
            self._worker.close(self.state.selected)

    def ask_room(self) -> None:
        """Ask for a room code and join the room."""
        label = "Room code, link, or code and words"
        if answers := ask(self._root, self._theme, "Join a room", [label], "Join"):
            self.run(f"/join {answers[0].strip()}")

    def _ask_name(self) -> None:
        if answers := ask(self._root, self._theme, "Change your name", ["Name"], "Change"):
            self.run(f"/nick {answers[0].strip()}")

    def _ask_file(self) -> None:
        path = filedialog.asksaveasfilename(
            parent=self._root, title="Save the log", defaultextension=".txt",
            filetypes=[("Text", ".txt"), ("JSON lines", ".jsonl"), ("CSV", ".csv"), ("HTML", ".html")],
        )  # fmt: skip
        if path:
            self.run(f"/export {path}")

    def ask_file_to_send(self) -> None:
        """Ask for files, and send them to the selected conversation."""
        paths = filedialog.askopenfilenames(parent=self._root, title="Send files")
        for path in paths or ():
            self.send_file(path)

    def confirm_files(self, paths: list[str]) -> None:
        """Ask whether to send files that were dropped or pasted, and send them."""
        if (selected := self._selected()) is None or not paths:
            return
        about = "\n".join([*map(_short_path, paths[:_LISTED]), *["…"][: len(paths) > _LISTED]])
        title = f"Send {many(len(paths), 'file')} to {_cut(selected.label, 30)}"
        if (
            ask(self._root, self._theme, title, [], "Send", is_optional=True, about=about)
            is not None
        ):
            for path in paths:
                self.send_file(path)

    def send_file(self, path: str) -> None:
        """Send a file to the selected conversation."""
        self._worker.run_command(ParsedLine("send", (path,)))

    def save_file(self, entry: Entry) -> None:
        """Ask for a path, and save the file that an entry offers."""
        path = filedialog.asksaveasfilename(
            parent=self._root, title="Save the file", initialfile=entry.file_name
        )
        if path:
            self._worker.run_command(ParsedLine("save", (str(entry.offer), path)))

    def _pop_up_room_menu(self) -> None:
        if (selected := self._selected()) is not None:
            button = self.room_button
            x, y = button.winfo_rootx(), button.winfo_rooty() + button.winfo_height()
            self.menus.of_room(selected).tk_popup(x, y)

    def _copy_code(self) -> None:
        selected = self._selected()
        if selected is not None:
            self._root.clipboard_clear()
            self._root.clipboard_append(selected.code)
            self._code.configure(text="Copied")
            self._root.after(1500, self._restore_code)

    def _restore_code(self) -> None:
        with contextlib.suppress(tk.TclError):  # the window may be closed
            selected = self._selected()
            self._code.configure(text=_copy_label(selected) if selected else "")

    def _complete(self, before: str) -> tuple[int, list[str]]:
        state = self.state
        if state is None:
            return 0, []
        return completions(before, state.known_people, state.rooms, state.role)

    def _step(self, step: int) -> None:
        if self.state is not None:
            self.select(self.conversations.neighbour(self.state.selected, step))

    def _type_in_log(self, event: tk.Event[tk.Text]) -> str | None:
        """Let what the user types in the log go to the input."""
        modifiers = int(event.state) & 0x4 if isinstance(event.state, int) else 0
        if event.char and event.char.isprintable() and not modifiers:
            self.input.text.focus_set()
            self.input.text.insert("insert", event.char)
            return "break"
        return None

    def _focused(self, event: tk.Event[tk.Misc]) -> None:
        if event.widget is self._root:
            self._worker.focus(has_focus=True)

    def _unfocused(self, event: tk.Event[tk.Misc]) -> None:
        if event.widget is self._root:
            self._worker.focus(has_focus=False)

    def _resized(self, event: tk.Event[tk.Misc]) -> None:
        """Hide the people in a narrow window."""
        if event.widget is not self.frame:
            return
        if event.width < self._theme.px(720):
            self._people_frame.grid_remove()
            self._people_line.grid_remove()
        else:
            self._people_frame.grid()
            self._people_line.grid()


def _topic(conversation: ConversationState) -> str:
    """Return the modes of a room, as a phrase."""
    modes = (
        ("end-to-end encrypted", conversation.is_sealed),
        ("locked", conversation.is_locked),
        ("read-only", conversation.is_read_only),
    )
    return "  ·  ".join(text for text, is_on in modes if is_on)


def _copy_label(conversation: ConversationState) -> str:
    code = conversation.code
    return "Copy the code" if conversation.label == code else f"{code}: copy"


def _short_path(path: str) -> str:
    return _cut(sanitize(Path(path).name, " "), 60)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
