"""Chat in a terminal: an input line that output never overwrites, with events above it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Iterable
from typing import Any

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.history import DummyHistory
from prompt_toolkit.patch_stdout import patch_stdout

from netchat.chat.client_events import ClientEvent, RoomEvent
from netchat.chat.room_codes import LOBBY, show_code
from netchat.chat.text import show_text
from netchat.exit_codes import INTERRUPTED, OK
from netchat.tui.actions import run_command
from netchat.tui.arrivals import QUIET_SECONDS, Arrivals
from netchat.tui.commands import PASSWORDS, completions, parse
from netchat.tui.file_lines import transfer_status
from netchat.tui.lines import Line, error_line, notice_line, render
from netchat.tui.main_loop import listen
from netchat.tui.mentions import must_notify
from netchat.tui.pipe import STOP_SIGNALS
from netchat.tui.session import ChatSession
from netchat.tui.time_column import WIDTH, TimeColumn

__all__ = ["run_terminal"]

#: Past messages that are shown on entering a room.
PAST = 50

#: Time from a message to telling the server that the user has seen it, in seconds.
READ_SECONDS = 3.0

#: Shortest time between two bells, in seconds.
BELL_SECONDS = 2.0


async def run_terminal(session: ChatSession, notes: Iterable[Line] = ()) -> int:
    """Chat until the user leaves.

    Args:
        session: Session of a client that is not connected yet.
        notes: Lines to show once the user is online.

    Returns:
        Exit code.

    Raises:
        CannotConnect: There is no server.
        NetchatError: The server ended the session.
    """
    async with session.client:
        return await _Terminal(session, notes).run()


class _Terminal:
    def __init__(self, session: ChatSession, notes: Iterable[Line]) -> None:
        self.session = session
        self._notes = list(notes)
        self._colour = not os.environ.get("NO_COLOR")
        self._begun = asyncio.Event()
        self._arrivals = Arrivals()
        self._times = TimeColumn(time.time())
        self._early: dict[str, list[tuple[RoomEvent, list[Line]]]] = {}
        self._rung_at = float("-inf")
        self._seen: dict[str, int] = {}
        self._marker_timer: asyncio.TimerHandle | None = None
        session.past_count = PAST
        self._arrivals_timer: asyncio.TimerHandle | None = None
        self._prompt_session: PromptSession[str] = PromptSession(
            self._prompt,
            bottom_toolbar=self._toolbar,
            completer=_Tab(session),
            complete_while_typing=False,
            enable_suspend=True,  # Ctrl-Z
            erase_when_done=True,  # the message appears when its echo arrives
            refresh_interval=0.5,
        )

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        stop: asyncio.Future[int] = loop.create_future()
        listening = asyncio.create_task(self._listen())
        begun = asyncio.create_task(self._begun.wait())
        await asyncio.wait({listening, begun}, return_when=asyncio.FIRST_COMPLETED)
        begun.cancel()
        if listening.done():
            await listening
            return OK  # the name was rejected; the caller handles that
        with patch_stdout(raw=True):
            for number in set(STOP_SIGNALS) - {signal.SIGINT}:  # Ctrl-C is a key here
                with contextlib.suppress(NotImplementedError):
                    loop.add_signal_handler(number, _set, stop, STOP_SIGNALS[number])
            asking = asyncio.create_task(self._ask())
            futures: set[asyncio.Future[Any]] = {listening, asking, stop}
            await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
            if not asking.done():
                asking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                status = await asking
            if stop.done():
                status = stop.result()
        if listening.done():
            await listening
            if self.session.core.is_logging_out:
                self._show([notice_line("bye", "you are logged out")])
            return OK
        self._mark_read()
        lines = await self.session.leave()
        if self.session.core.ended:
            await listening
        listening.cancel()
        self._show([*lines, notice_line("bye", "you have left the chat")])
        return status

    async def _listen(self) -> None:
        async for event, lines in listen(self.session):
            self._take(event, lines)
            if self._arrivals.is_pending and self._arrivals_timer is None:
                self._check_arrivals()
            if self.session.initial_room_refused:
                self._stay()
            if self.session.was_online and not self._begun.is_set():
                self._show([*self._notes, notice_line("help", "/help lists the commands")])
                self._begun.set()

    def _take(self, event: ClientEvent, lines: list[Line]) -> None:
        """Show the lines of an event, or keep them until the past of its room has been shown."""
        awaited = self.session.entry_requests.values()
        if isinstance(event, RoomEvent) and event.event.room in awaited:
            self._early.setdefault(event.event.room, []).append((event, lines))
            return
        self._show_event(event, lines)
        for room in [room for room in self._early if room not in awaited]:
            for each in self._early.pop(room):
                self._show_event(*each)

    def _show_event(self, event: ClientEvent, lines: list[Line]) -> None:
        now = time.monotonic()
        self._show(self._arrivals.take(event, lines, now))
        if isinstance(event, RoomEvent):
            self._seen[event.event.room] = event.event.seq
            if self._marker_timer is None:
                loop = asyncio.get_running_loop()
                self._marker_timer = loop.call_later(READ_SECONDS, self._mark_read)
        is_for_user = isinstance(event, RoomEvent) and must_notify(event, self.session.core.name)
        if is_for_user and now - self._rung_at >= BELL_SECONDS:
            self._rung_at = now
            print(end="\a", flush=True)  # noqa: T201 - the terminal's notification

    def _mark_read(self) -> None:
        """Tell the server what the user has seen, for the other devices of the account."""
        self._marker_timer = None
        for room, seq in self._seen.items():
            self.session.core.mark_read(room, seq)
        self._seen.clear()
        self.session.client.flush_or_drop()

    def _check_arrivals(self) -> None:
        """Show the people who have joined and left once no more follow."""
        self._arrivals_timer = None
        self._show(self._arrivals.due(time.monotonic()))
        if self._arrivals.is_pending:
            loop = asyncio.get_running_loop()
            self._arrivals_timer = loop.call_later(QUIET_SECONDS / 4, self._check_arrivals)

    def _stay(self) -> None:
        """Join the lobby because the initial room was refused."""
        self.session.initial_room_refused = False
        if not self.session.rooms:
            self.session.core.join(LOBBY)
            self.session.client.flush()

    async def _ask(self) -> int:
        """Read and run commands; return the exit code when the user quits."""
        while True:
            try:
                line = await self._prompt_session.prompt_async()
            except EOFError:
                return OK
            except KeyboardInterrupt:
                return INTERRUPTED
            try:
                command = parse(line)
            except ValueError as error:
                self._show([error_line(str(error))])
                continue
            if command is None:
                continue
            if command.verb == "quit":
                return OK
            passwords = await self._ask_passwords(PASSWORDS.get(command.verb, ()))
            if passwords is not None:
                self._show(run_command(self.session, command, passwords))

    async def _ask_passwords(self, prompts: Iterable[str]) -> list[str] | None:
        """Prompt for passwords, which are neither shown nor kept; return None if the user gives up."""
        passwords: list[str] = []
        if prompts and (problem := self.session.client.password_problem()):
            self._show([error_line(problem)])
            return None
        for prompt in prompts:
            reader: PromptSession[str] = PromptSession(
                prompt, is_password=True, history=DummyHistory(), erase_when_done=True
            )
            try:
                password = await reader.prompt_async()
            except (EOFError, KeyboardInterrupt):
                return None
            if not prompt.startswith("Repeat"):
                passwords.append(password)
            elif password != passwords[-1]:
                self._show([error_line("The two passwords differ; nothing was changed.")])
                return None
        return passwords

    def _show(self, lines: Iterable[Line]) -> None:
        for line in lines:
            for placed in self._times.place(line, time.time()):
                name = self.session.core.name
                text = render(
                    placed, colour=self._colour, one_line=False, own_name=name, indent=WIDTH + 2
                )
                print(text, flush=True)  # noqa: T201 - the output of the command

    def _prompt(self) -> StyleAndTextTuples:
        session = self.session
        name = session.title_of(session.current) or show_code(session.current)
        return [("bold", show_text(name or "no room")), ("", "> ")]

    def _toolbar(self) -> StyleAndTextTuples:
        session = self.session
        core = session.core
        parts = [core.name, self._state()]
        if core.unsent:
            parts.append(f"{core.unsent} not acknowledged yet")
        now = time.monotonic()
        several = len(session.transfers) > 1
        parts += [
            transfer_status(shown, now, is_numbered=several) for shown in session.transfers.values()
        ]
        if session.title_of(session.current) and session.current != LOBBY:
            parts.insert(1, show_code(session.current))  # the prompt shows the title
        others = [
            session.title_of(code) or show_code(code)
            for code in session.rooms
            if code != session.current
        ]
        if others:
            parts.append(f"also in {', '.join(others)}")
        return [("", show_text(" " + "  |  ".join(parts)))]

    def _state(self) -> str:
        session = self.session
        if session.core.online:
            here = session.people.rooms.get(session.current)
            return f"online, {len(here)} here" if here else "online"
        if session.name_rejection is not None:
            return "the name is taken: /nick NAME"
        if session.login_problem is not None:
            return f"not logged in: /login {session.core.name}"
        seconds = round((session.retry_at or 0.0) - time.monotonic())
        return f"reconnecting in {seconds} s" if seconds > 0 else "reconnecting"


def _set(future: asyncio.Future[int], value: int) -> None:
    if not future.done():
        future.set_result(value)


class _Tab(Completer):
    """Completer of commands, names and room codes."""

    def __init__(self, session: ChatSession) -> None:
        self._session = session

    def get_completions(
        self,
        document: Document,
        complete_event: CompleteEvent,  # noqa: ARG002 - prompt_toolkit's signature
    ) -> Iterable[Completion]:
        session = self._session
        names = [name for name in session.people.seen if name != session.core.name]
        replaced, offered = completions(
            document.text_before_cursor, map(show_text, names), session.rooms, session.role
        )
        end = " " if len(offered) == 1 else ""
        return [Completion(text + end, start_position=-replaced) for text in offered]
