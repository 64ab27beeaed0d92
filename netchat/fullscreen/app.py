"""The app: conversations, log, people, input and the state of the connection."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import App, ComposeResult, SystemCommand
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widgets import OptionList, RichLog, Static
from textual.widgets.option_list import Option

from netchat.fullscreen.hood_pane import HoodPane
from netchat.fullscreen.link_pane import LinkPane
from netchat.fullscreen.log_lines import log_line
from netchat.fullscreen.password_screen import PasswordScreen
from netchat.fullscreen.prompt import PromptArea
from netchat.fullscreen.transfers_pane import TransfersPane
from netchat.tui.arrivals import QUIET_SECONDS
from netchat.tui.commands import PASSWORDS, ParsedLine, completions, parse
from netchat.tui.frame_log import FrameLog
from netchat.tui.lines import LOCK
from netchat.tui.link_meter import LinkMeter
from netchat.tui.pane import Pane
from netchat.tui.panes import ConversationState, Panes, PanesState
from netchat.wording import many

__all__ = ["ChatApp"]

#: Entries of a log that are drawn; `/history` and `/export` show more.
DRAWN = 2_000

#: Width in columns below which the people are hidden.
_NARROW = 70

#: Height in lines from which the link is shown from the start.
_TALL = 30

#: Seconds between two redraws at most: a burst of events is one redraw.
_REDRAW_SECONDS = 0.03


class ChatApp(App[int]):
    """Chat with panes.

    Args:
        panes: The model.
        frames: Frames of the client, for *Under the hood*; none by default.
        is_dark: Use a dark theme.
    """

    TITLE = "netchat"
    CSS = """
    #side { width: 22; border-right: solid $panel; }
    #people { width: 17; border-left: solid $panel; }
    OptionList { border: none; padding: 0 1; height: 1fr; background: $background; }
    OptionList:focus { border: none; background-tint: $foreground 4%; }
    .heading { color: $text-muted; padding: 0 1; }
    #head { padding: 0 1; height: 1; background: $panel; }
    #banner { padding: 0 1; background: $warning; color: black; display: none; }
    #log { padding: 0 1; background: $background; scrollbar-size-vertical: 1; }
    #prompt { height: auto; max-height: 6; border: none; border-top: solid $panel; padding: 0 1;
      background: $background; }
    #prompt:focus { border-top: solid $primary; }
    #status { height: 1; padding: 0 1; background: $panel; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        ("ctrl+q", "leave", "Leave the chat"),
        ("ctrl+c", "leave_interrupted", "Leave the chat"),
        ("alt+up", "step(-1)", "Previous conversation"),
        ("alt+down", "step(1)", "Next conversation"),
        ("ctrl+n", "run_line('/create')", "New room"),
        ("f1", "run_line('/help')", "Commands"),
        ("f2", "toggle_people", "People"),
        ("f3", "toggle_link", "Link"),
        ("f4", "toggle_hood", "Under the hood"),
        ("escape", "focus_prompt", "Input"),
        ("pageup", "page(-1)", "Scroll up"),
        ("pagedown", "page(1)", "Scroll down"),
    ]

    def __init__(
        self, panes: Panes, frames: FrameLog | None = None, *, is_dark: bool = True
    ) -> None:
        super().__init__()
        self.panes = panes
        self.frames = frames if frames is not None else FrameLog()
        self.meter = LinkMeter(panes.session.client)
        self.theme = "textual-dark" if is_dark else "textual-light"
        self.state: PanesState = panes.state()
        self._drawn: tuple[Pane | None, int, int] = (None, 0, 0)
        self._is_redraw_due = False
        self._shown_conversations: tuple[ConversationState, ...] | None = None
        self._shown_people: tuple[tuple[str, ...], str] | None = None
        self._texts: dict[str, str] = {}
        self._hides_people = False
        self._width = 0  # of the log, when it was drawn

    def compose(self) -> ComposeResult:
        """Create the panes."""
        with Horizontal():
            with Vertical(id="side"):
                yield Static("Conversations", classes="heading")
                yield OptionList(id="conversations")
            with Vertical(id="middle"):
                yield Static(id="head", markup=False)
                yield Static(id="banner", markup=False)
                yield RichLog(id="log", max_lines=20_000, min_width=1)
                yield LinkPane(self.meter)
                yield TransfersPane()
                yield PromptArea(self._complete)
            with Vertical(id="people"):
                yield Static("People", classes="heading", id="people-heading")
                yield OptionList(id="members")
        yield HoodPane(self.frames)
        yield Static(id="status", markup=False)

    def on_mount(self) -> None:
        """Show the model."""
        self.set_interval(QUIET_SECONDS / 4, self._tick)
        self.query_one(HoodPane).display = False
        self.query_one(LinkPane).display = self.meter.has_link and self.size.height >= _TALL
        self.query_one(PromptArea).focus()
        self.call_after_refresh(self.redraw)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Return the commands of the palette."""
        for each in self.state.conversations:
            yield SystemCommand(
                f"Go to {each.label}", "Select this conversation",
                lambda key=each.key: self._select(key),
            )  # fmt: skip
        for title, line in (
            ("New room", "/create"), ("New sealed room", "/create --sealed"), ("Commands", "/help"),
            ("Leave this conversation", "/leave"), ("Pause all transfers", "/pause"),
            ("Resume all transfers", "/resume"), ("Cancel all transfers", "/cancel"),
        ):  # fmt: skip
            yield SystemCommand(title, line, lambda line=line: self.action_run_line(line))
        for title, does, action in (
            ("Under the hood", "Show or hide the frames as they pass", self.action_toggle_hood),
            ("Link", "Show or hide the state of the link", self.action_toggle_link),
            ("People", "Show or hide the people", self.action_toggle_people),
        ):
            yield SystemCommand(title, does, action)
        yield from super().get_system_commands(screen)

    # -- what is shown -----------------------------------------------------------------------------

    def changed(self) -> None:
        """Redraw soon, because the model has changed."""
        if not self._is_redraw_due:
            self._is_redraw_due = True
            # Not a timer of Textual: this is also called by tasks outside the app.
            loop = asyncio.get_running_loop()
            loop.call_later(_REDRAW_SECONDS, self.call_later, self.redraw)

    def redraw(self) -> None:
        """Show the model."""
        self._is_redraw_due = False
        if not self.is_running or len(self.screen_stack) != 1 or not self.query("#log"):
            return  # the end, or a modal screen; the next tick redraws
        state = self.state = self.panes.state()
        self._draw_log()
        self._draw_conversations(state)
        self._draw_people(state)
        self._draw_lines(state)
        self._draw_panes()

    def _draw_log(self) -> None:
        log, pane = self.query_one("#log", RichLog), self.panes.selected
        if pane is None:
            return
        width = log.scrollable_content_region.width
        if not width:  # not laid out yet
            return
        drawn, revision, count = self._drawn
        if width != self._width or pane is not drawn or revision != pane.revision:
            log.clear()
            count = max(0, len(pane.entries) - DRAWN)
        self._width = width
        is_dark = self.current_theme.dark
        is_at_end = log.is_vertical_scroll_end or count == 0
        for entry in pane.entries[count:]:
            line = log_line(entry, self.console, width, is_dark=is_dark)
            log.write(line, scroll_end=is_at_end)
        self._drawn = pane, pane.revision, len(pane.entries)

    def _draw_conversations(self, state: PanesState) -> None:
        shown = self.query_one("#conversations", OptionList)
        if state.conversations != self._shown_conversations:
            self._shown_conversations = state.conversations
            is_dark = self.current_theme.dark
            shown.set_options(
                [Option(_row(each, is_dark=is_dark), id=each.key) for each in state.conversations]
            )  # fmt: skip
        if state.selected:
            with shown.prevent(OptionList.OptionHighlighted):
                shown.highlighted = shown.get_option_index(state.selected)

    def _draw_people(self, state: PanesState) -> None:
        pane = self.query_one("#people", Vertical)
        pane.display = not self._hides_people and self.size.width >= _NARROW
        if (state.people, state.name) == self._shown_people:
            return
        self._shown_people = state.people, state.name
        self._show("people-heading", f"People {len(state.people)}")
        members = self.query_one("#members", OptionList)
        members.set_options([
            Option(Text(f"{name} (you)" if name == state.name else name), id=name)
            for name in state.people
        ])  # fmt: skip

    def _draw_lines(self, state: PanesState) -> None:
        selected = next((c for c in state.conversations if c.key == state.selected), None)
        head = ""
        if selected is not None:
            head = selected.label
            if selected.code and selected.code != selected.label:
                head += f"  {selected.code}"
            if selected.is_sealed:
                head += f"  {LOCK} end-to-end encrypted"
        self._show("head", head)
        banner = self.query_one("#banner", Static)
        banner.display = not state.is_online
        self._show("banner", f"No connection to {state.server}: {state.status}")
        parts = [state.name, state.status, state.server + " TLS" * state.is_encrypted]
        if state.unsent:
            parts.append(many(state.unsent, "message") + " not acknowledged")
        keys = "F1 commands  F4 frames  ^P palette  ^Q leave"
        if self.size.width < _NARROW + 20:
            keys = "F1 help  F4 frames  ^Q leave"
        self._show("status", f"{'  ·  '.join(parts)}    {keys}")

    def _show(self, name: str, text: str) -> None:
        """Show a text; an update of a widget with the same text would send it to the terminal again."""
        if self._texts.get(name) != text:
            self._texts[name] = text
            self.query_one(f"#{name}", Static).update(text)

    def _draw_panes(self) -> None:
        transfers = self.panes.session.transfers
        self.query_one(TransfersPane).redraw(transfers, time.monotonic())
        for pane in (self.query_one(LinkPane), self.query_one(HoodPane)):
            if pane.display:
                pane.redraw()

    def _tick(self) -> None:
        self.panes.check_arrivals(time.monotonic())
        self.meter.sample(asyncio.get_running_loop().time())
        self.changed()

    def on_resize(self) -> None:
        """Wrap the log again."""
        self.changed()

    def on_app_focus(self) -> None:
        """Note that the user looks at the terminal."""
        self.panes.focus(has_focus=True)
        self.changed()

    def on_app_blur(self) -> None:
        """Note that the user looks elsewhere."""
        self.panes.focus(has_focus=False)

    # -- actions -----------------------------------------------------------------------------------

    @on(PromptArea.Sent)
    def _sent(self, event: PromptArea.Sent) -> None:
        self.action_run_line(event.text)

    def action_run_line(self, line: str) -> None:
        """Run a line of the user: a message or a command."""
        try:
            command = parse(line)
        except ValueError as error:
            self.panes.report(str(error))
            self.changed()
            return
        if command is None:
            return
        if command.verb == "quit":
            self.exit(0)
        elif prompts := PASSWORDS.get(command.verb):
            self._ask_passwords(command, prompts)
        else:
            self.panes.run(command)
            self.query_one("#log", RichLog).scroll_end(animate=False)
            self.changed()

    def _ask_passwords(self, command: ParsedLine, prompts: Iterable[str]) -> None:
        if problem := self.panes.session.client.password_problem():
            self.panes.report(problem)
            self.changed()
            return

        def answered(passwords: list[str] | None) -> None:
            if passwords is not None:
                self.panes.run(command, passwords)
            self.changed()

        self.push_screen(PasswordScreen(prompts), answered)

    @on(OptionList.OptionSelected, "#conversations")
    @on(OptionList.OptionHighlighted, "#conversations")
    def _conversation_chosen(
        self, event: OptionList.OptionSelected | OptionList.OptionHighlighted
    ) -> None:
        if event.option_id and event.option_id != self.state.selected:
            self._select(event.option_id)
        if isinstance(event, OptionList.OptionSelected):
            self.query_one(PromptArea).focus()

    @on(OptionList.OptionSelected, "#members")
    def _member_chosen(self, event: OptionList.OptionSelected) -> None:
        if event.option_id:
            self.panes.open_private(event.option_id)
            self.query_one(PromptArea).focus()
            self.changed()

    def _select(self, key: str) -> None:
        self.panes.select(key)
        self.redraw()

    def action_control_transfer(self, number: int, action: str) -> None:
        """Pause, resume or cancel a transfer."""
        self.panes.control_transfer(number, action)
        self.changed()

    def action_step(self, step: int) -> None:
        """Select the previous or the next conversation."""
        keys = [each.key for each in self.state.conversations]
        if self.state.selected in keys:
            self._select(keys[(keys.index(self.state.selected) + step) % len(keys)])

    def action_page(self, direction: int) -> None:
        """Scroll the log by a page."""
        log = self.query_one("#log", RichLog)
        (log.scroll_page_up if direction < 0 else log.scroll_page_down)(animate=False)

    def action_toggle_people(self) -> None:
        """Hide or show the people."""
        self._hides_people = not self._hides_people
        self.redraw()

    def action_toggle_link(self) -> None:
        """Hide or show the state of the link."""
        link = self.query_one(LinkPane)
        link.display = not link.display
        self.redraw()

    def action_toggle_hood(self) -> None:
        """Hide or show the frames."""
        hood = self.query_one(HoodPane)
        hood.display = not hood.display
        if not hood.display:
            self.query_one(PromptArea).focus()
        self.call_after_refresh(self.redraw)

    def action_focus_prompt(self) -> None:
        """Return to the input."""
        self.query_one(PromptArea).focus()

    def action_leave(self) -> None:
        """Leave the chat."""
        self.exit(0)

    def action_leave_interrupted(self) -> None:
        """Leave the chat, as Ctrl-C does in the plain client."""
        self.exit(130)

    def _complete(self, before: str) -> tuple[int, list[str]]:
        state = self.state
        return completions(before, state.known_people, state.rooms, state.role)


def _row(conversation: ConversationState, *, is_dark: bool) -> Text:
    """Return the row of a conversation, with its number of unread messages."""
    each = conversation
    mark = "@ " if each.is_private else f"{LOCK} " if each.is_sealed else "# "
    row = Text(mark + each.label, no_wrap=True, overflow="ellipsis")
    if each.unread:
        row.stylize("bold")
        red = "bold #ff7070" if is_dark else "bold #b00020"
        row.append(f"  {min(each.unread, 999)}", red if each.is_mentioned else "bold")
    return row
