"""Transfers of a file during a load run: one user sends it, others save it, and every byte is checked."""

from __future__ import annotations

import asyncio
import os
import secrets
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netchat.chat.client_events import (
    ClientEvent,
    FileEnded,
    RequestRefused,
    RoomEntered,
    RoomEvent,
    SessionEnded,
)
from netchat.errors import NetchatError
from netchat.load.report import FilesReport
from netchat.net.client_driver import ClientDriver
from netchat.net.client_path import ClientPath
from netchat.wire import EventKind, parse_offer

if TYPE_CHECKING:
    from netchat.net.tls.client import TlsClient

__all__ = ["transfer_file"]

#: Name of the file.
NAME = "load.bin"

#: Bytes to write at a time.
_BLOCK = 1024 * 1024


async def transfer_file(
    host: str,
    port: int,
    room: str,
    size: int,
    receivers: int,
    *,
    link: str | None = None,
    channel: str | None = None,
    seed: int | None = None,
    udp: bool = False,
    tls: TlsClient | None = None,
) -> FilesReport:
    """Send a random file to a room, and save it as several other users at once.

    Args:
        host: Name or address of the server.
        port: Port of the server.
        room: Code of the room.
        size: Size of the file in bytes.
        receivers: Number of users that save it.
        link: Code of a link between each user and the server; None uses no links.
        channel: Channel that damages each connection; None adds no noise.
        seed: Random seed for the channels; None draws a new one.
        udp: Run the links over UDP instead of TCP.
        tls: Connects over TLS; None connects in plaintext.

    Raises:
        CannotConnect: There is no server.
        NetchatError: A transfer has failed: the text says why.
    """
    is_linked = link is not None or channel is not None or udp

    def driver(number: int) -> ClientDriver:
        path = None
        if is_linked:
            own = None if seed is None else seed + number
            path = ClientPath(link, channel, own, udp=udp, tls=tls)
        name = f"File-{number}-{secrets.token_hex(3)}"
        return ClientDriver(host, port, name, path=path, tls=None if is_linked else tls)

    with tempfile.TemporaryDirectory(prefix="netchat-load-") as folder:
        source = Path(folder) / NAME
        await asyncio.to_thread(_fill, source, size)
        users = [driver(number) for number in range(1 + receivers)]
        ready = [asyncio.Event() for _ in range(receivers)]
        saving = [
            asyncio.create_task(_receive(user, room, Path(folder) / f"{number}.bin", ready[number]))
            for number, user in enumerate(users[1:])
        ]
        try:
            await _all_ready(saving, ready)
            async with users[0] as sender:
                events = await _enter(sender, room)
                begun = time.monotonic()
                transfer = await sender.files.send(room, source)
                await _end(events, transfer)
                sent = time.monotonic()
                await asyncio.gather(*saving)
                done = time.monotonic()
                await sender.bye()
        finally:
            for task in saving:
                task.cancel()
            await asyncio.gather(*saving, return_exceptions=True)
    return FilesReport(
        size=size,
        receivers=receivers,
        upload_seconds=round(sent - begun, 3),
        upload_rate=round(size / (sent - begun), 1),
        download_seconds=round(done - sent, 3),
        download_rate=round(size * receivers / (done - sent), 1),
    )


def _fill(path: Path, size: int) -> None:
    with path.open("wb") as file:
        for at in range(0, size, _BLOCK):
            file.write(os.urandom(min(_BLOCK, size - at)))


async def _all_ready(saving: list[asyncio.Task[None]], ready: list[asyncio.Event]) -> None:
    """Wait until all receivers are in the room, or one of them has failed."""
    waiting = asyncio.ensure_future(asyncio.gather(*(each.wait() for each in ready)))
    tasks: set[asyncio.Future[Any]] = {waiting, *saving}
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done - {waiting}:
        waiting.cancel()
        await task


async def _enter(user: ClientDriver, room: str) -> AsyncIterator[ClientEvent]:
    """Join the room; return the events that follow."""
    user.core.join(room)
    user.flush()
    events = user.events()
    async for event in events:
        if isinstance(event, RoomEntered) and event.room == room:
            return events
        if isinstance(event, SessionEnded | RequestRefused):
            raise NetchatError(f"A user could not join {room}: {event}")
    raise NetchatError("The session has ended.")


async def _receive(user: ClientDriver, room: str, path: Path, ready: asyncio.Event) -> None:
    """Save the first file that is offered in the room."""
    async with user:
        events = await _enter(user, room)
        ready.set()
        async for event in events:
            if isinstance(event, RoomEvent) and event.event.kind == EventKind.FILE:
                offer = parse_offer(event.event.text)
                if offer is not None and offer.name == NAME:
                    await _end(events, await user.files.save(room, offer, path))
                    break
        await user.bye()


async def _end(events: AsyncIterator[ClientEvent], transfer: int) -> None:
    """Wait for the end of a transfer.

    Raises:
        NetchatError: It has failed.
    """
    async for event in events:
        if isinstance(event, FileEnded) and event.transfer == transfer:
            if event.why:
                raise NetchatError(f"The file was not transferred: {event.why}")
            return
        if isinstance(event, SessionEnded):
            raise NetchatError(f"A session with a transfer has ended: {event.why}")
