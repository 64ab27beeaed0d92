"""Chat through a pipe: sends the lines of standard input and prints events.

Events and answers go to standard output, notices and errors to standard error. With JSON, everything
goes to standard output.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import stat
import sys
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from typing import Any

from netchat.chat.client_events import ClientEvent
from netchat.exit_codes import FAILED, INTERRUPTED, OK
from netchat.tui.actions import run_command
from netchat.tui.commands import PASSWORDS, parse
from netchat.tui.input_lines import InputLine, InputLines
from netchat.tui.json_output import event_json, line_json
from netchat.tui.lines import Line, LineKind, error_line, notice_line, render
from netchat.tui.main_loop import listen
from netchat.tui.session import ChatSession

__all__ = ["STOP_SIGNALS", "run_pipe"]

#: Maximum unacknowledged messages; the client reads the next line below this limit.
WINDOW = 256

#: Signals that end a client, as far as the system has them, with the exit code of each.
STOP_SIGNALS = {
    getattr(signal, name): status
    for name, status in (("SIGINT", INTERRUPTED), ("SIGTERM", OK), ("SIGHUP", OK))
    if hasattr(signal, name)
}


class _Printer:
    """Writer of lines to standard output or error that records whether one was an error."""

    def __init__(self, *, as_json: bool) -> None:
        self.failed = False
        self._as_json = as_json
        self._colour = {
            stream: stream.isatty() and not os.environ.get("NO_COLOR")
            for stream in (sys.stdout, sys.stderr)
        }

    def event(self, event: ClientEvent, lines: list[Line]) -> None:
        if self._as_json:
            self._note(lines)
            print(event_json(event), flush=True)  # noqa: T201 - the output of the command
        else:
            self.lines(lines)

    def lines(self, lines: list[Line]) -> None:
        self._note(lines)
        for line in lines:
            if self._as_json:
                if line.fields != {}:
                    print(line_json(line), flush=True)  # noqa: T201
                continue
            out = sys.stdout if line.kind in (LineKind.EVENT, LineKind.ANSWER) else sys.stderr
            if not out.isatty():
                line = line.without_lock()
            print(render(line, colour=self._colour[out], one_line=True), file=out, flush=True)

    def _note(self, lines: list[Line]) -> None:
        self.failed = self.failed or any(line.kind is LineKind.ERROR for line in lines)


async def run_pipe(
    session: ChatSession,
    notes: Iterable[Line] = (),
    *,
    as_json: bool = False,
    passwords: Sequence[str] = (),
) -> int:
    """Send the lines of standard input, and leave when the last one is acknowledged.

    Args:
        session: Session of a client that is not connected yet.
        notes: Lines to print once the user is online.
        as_json: Print each event as one JSON object.
        passwords: The user's password, then a new one for /passwd, as far as they are given.

    Returns:
        Exit code: FAILED if the client or the server rejected a line.

    Raises:
        CannotConnect: There is no server, or the connection was lost for too long.
        NetchatError: The server ended the session.
    """
    printer = _Printer(as_json=as_json)
    loop = asyncio.get_running_loop()
    stop: asyncio.Future[int] = loop.create_future()

    def stopped(number: int) -> None:
        loop.remove_signal_handler(number)  # a second signal ends the process without BYE
        if not stop.done():
            stop.set_result(STOP_SIGNALS[signal.Signals(number)])

    async with session.client:
        for number in STOP_SIGNALS:
            with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C raises instead
                loop.add_signal_handler(number, stopped, number)
        watched = _watch_output(stop)
        poke = asyncio.Event()
        listening = asyncio.create_task(
            _stopping(stop, _listen(session, printer, poke, list(notes)))
        )
        sending = asyncio.create_task(_stopping(stop, _send(session, printer, poke, passwords)))
        futures: set[asyncio.Future[Any]] = {listening, sending, stop}
        await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
        if stop.done() or listening.done():
            sending.cancel()
        printer.lines(await session.leave())
        # Wait for the server to confirm BYE; without a connection it was not sent.
        await asyncio.wait({listening}, timeout=1 if session.core.ended else 0)
        listening.cancel()
        if watched >= 0:
            loop.remove_reader(watched)
        for task in (listening, sending):
            with contextlib.suppress(asyncio.CancelledError):
                await task
    if stop.done():
        return stop.result()
    return FAILED if printer.failed else OK


def _watch_output(stop: asyncio.Future[int]) -> int:
    """End the client when the reader of standard output exits, as `head` does, even between events.

    Returns:
        The watched descriptor, or -1 if standard output is no pipe.
    """

    def closed() -> None:
        if not stop.done():
            stop.set_result(OK)

    # Of the writing end of a pipe, the system reports only that the reading end is closed.
    with contextlib.suppress(OSError, ValueError, NotImplementedError):
        number = sys.stdout.fileno()
        if stat.S_ISFIFO(os.fstat(number).st_mode):
            asyncio.get_running_loop().add_reader(number, closed)
            return number
    return -1


async def _stopping(stop: asyncio.Future[int], work: Coroutine[Any, Any, None]) -> None:
    """Run a task; if standard output fails, stop the client as a signal does, with BYE."""
    try:
        await work
    except SystemExit as end:
        if not stop.done():
            stop.set_result(FAILED if end.code else OK)


async def _listen(
    session: ChatSession, printer: _Printer, poke: asyncio.Event, notes: list[Line]
) -> None:
    async for event, lines in listen(session):
        printer.event(event, lines)
        if session.was_online and notes:
            printer.lines(notes)
            notes.clear()
        poke.set()


async def _send(
    session: ChatSession, printer: _Printer, poke: asyncio.Event, passwords: Sequence[str]
) -> None:
    async def until(true: Callable[[], bool]) -> None:
        while not true():
            poke.clear()
            # Poll as well: not every change of state causes an event.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.1):
                    await poke.wait()

    core = session.core
    await until(lambda: session.ready or session.initial_room_refused)
    if session.initial_room_refused:
        return
    async for line, problem in _lines_of_input():
        if problem:
            printer.lines([notice_line("input", problem)])
        try:
            command = parse(line)
        except ValueError as error:
            printer.lines([error_line(str(error))])
            continue
        if command is None:
            continue
        if command.verb == "quit":
            break
        if command.verb in ("say", "msg"):
            await until(lambda: core.unsent < WINDOW)
        else:
            # Run a command after all earlier messages, and before any later one.
            await until(lambda: session.settled)
        needed = [p for p in PASSWORDS.get(command.verb, ()) if not p.startswith("Repeat")]
        if len(needed) > len(passwords):
            files = (
                "--password-file" if len(needed) == 1 else "--password-file and --new-password-file"
            )
            printer.lines([error_line(f"/{command.verb} needs {files} without a terminal.")])
            continue
        printer.lines(run_command(session, command, passwords[: len(needed)]))
        if command.verb not in ("say", "msg"):
            await until(lambda: session.settled)
    await until(lambda: session.settled and core.online)


async def _lines_of_input() -> AsyncIterator[InputLine]:
    """Yield the lines of standard input.

    A daemon thread reads them, because an event loop cannot wait for a file and a blocked read
    cannot be interrupted. The semaphore limits how far it reads ahead.
    """
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[list[InputLine] | Exception | None] = asyncio.Queue()
    ahead = threading.Semaphore(4)

    def hand_on(lines: list[InputLine] | Exception | None) -> None:
        ahead.acquire()
        with contextlib.suppress(RuntimeError):  # the loop has been closed
            loop.call_soon_threadsafe(queue.put_nowait, lines)

    def read() -> None:
        try:
            read_all()
        except Exception as error:  # otherwise the client would wait for a line forever
            hand_on(error)
        else:
            hand_on(None)

    def read_all() -> None:
        cutter, chunk = InputLines(), b"?"
        while chunk:
            try:
                chunk = os.read(sys.stdin.fileno(), 65536)
            except OSError:  # stdin is closed, or its terminal is gone
                chunk = b""
            lines = cutter.feed(chunk, final=not chunk)
            if lines:
                hand_on(lines)

    threading.Thread(target=read, daemon=True).start()
    while (lines := await queue.get()) is not None:
        if isinstance(lines, Exception):
            raise lines
        ahead.release()
        for line in lines:
            yield line
