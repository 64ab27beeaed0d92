"""The client at a keyboard: an input line that nothing overwrites, and above it what happens."""

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
from prompt_toolkit.patch_stdout import patch_stdout

from netchat.chat.room_codes import LOBBY, show_code
from netchat.chat.text import show_text
from netchat.cli.exits import INTERRUPTED, OK
from netchat.tui.actions import perform
from netchat.tui.commands import completions, parse
from netchat.tui.lines import Line, mistake, notice, render
from netchat.tui.pipe import STOP_SIGNALS
from netchat.tui.session import Conversation

__all__ = ["chat_in_terminal"]


async def chat_in_terminal(conversation: Conversation, notes: Iterable[Line] = ()) -> int:
    """Chat until the user leaves.

    Args:
        conversation: with a client that is not connected yet.
        notes: lines to begin with, once the user is online.

    Returns:
        The exit code.

    Raises:
        CannotConnect: there is no server.
        NetchatError: the server ended the session.
    """
    async with conversation.client:
        return await _Terminal(conversation, notes).run()


class _Terminal:
    def __init__(self, conversation: Conversation, notes: Iterable[Line]) -> None:
        self.conversation = conversation
        self._notes = list(notes)
        self._colour = not os.environ.get("NO_COLOR")
        self._begun = asyncio.Event()
        self._session: PromptSession[str] = PromptSession(
            self._prompt,
            bottom_toolbar=self._toolbar,
            completer=_Tab(conversation),
            complete_while_typing=False,
            erase_when_done=True,  # what was said shows up as its echo
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
            return OK  # the name was refused; who called looks at that
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
            return OK
        lines = await self.conversation.leave()
        if self.conversation.core.ended:
            await listening
        listening.cancel()
        self._show([*lines, notice("bye", "you have left the chat")])
        return status

    async def _listen(self) -> None:
        async for _, lines in self.conversation.listen():
            self._show(lines)
            if self.conversation.turned_away:
                self._stay()
            if self.conversation.begun and not self._begun.is_set():
                self._show([*self._notes, notice("help", "/help lists the commands")])
                self._begun.set()

    def _stay(self) -> None:
        """The room to begin in could not be entered: there is always the lobby."""
        self.conversation.turned_away = False
        if not self.conversation.rooms:
            self.conversation.core.join(LOBBY)
            self.conversation.client.flush()

    async def _ask(self) -> int:
        """Read and obey; returns the exit code when the user wants to leave."""
        while True:
            try:
                line = await self._session.prompt_async()
            except EOFError:
                return OK
            except KeyboardInterrupt:
                return INTERRUPTED
            try:
                command = parse(line)
            except ValueError as error:
                self._show([mistake(str(error))])
                continue
            if command is None:
                continue
            if command.verb == "quit":
                return OK
            self._show(perform(self.conversation, command))

    def _show(self, lines: Iterable[Line]) -> None:
        for line in lines:
            print(render(line, colour=self._colour, one_line=False), flush=True)  # noqa: T201

    def _prompt(self) -> StyleAndTextTuples:
        return [("bold", show_text(show_code(self.conversation.current) or "no room")), ("", "> ")]

    def _toolbar(self) -> StyleAndTextTuples:
        conversation = self.conversation
        core = conversation.core
        parts = [core.name, self._state()]
        if core.unsent:
            parts.append(f"{core.unsent} not sent yet")
        others = [show_code(code) for code in conversation.rooms if code != conversation.current]
        if others:
            parts.append(f"also in {', '.join(others)}")
        return [("", show_text(" " + "  |  ".join(parts)))]

    def _state(self) -> str:
        conversation = self.conversation
        if conversation.core.online:
            here = conversation.crowd.rooms.get(conversation.current)
            return f"online, {len(here)} here" if here else "online"
        if conversation.refused is not None:
            return "the name is taken: /nick NAME"
        seconds = round((conversation.retry_at or 0.0) - time.monotonic())
        return f"reconnecting in {seconds} s" if seconds > 0 else "reconnecting"


def _set(future: asyncio.Future[int], value: int) -> None:
    if not future.done():
        future.set_result(value)


class _Tab(Completer):
    """Completes commands, names and room codes."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation

    def get_completions(
        self,
        document: Document,
        complete_event: CompleteEvent,  # noqa: ARG002 - prompt_toolkit's signature
    ) -> Iterable[Completion]:
        conversation = self._conversation
        names = [name for name in conversation.crowd.seen if name != conversation.core.name]
        replaced, offered = completions(
            document.text_before_cursor, map(show_text, names), conversation.rooms
        )
        end = " " if len(offered) == 1 else ""
        return [Completion(text + end, start_position=-replaced) for text in offered]
