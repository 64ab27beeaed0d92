"""Running a class: the chat server as a child process, and the class's page in this one."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import re
import shlex
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from netchat.chat.account_admin import AdminRequest
from netchat.classroom.class_folder import CHECKS, TEACHER, ClassFolder
from netchat.classroom.class_pages import chat_url, projector_page, sheets_page
from netchat.classroom.class_site import class_app
from netchat.classroom.roster import HANDED_IN
from netchat.errors import NetchatError
from netchat.files import write_file
from netchat.net.client import Client
from netchat.net.control import administer
from netchat.web.local_addresses import has_address, is_loopback, lan_address, url
from netchat.wording import cannot, many

__all__ = ["host_for_sheets", "serve_class", "write_pages"]

#: Seconds for the chat server to start, and to stop.
_TIMEOUT = 30.0

#: The line of the chat server's log with the address of the dashboard.
_DASHBOARD = re.compile(r" dashboard +(http\S+)")

#: Receives lines for the operator.
Tell = Callable[[str], None]


def write_pages(folder: ClassFolder) -> None:
    """Write the sheets and the projector's page.

    Raises:
        NetchatError: A file cannot be written.
    """
    pages = {"sheets.html": sheets_page(folder), "projector.html": projector_page(folder)}
    for name, text in pages.items():
        path = folder.path / name
        try:
            write_file(path, text)
            path.chmod(0o600)  # the sheets contain the secret links of the students
        except OSError as error:
            raise NetchatError(cannot("write", path, error)) from error


def host_for_sheets(configured: str) -> str:
    """Return the name or address of this machine for the students' devices.

    A configured name is kept, and so is an address that this machine still has and that other devices
    can reach.
    """
    try:
        ipaddress.ip_address(configured)
    except ValueError:
        return configured
    if has_address(configured) and not is_loopback(configured):
        return configured
    return lan_address() or configured


async def serve_class(folder: ClassFolder, host: str | None, tell: Tell) -> None:
    """Run the chat server and the class's page until SIGINT or SIGTERM.

    Args:
        folder: The class.
        host: Name or address of this machine for the pages; None selects it by `host_for_sheets`.
        tell: Receives lines for the operator.

    Raises:
        NetchatError: A server cannot start, or the chat server has ended.
    """
    settings = folder.settings
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C raises instead
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    host = host or host_for_sheets(settings.host)
    if host != settings.host:
        tell(f"The address has changed from {settings.host} to {host}: print the sheets again.")
        settings.host = host
    runner = web.AppRunner(class_app(folder), access_log=None, handler_cancellation=True)
    await runner.setup()
    try:
        site = web.TCPSite(runner, None, settings.class_port)
        try:
            await site.start()
        except OSError as error:
            raise NetchatError(
                f"Cannot listen on port {settings.class_port}: {error.strerror or error}. Is the class "
                "being served already? --class-port of netchat class new takes another one."
            ) from error
        dashboard: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        async with _chat_server(folder, stop, tell, dashboard) as ended:
            if not stop.is_set():
                await _prepare(folder, tell)
                folder.save()
                write_pages(folder)
                for line in _where(folder, await _dashboard(dashboard, stop)):
                    tell(line)
            await stop.wait()
            failed = ended.done()
        if failed:
            raise NetchatError("The chat server has ended. Its last lines say why.")
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def _chat_server(
    folder: ClassFolder, stop: asyncio.Event, tell: Tell, dashboard: asyncio.Future[str]
) -> AsyncIterator[asyncio.Future[int]]:
    """Run the chat server; yield a future that is done if it ends before it is stopped.

    `dashboard` receives the address of the dashboard as soon as the server shows it.
    """
    arguments = ["-m", "netchat.cli.child", "--config", folder.server_file.name, "serve"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", *arguments, cwd=folder.path, stdin=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,  # Ctrl-C reaches only this process, which then stops the server
    )  # fmt: skip
    assert process.stderr is not None
    is_open = asyncio.Event()
    reading = asyncio.ensure_future(_forward(process.stderr, tell, is_open, dashboard))
    ended = asyncio.ensure_future(process.wait())
    ended.add_done_callback(lambda _: stop.set())
    try:
        await _until_open(is_open, stop)
        yield ended
    finally:
        if not ended.done():
            process.terminate()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(ended), _TIMEOUT)
        if process.returncode is None:
            process.kill()
            await ended
        await reading


async def _forward(
    log: asyncio.StreamReader, tell: Tell, is_open: asyncio.Event, dashboard: asyncio.Future[str]
) -> None:
    """Forward the chat server's log; note when it listens, and the address of the dashboard.

    Connecting to its port would not do: another server may answer there.
    """
    async for line in log:
        text = line.decode(errors="replace").rstrip()
        tell(text)
        if " listening " in text:
            is_open.set()
        found = _DASHBOARD.search(text)
        if found is not None and not dashboard.done():
            dashboard.set_result(found[1])


async def _until_open(is_open: asyncio.Event, stop: asyncio.Event) -> None:
    """Wait until the chat server listens, or `stop` is set."""
    waiting = [asyncio.ensure_future(one.wait()) for one in (is_open, stop)]
    done, left = await asyncio.wait(waiting, timeout=_TIMEOUT, return_when=asyncio.FIRST_COMPLETED)
    for one in left:
        one.cancel()
    if not done:
        raise NetchatError(f"The chat server did not start within {_TIMEOUT:.0f} seconds.")


async def _dashboard(found: asyncio.Future[str], stop: asyncio.Event) -> str:
    """Return the address of the dashboard, or an empty string if the server shows none."""
    stopped = asyncio.ensure_future(stop.wait())
    waiting: list[asyncio.Future[Any]] = [found, stopped]
    await asyncio.wait(waiting, timeout=_TIMEOUT, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    return found.result() if found.done() else ""


async def _prepare(folder: ClassFolder, tell: Tell) -> None:
    """Create what the server must know first: rooms of groups, or invitations."""
    settings = folder.settings
    missing = settings.groups - len(settings.rooms)
    if missing > 0:
        async with Client(f"127.0.0.1:{settings.port}", name=TEACHER) as chat:
            for number in range(len(settings.rooms) + 1, settings.groups + 1):
                room = await chat.create()
                await room.set_title(f"Group {number}")
                settings.rooms.append(room.code)
        tell(f"Created {many(missing, 'room')}: print the sheets now; they say who is in which.")
    if settings.has_accounts:
        new = [one.id for one in folder.roster if one.id not in settings.invitations]
        for one in new:
            request = AdminRequest("invite", seconds=0.0)
            answer = await asyncio.to_thread(administer, folder.history, request)
            settings.invitations[one] = str(answer["invitation"])
        if new:
            tell(f"Created {many(len(new), 'invitation')}: print the sheets again.")


def _where(folder: ClassFolder, dashboard: str) -> list[str]:
    settings = folder.settings
    path = Path(folder.path)
    quoted = {name: shlex.quote(str(path / name)) for name in (CHECKS, HANDED_IN, "students.csv")}
    private = f" --checks {quoted[CHECKS]}" if folder.has_private_checks else ""
    return [
        f"Chat             {chat_url(folder)}",
        *(
            [f"Dashboard        {dashboard} (for you: it removes and mutes users)"]
            if dashboard
            else []
        ),
        f"Students' pages  {url(settings.host, settings.class_port)}/s/… (see {path / 'sheets.html'})",
        f"Projector        {path / 'projector.html'}",
        f"Hand-ins         {folder.handed_in}",
        f"Grade them with  netchat grade {quoted[HANDED_IN]} --roster {quoted['students.csv']}"
        f"{private} --jobs 2 --report results",
    ]
