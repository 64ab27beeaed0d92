"""Actions of the users in each capture: `python -m tests.captures.scenes SCENE SERVER [CA]`.

Over TLS, the file CA contains the certificate of the server's CA.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager

from netchat.chat import client_sealing
from netchat.chat.client_events import (
    NameRejected,
    Online,
    RoomEntered,
    RoomEvent,
    RoomLeft,
    SessionEnded,
)
from netchat.chat.sealing import sealed_room
from netchat.net.client import Client
from netchat.net.client_driver import ClientDriver
from netchat.net.client_path import ClientPath
from netchat.net.tls.client import TlsClient
from netchat.net.tls.trust import Trust
from netchat.wire import DEFAULT_PORT, Hello, Send, encode

__all__ = ["ROOM_SECRETS", "SCENES"]

LOBBY = "lobby"
#: Timeout of each step, in seconds.
TIMEOUT = 10.0
#: Seconds between two messages, so that diagrams are legible.
PAUSE = 0.05
#: Secrets of the sealed room: the first one, and the one after a member has left.
ROOM_SECRETS = (b"sealed room no 1", b"sealed room no 2")


class User:
    """User of a client."""

    def __init__(self, chat: ClientDriver) -> None:
        self.chat = chat
        self._events = chat.events()

    async def sees(self, kind: type, text: str | None = None):
        """Wait for an event of this kind, with this text."""
        async with asyncio.timeout(TIMEOUT):
            async for event in self._events:
                if isinstance(event, kind) and text in (None, _text(event)):
                    return event
        raise AssertionError("the client has ended")

    async def says(self, text: str, room: str = LOBBY) -> None:
        """Send a message, and wait for its event."""
        self.chat.core.say(room, text)
        self.chat.flush()
        await self.sees(RoomEvent, text)
        await asyncio.sleep(PAUSE)

    async def joins(self, room: str) -> None:
        self.chat.core.join(room)
        self.chat.flush()
        await self.sees(RoomEntered)
        await asyncio.sleep(PAUSE)


def _text(event: object) -> str | None:
    return event.event.text if isinstance(event, RoomEvent) else None


@asynccontextmanager
async def user(
    host: str, name: str, room: str = LOBBY, path: ClientPath | None = None, ca: str = ""
):
    """Run a client that is online and in a room; says goodbye at the end."""
    tls = TlsClient(Trust(ca=ca)) if ca else None
    async with ClientDriver(host, DEFAULT_PORT, name, path=path, tls=tls) as chat:
        someone = User(chat)
        await someone.sees(Online)
        if room:
            await someone.joins(room)
        yield someone
        await chat.bye()


async def two_users(host: str) -> None:
    async with user(host, "Nova") as nova, user(host, "Orion") as orion:
        await nova.says("Hi Orion, can you read this?")
        await orion.says("Every byte. Grüße zurück! 👋")
        await nova.says("So can anyone on this network.")


async def room_of_three(host: str) -> None:
    async with user(host, "Nova", "") as nova:
        nova.chat.core.create()
        nova.chat.flush()
        code = (await nova.sees(RoomEntered)).room
        async with user(host, "Orion", code) as orion, user(host, "Lyra", code) as lyra:
            await nova.says("Three of us, and a room of our own.", code)
            await orion.says("Anyone with the code can join.", code)
            lyra.chat.core.leave(code)
            lyra.chat.flush()
            await lyra.sees(RoomLeft)
            await nova.says("Lyra no longer receives this.", code)


async def resume(host: str) -> None:
    async with user(host, "Nova") as nova, user(host, "Orion") as orion:
        await nova.says("My network is about to fail.")
        nova.chat.drop()
        await orion.says("Nova? You will get this later.")
        await nova.sees(Online)
        await nova.sees(RoomEvent, "Nova? You will get this later.")
        await nova.says("I am back, and I missed nothing.")


async def lost_segment(host: str) -> None:
    async with user(host, "Nova") as nova:
        await nova.says("This message arrives.")
        await nova.says("This one is LOST, and TCP retransmits it.")
        await nova.says("Everything has arrived.")


async def reordered(host: str) -> None:
    async with user(host, "Nova") as nova:
        for number in ("one", "two", "three"):  # at once, in a segment each
            nova.chat.core.say(LOBBY, f"segment {number}")
            nova.chat.flush()
        await nova.sees(RoomEvent, "segment three")


async def gaps(host: str) -> None:
    async with user(host, "Nova") as nova:
        for number in range(1, 9):
            await nova.says(f"Message {number}" + (" is MISSING" if number in (3, 6) else "."))
            await asyncio.sleep(0.4)  # a hole is given up after a second


async def name_refused(host: str) -> None:
    async with user(host, "Nova"), ClientDriver(host, DEFAULT_PORT, "nova") as chat:
        second = User(chat)
        refused = await second.sees(NameRejected)
        chat.core.send_hello(refused.suggestion)
        chat.flush()
        await second.sees(Online)
        await second.joins(LOBBY)
        await second.says("That name was taken; this one is free.")
        await chat.bye()
        await second.sees(SessionEnded)


async def bad_crc(host: str) -> None:
    """Send a frame with one flipped bit from a minimal client."""
    with socket.create_connection((host, DEFAULT_PORT), TIMEOUT) as sock:
        sock.sendall(encode(Hello(0, b"\x07" * 16, b"", "Nova", "a bad cable", ())))
        sock.recv(65536)
        await asyncio.sleep(PAUSE)
        frame = bytearray(encode(Send(1, LOBBY, "one bit of this is wrong")))
        frame[-1] ^= 0x01
        sock.sendall(frame)
        while sock.recv(65536):  # the server says what is wrong, and closes
            pass


async def link(host: str) -> None:
    path = ClientPath("rs:255,223", "bsc:1e-3", seed=1)
    async with user(host, "Nova", path=path) as nova, user(host, "Orion") as orion:
        await nova.says("One bit in a thousand of this is flipped.")
        await orion.says("I see no errors: the code corrects them.")
        await nova.says("So nothing needs to be retransmitted.")
        await asyncio.sleep(PAUSE)


async def link_noisy(host: str) -> None:
    path = ClientPath("rs:255,251", "bsc:3e-3", seed=1)
    async with user(host, "Nova", path=path) as nova:
        for number in range(1, 9):
            await nova.says(f"Message {number}: this code is too weak for so much noise.")
        await asyncio.sleep(PAUSE)


async def link_udp(host: str) -> None:
    path = ClientPath("rs:255,223", "bsc:1e-3", seed=1, udp=True)
    async with user(host, "Nova", path=path) as nova:
        await nova.says("Each datagram is one block.")
        await nova.says("This one is LOST, and the link retransmits it.")
        await nova.says("Everything has arrived.")
        await asyncio.sleep(PAUSE)


async def tls(host: str, ca: str) -> None:
    async with user(host, "Nova", ca=ca) as nova, user(host, "Orion", ca=ca) as orion:
        await nova.says("Hi Orion, can anyone else read this?")
        await orion.says("Not without the keys. They see lengths and times.")
        await nova.says("Then the network learns when we talk, but not what we say.")


async def sealed(host: str, ca: str) -> None:
    """Chat in a sealed room whose secrets are known, so that the captures' page can name them."""
    known = iter(ROOM_SECRETS)
    for module in (client_sealing, sealed_room):
        module.new_secret = lambda: next(known)  # type: ignore[attr-defined]
    address = f"tls://{host}"
    async with Client(address, name="Nova", ca=ca) as nova:
        room = await nova.create(sealed=True)
        async with Client(address, name="Orion", ca=ca) as orion:
            theirs = await orion.join(room.invitation)
            await asyncio.sleep(PAUSE)
            for speaker, text in (
                (room, "Only our devices can read this."),
                (theirs, "Not even the server? 🔒"),
                (room, "Not even the server."),
            ):
                await speaker.send(text)
                await asyncio.sleep(PAUSE)
            await theirs.leave()
        await asyncio.sleep(PAUSE)
        await room.send("Orion has left, so this has a new secret.")
        await asyncio.sleep(PAUSE)


SCENES: dict[str, Callable[..., Awaitable[None]]] = {
    "two-users": two_users,
    "room-of-three": room_of_three,
    "resume": resume,
    "retransmission": lost_segment,
    "reordered": reordered,
    "gaps": gaps,
    "name-refused": name_refused,
    "bad-crc": bad_crc,
    "ipv6": two_users,
    "link": link,
    "link-noisy": link_noisy,
    "link-udp": link_udp,
    "tls": tls,
    "tls-without-keys": tls,
    "sealed": sealed,
}


if __name__ == "__main__":
    asyncio.run(SCENES[sys.argv[1]](*sys.argv[2:]))  # type: ignore[arg-type] # they are coroutines
