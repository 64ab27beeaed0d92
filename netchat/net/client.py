"""Awaitable chat client for programs.

    async with netchat.Client("localhost", name="Robot") as chat:
        room = await chat.join("lobby")
        event = await room.send("Hello")
        async for event in room.events():
            print(event.sender, event.text)

Each request returns when the server has answered, or raises the server's error. The client reconnects
in the background; pending calls keep waiting while it does.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from netchat.chat.client import ChatClient
from netchat.chat.client_events import (
    AccountChanged,
    Acknowledged,
    ActionCompleted,
    BansReceived,
    ClientEvent,
    FileEnded,
    FileProgress,
    HistoryReceived,
    LoginFailed,
    LoginRequired,
    NameChanged,
    NameRejected,
    Online,
    RequestRefused,
    RoomDescribed,
    RoomEntered,
    RoomEvent,
    RoomLeft,
    RosterReceived,
    SafetyReceived,
    SearchCompleted,
    SessionEnded,
    Undelivered,
)
from netchat.chat.client_session import Credentials
from netchat.errors import CannotConnect, NetchatError, Refused
from netchat.net.address import parse_addresses, split_scheme
from netchat.net.client_driver import ClientDriver
from netchat.net.client_path import ClientPath
from netchat.net.client_store import ClientStore
from netchat.net.received_event import ReceivedEvent
from netchat.wire import (
    DEFAULT_PORT,
    BannedUser,
    ErrorCode,
    EventKind,
    FoundMessage,
    History,
    Join,
    Member,
    ModeratorAction,
    Private,
    Role,
    RoomKind,
)
from netchat.wire.file_offers import parse_offer

if TYPE_CHECKING:
    from netchat.net.tls.client import TlsClient

__all__ = ["Client", "Room"]

#: Maximum number of unread events per iterator. Beyond it, the oldest are dropped, so that a program
#: that only sends does not run out of memory. `Room.history` still returns them.
MAX_UNREAD = 10_000

T = TypeVar("T")


class _Mailbox(Generic[T]):
    """Bounded queue of events for one reader, closed when the session ends."""

    def __init__(self) -> None:
        self._items: deque[T] = deque(maxlen=MAX_UNREAD)
        self._changed = asyncio.Event()
        self._closed = False

    def put(self, item: T) -> None:
        self._items.append(item)
        self._changed.set()

    def close(self) -> None:
        self._closed = True
        self._changed.set()

    async def read(self) -> AsyncIterator[T]:
        while True:
            while self._items:
                yield self._items.popleft()
            if self._closed:
                return
            self._changed.clear()
            await self._changed.wait()


class Room:
    """A room that the user is a member of, as returned by `Client.join` and `Client.create`.

    Attributes:
        code: Code that other users join the room with.
        kind: Kind of room: lobby, group or private.
        peer: Name of the other user in a private room; empty in other rooms.
        title: Title of the room, or empty.
        role: The user's rights in it: 0 member, 1 moderator, 2 owner.
        is_locked: Whether it is closed to new members.
        is_read_only: Whether only moderators can write.
    """

    def __init__(self, client: Client, code: str, kind: RoomKind, peer: str) -> None:
        self.code = code
        self.kind = kind
        self.peer = peer
        self.title: str = ""
        self.role: int = 0
        self.is_locked: bool = False
        self.is_read_only: bool = False
        self._client = client
        self._mailbox: _Mailbox[ReceivedEvent] = _Mailbox()

    async def send(self, text: str) -> ReceivedEvent:
        """Send a message and wait for the server's acknowledgement.

        Args:
            text: Message text; at most `Client.max_text` bytes of UTF-8.

        Returns:
            The message as an event of the room: `seq`, `time` (microseconds since 1970), `text`.

        Raises:
            Refused: The server rejected the message, or the user has left the room.
            EncodeError: The text does not fit into a frame.
            CannotConnect: The session ended before the acknowledgement arrived.
        """
        return await self._client._post(self.code, lambda core: core.say(self.code, text))

    async def edit(self, event: ReceivedEvent | int, text: str) -> ReceivedEvent:
        """Change the text of an own message, and wait for the server's acknowledgement.

        Args:
            event: The message, or the sequence number of its event.
            text: The new text.

        Returns:
            The EDIT event.

        Raises:
            Refused: There is no such message, or it is not the user's own.
            NetchatError: The server is too old; this holds for the next three methods, too.
        """
        return await self._annotate(EventKind.EDIT, event, text)

    async def delete(self, event: ReceivedEvent | int) -> ReceivedEvent:
        """Delete an own message, or, as a moderator, any; the arguments are those of `edit`."""
        return await self._annotate(EventKind.DELETE, event, "")

    async def reply(self, event: ReceivedEvent | int, text: str) -> ReceivedEvent:
        """Answer a message; the arguments are those of `edit`."""
        return await self._annotate(EventKind.REPLY, event, text)

    async def react(
        self, event: ReceivedEvent | int, reaction: str, *, remove: bool = False
    ) -> ReceivedEvent:
        """React to a message, for example with an emoji.

        Args:
            event: The message, or the sequence number of its event.
            reaction: The reaction, 1 to 16 characters.
            remove: Take it back.
        """
        text = f"{'-' if remove else '+'}{reaction}"
        return await self._annotate(EventKind.REACTION, event, text)

    async def _annotate(
        self, kind: EventKind, event: ReceivedEvent | int, text: str
    ) -> ReceivedEvent:
        target = event if isinstance(event, int) else event.seq
        return await self._client._post(
            self.code, lambda core: core.annotate(self.code, kind, target, text)
        )

    async def events(self) -> AsyncIterator[ReceivedEvent]:
        """Yield the room's events in order: messages, joins, leaves, renames.

        In a sealed room, check `is_sealed` and `problems` of each message.

        Iteration starts at the first unread event after joining, continues across reconnects, and
        ends when the user leaves the room or the session ends.
        """
        async for event in self._mailbox.read():
            yield event

    async def members(self) -> list[Member]:
        """Return the members of the room, sorted by their normalised names.

        Raises:
            Refused: The user is no longer in the room.
        """
        members: list[Member] = []
        while True:
            after = members[-1].name if members else ""
            roster = await self._client._ask_roster(self.code, after)
            members += roster.members
            if not roster.more:
                return members

    async def history(self, count: int = 50, before: int | None = None) -> list[ReceivedEvent]:
        """Return past events of the room, oldest first.

        Args:
            count: Number of events.
            before: Return events older than this sequence number; None returns the newest.

        Raises:
            Refused: The user is no longer in the room.
        """
        return await self._client._ask_history(self.code, count, before)

    async def search(self, words: str, count: int = 50) -> list[FoundMessage]:
        """Return the room's messages that contain all words, newest first.

        The server searches its history; it cannot search sealed messages. Of an edited message, the texts
        before are found, too.

        Args:
            words: The words, separated by spaces; case makes no difference.
            count: Maximum number of messages.

        Raises:
            Refused: The room is sealed, or the user is no longer in it.
            NetchatError: The server is too old.
        """
        found: list[FoundMessage] = []
        before = 0
        while len(found) < count:
            part = await self._client._ask_search(self.code, words, before)
            found += part.messages
            if part.is_complete:
                break
            before = part.searched
        return found[:count]

    @property
    def is_sealed(self) -> bool:
        """Whether texts are sealed: only members can read them."""
        sealing = self._client._core.sealing
        return sealing is not None and sealing.can_send_sealed(self.code)

    @property
    def invitation(self) -> str:
        """The room's code and, if it is sealed, its secret: other users join with it."""
        sealing = self._client._core.sealing
        secret = sealing.secret(self.code) if sealing is not None else ""
        return f"{self.code}#{secret}" if secret and self.kind is RoomKind.SEALED else self.code

    async def safety(self, name: str = "") -> SafetyReceived:
        """Return the safety number of the room, or of the devices of this user and another one.

        Args:
            name: Name of the other user; empty for the whole room.

        Raises:
            SealingError: The room is not sealed.
        """
        return await self._client._ask_safety(self.code, name)

    async def rekey(self) -> None:
        """Give the room a new secret, which former members and old links do not have.

        Raises:
            SealingError: The room is not sealed, or this device does not have its secret.
        """
        self._client._core.require_sealing().rekey(self.code)
        self._client._driver.flush()

    async def send_file(
        self,
        path: Path | str,
        *,
        name: str = "",
        media_type: str = "",
        progress: Callable[[int, int], None] | None = None,
    ) -> ReceivedEvent:
        """Upload a file, offer it to the room, and wait for the server's acknowledgement.

        In a sealed room, only members can read it. The upload continues after a lost connection.

        Args:
            path: The file.
            name: Name for the room; by default that of the file.
            media_type: Media type, such as `image/png`; by default the one of the name's suffix.
            progress: Called with the number of bytes that the server has, and of all.

        Returns:
            The offer as an event of the room, for `Client.save_file`.

        Raises:
            Refused: The server has no space for the file, or transfers no files.
            NetchatError: The file cannot be read, or has changed while it was being sent.
        """
        return await self._client._send_file(self.code, Path(path), name, media_type, progress)

    async def leave(self) -> None:
        """Leave the room."""
        await self._client._leave(self.code)

    # -- for moderators: each raises `Refused` if the user has no right to do it ----------------

    async def kick(self, name: str, reason: str = "") -> None:
        """Remove a member, who may return; in the lobby, end the user's session."""
        await self._moderate(ModeratorAction.KICK, name, reason)

    async def mute(self, name: str, reason: str = "", *, seconds: int = 0) -> None:
        """Reject a member's messages for some time; 0 seconds last until `unmute`."""
        await self._moderate(ModeratorAction.MUTE, name, reason, seconds=seconds)

    async def unmute(self, name: str) -> None:
        """Let a member write again."""
        await self._moderate(ModeratorAction.UNMUTE, name)

    async def ban(self, name: str, reason: str = "", *, seconds: int = 0, scope: int = 0) -> None:
        """Remove a user and keep the user out of the room; in the lobby, out of the whole server.

        Args:
            name: Name of the user. If `scope` includes the address, it can be an address instead.
            reason: The reason, for the room.
            seconds: Duration; 0 lasts until `unban`.
            scope: The sum of 1 for the name, 2 for the device, 4 for the address; 0 means 3.
        """
        await self._moderate(ModeratorAction.BAN, name, reason, seconds=seconds, scope=scope)

    async def unban(self, target: str) -> None:
        """Lift the ban of a name or address, or the one with a number (`#12`)."""
        await self._moderate(ModeratorAction.UNBAN, target)

    async def bans(self) -> list[BannedUser]:
        """Return the bans of the room, oldest first."""
        found: list[BannedUser] = []
        while True:
            page = await self._client._ask_bans(self.code, found[-1].number if found else 0)
            found += page.bans
            if not page.more:
                return found

    async def appoint(self, name: str) -> None:
        """Make a user a moderator of the room; in the lobby, of all rooms."""
        await self._moderate(ModeratorAction.APPOINT, name)

    async def dismiss(self, name: str) -> None:
        """End an appointment as moderator."""
        await self._moderate(ModeratorAction.DISMISS, name)

    async def set_title(self, title: str) -> None:
        """Give the room a title; an empty one removes it."""
        await self._moderate(ModeratorAction.TITLE, "", title)

    async def lock(self, reason: str = "") -> None:
        """Close the room to new members."""
        await self._moderate(ModeratorAction.LOCK, "", reason)

    async def unlock(self) -> None:
        """Open the room to new members again."""
        await self._moderate(ModeratorAction.UNLOCK)

    async def make_read_only(self, reason: str = "") -> None:
        """Let only moderators write."""
        await self._moderate(ModeratorAction.READ_ONLY, "", reason)

    async def make_writable(self) -> None:
        """Let everyone write again."""
        await self._moderate(ModeratorAction.WRITABLE)

    async def clear(self, reason: str = "") -> None:
        """Delete the history of the room for everyone."""
        await self._moderate(ModeratorAction.CLEAR, "", reason)

    async def close(self, reason: str = "") -> None:
        """Delete the room."""
        await self._moderate(ModeratorAction.CLOSE, "", reason)

    async def _moderate(
        self, action: ModeratorAction, target: str = "", text: str = "", **more: int
    ) -> None:
        await self._client._moderate(self.code, action, target, text, **more)

    def __repr__(self) -> str:
        return f"<Room {self.code}>"


def _tls(
    ca: Path | str | None, fingerprint: str | None, keylog: Path | str | None, *, is_wanted: bool
) -> TlsClient | None:
    """Return the factory of TLS connections, or None without TLS."""
    if not is_wanted:
        if ca is not None or fingerprint is not None or keylog is not None:
            raise ValueError("ca, fingerprint and keylog need an address with tls://")
        return None
    from netchat.net.tls.client import TlsClient
    from netchat.net.tls.trust import Trust

    log = None if keylog is None else Path(keylog)
    notify = logging.getLogger("netchat").warning
    return TlsClient(Trust(ca=ca, fingerprint=fingerprint, keylog=log, notify=notify))


def _received(past: HistoryReceived) -> list[ReceivedEvent]:
    """Return the events of an answer to HISTORY, with what is known about each."""
    return [
        ReceivedEvent.of(
            event,
            is_sealed=event.seq in past.sealed,
            problems=past.sealed.get(event.seq, past.unsealed.get(event.seq, ())),
        )
        for event in past.events
    ]


class Client:
    """One user's session with a chat server, as an async context manager.

    Leaving the block ends the session and frees the name.

    Args:
        address: `HOST`, `HOST:PORT`, or a `(host, port)` pair such as `Server.address`. Several
            servers of one cluster are separated by commas. `tls://HOST` connects over TLS.
        name: User name.
        store: File for the session and unacknowledged messages, so that both survive a crash of the
            program; None keeps them in memory.
        link: Code or policy of a noisy link to the server (see docs/LINK.md); None uses none.
        channel: Simulated channel between client and server (`bsc:1e-3`); None simulates none.
        udp: Run the link over UDP.
        seed: Random seed for the channel.
        timeout: Seconds without a connection after which the session ends.
        password: Password of the user's account; None for a guest.
        register: Register the account first.
        invitation: Invitation to register with, or an empty string.
        insecure_password: Send passwords even where the network can read them.
        ca: File with the CA certificates, for `tls://`. By default, the client stores the key of a
            server on the first connection, logs a warning with its SHA-256 to the logger `netchat`, and
            refuses any other key later.
        fingerprint: SHA-256 of the server's key, for `tls://`.
        keylog: File to append the keys of connections to, for `tls://`; by default that of the
            environment variable SSLKEYLOGFILE.

    Attributes:
        rooms: Rooms that the user is in, by code.

    Raises:
        ValueError: The address, link, channel or fingerprint is invalid.
        NetchatError: The store, or a file for TLS, cannot be used.
    """

    def __init__(
        self,
        address: str | tuple[str, int] = "localhost",
        *,
        name: str,
        store: Path | str | None = None,
        link: str | None = None,
        channel: str | None = None,
        udp: bool = False,
        seed: int | None = None,
        timeout: float = float("inf"),
        password: str | None = None,
        register: bool = False,
        invitation: str = "",
        insecure_password: bool = False,
        ca: Path | str | None = None,
        fingerprint: str | None = None,
        keylog: Path | str | None = None,
    ) -> None:
        if register and password is None:
            raise ValueError("register=True needs a password")
        credentials = None
        if password is not None:
            credentials = Credentials(name, password, register, invitation)
        plain, is_tls = split_scheme(address) if isinstance(address, str) else (address, False)
        servers = parse_addresses(plain, DEFAULT_PORT) if isinstance(plain, str) else [plain]
        tls = _tls(ca, fingerprint, keylog, is_wanted=is_tls)
        path = None
        if link is not None or channel is not None or udp:
            path = ClientPath(link, channel, seed, udp=udp, tls=tls)
        self._store = None if store is None else ClientStore(Path(store))
        self._driver = ClientDriver(
            *servers[0],
            name,
            store=self._store,
            timeout=timeout,
            path=path,
            tls=tls,
            others=servers[1:],
            credentials=credentials,
            insecure_password=insecure_password,
        )
        self._core = self._driver.core
        self.rooms: dict[str, Room] = {}
        self._mailbox: _Mailbox[ClientEvent] = _Mailbox()
        self._online: asyncio.Future[None] | None = None
        # Futures of pending requests by request number, and of sent messages by counter.
        self._answers: dict[int, asyncio.Future[ClientEvent]] = {}
        self._echoes: dict[int, asyncio.Future[ReceivedEvent]] = {}
        # Rooms of pending JOINs and LEAVEs. After a reconnect, the membership answers them.
        self._joins: dict[int, str] = {}
        self._leaves: dict[int, str] = {}
        # Futures of transfers and of the offers after them, by number of the transfer.
        self._transfers: dict[int, asyncio.Future[FileEnded]] = {}
        self._offers: dict[int, asyncio.Future[ReceivedEvent]] = {}
        self._progress: dict[int, Callable[[int, int], None]] = {}
        self._dispatcher: asyncio.Task[None] | None = None
        self._ended: Exception | None = None

    async def __aenter__(self) -> Self:
        """Connect, send HELLO and wait until the server has accepted the name.

        Raises:
            CannotConnect: There is no netchat server at the address.
            Refused: The name is taken or not allowed, and the text suggests another one; or the login
                was refused.
        """
        self._online = asyncio.get_running_loop().create_future()
        await self._driver.__aenter__()
        self._dispatcher = asyncio.create_task(self._dispatch())
        try:
            await self._online
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the session and wait for the server's confirmation."""
        await self._driver.bye()
        await self._stop()

    def __aiter__(self) -> AsyncIterator[ClientEvent]:
        """Return an iterator over all client events: room events, connection changes, errors."""
        return self._mailbox.read()

    @property
    def name(self) -> str:
        """The user name, as the server knows it."""
        return self._core.name

    @property
    def max_text(self) -> int:
        """Maximum length of a message in bytes of UTF-8, as announced by the server."""
        return self._core.max_text

    async def join(self, code: str) -> Room:
        """Join a room.

        Args:
            code: Code of the room; `lobby` always exists. For a sealed room, its invitation:
                `CODE#SECRET`, its link, or the code and 12 words.

        Returns:
            The room, once the server has confirmed the membership.

        Raises:
            Refused: The room does not exist, or the user may not join it.
            ValueError: The secret is invalid.
            SealingError: There is a secret, but the server does not support sealed rooms.
        """
        number = self._core.join(code)
        request = self._core.requests[number]
        assert isinstance(request, Join)
        self._joins[number] = request.room
        try:
            return self._room_of(await self._request(number))
        finally:
            del self._joins[number]

    async def create(self, *, sealed: bool = False) -> Room:
        """Create a room and join it; other users join with its `invitation`.

        Args:
            sealed: Encrypt all texts end to end: only members can read them, not the server.

        Raises:
            Refused: The user is in too many rooms.
            SealingError: The server does not support sealed rooms.
        """
        return self._room_of(await self._request(self._core.create(sealed=sealed)))

    async def private(self, name: str) -> Room:
        """Open the private room shared with another user.

        Args:
            name: Name of the other user.

        Raises:
            Refused: No user has that name.
        """
        request = self._core.ask(lambda number: Private(number, name))
        return self._room_of(await self._request(request))

    async def save_file(
        self,
        event: ReceivedEvent,
        path: Path | str = ".",
        *,
        progress: Callable[[int, int], None] | None = None,
    ) -> Path:
        """Download an offered file, and check its SHA-256.

        Args:
            event: The offer: an event of kind FILE.
            path: File to create, or a folder, in which the file gets the name of the offer. If the file
                exists, the name gets a number.
            progress: Called with the number of bytes that are written, and of all.

        Returns:
            The path of the new file.

        Raises:
            ValueError: The event offers no file.
            Refused: The server no longer has the file, or the user is not in the room.
            NetchatError: The file cannot be written, or its bytes are wrong.
        """
        offer = parse_offer(event.text) if event.kind == EventKind.FILE else None
        if offer is None:
            raise ValueError(f"event {event.seq} of room {event.room} offers no file")
        self._check()
        transfer = await self._driver.files.save(event.room, offer, Path(path))
        ended = await self._transfer(transfer, progress)
        return Path(ended.path)

    async def rename(self, name: str) -> None:
        """Change the user name.

        Args:
            name: New name.

        Raises:
            Refused: The name is taken or not allowed.
        """
        await self._request(self._core.rename(name))

    @property
    def account(self) -> str:
        """Name of the user's account; empty for a guest."""
        return self._core.account

    @property
    def role(self) -> Role:
        """Rights of the user's account."""
        return self._core.role

    async def register(self, password: str, invitation: str = "") -> None:
        """Register the user's name.

        Args:
            password: Password of the new account: 8 characters or more, at most 1024 bytes.
            invitation: Invitation, if the server needs one.

        Raises:
            Refused: The server does not register the user.
            NetchatError: The network could read the password, or the server has no accounts.
        """
        self._check()
        await self._request(self._driver.register(password, invitation))

    async def change_password(self, old: str, new: str) -> None:
        """Change the password of the account, and log out its other devices.

        Raises:
            Refused: The current password is wrong, or the new one is not allowed.
            NetchatError: The network could read the password, or the server has no accounts.
        """
        self._check()
        await self._request(self._driver.change_password(old, new))

    async def log_out(self, *, everywhere: bool = False) -> None:
        """End the session, and log out this device or every device of the account.

        Raises:
            NetchatError: The server has no accounts.
        """
        self._check()
        if not self._core.has_accounts:
            raise NetchatError("This server has no accounts; it runs without --accounts.")
        self._core.log_out(everywhere=everywhere)
        self._driver.flush()
        await self._driver.ended()

    # -- requests -------------------------------------------------------------------------------

    async def _request(self, number: int) -> ClientEvent:
        """Send a queued request and return the event that answers it."""
        self._check()
        future: asyncio.Future[ClientEvent] = asyncio.get_running_loop().create_future()
        self._answers[number] = future
        self._driver.flush()
        try:
            return await future
        finally:
            self._answers.pop(number, None)

    async def _post(self, code: str, post: Callable[[ChatClient], int]) -> ReceivedEvent:
        self._check()
        if code not in self._core.memory.rooms:
            raise Refused(ErrorCode.NOT_A_MEMBER, f"You are not in room {code}.")
        counter = post(self._core)
        future: asyncio.Future[ReceivedEvent] = asyncio.get_running_loop().create_future()
        self._echoes[counter] = future
        self._driver.flush()
        try:
            return await future
        finally:
            self._echoes.pop(counter, None)

    async def _send_file(
        self,
        code: str,
        path: Path,
        name: str,
        media_type: str,
        progress: Callable[[int, int], None] | None,
    ) -> ReceivedEvent:
        self._check()
        transfer = await self._driver.files.send(code, path, name=name, media_type=media_type)
        ended = await self._transfer(transfer, progress)
        return await self._offers.pop(ended.transfer)

    async def _transfer(
        self, transfer: int, progress: Callable[[int, int], None] | None
    ) -> FileEnded:
        """Wait for the end of a transfer.

        Raises:
            Refused: The server has refused it.
            NetchatError: It has failed.
        """
        future: asyncio.Future[FileEnded] = asyncio.get_running_loop().create_future()
        self._transfers[transfer] = future
        if progress is not None:
            self._progress[transfer] = progress
        try:
            return await future
        except asyncio.CancelledError:
            self._core.files.cancel(transfer)
            self._driver.flush_or_drop()
            raise
        finally:
            self._transfers.pop(transfer, None)
            self._progress.pop(transfer, None)

    def _file_ended(self, ended: FileEnded) -> None:
        future = self._transfers.get(ended.transfer)
        if future is None or future.done():
            return
        if ended.code:
            future.set_exception(Refused(ended.code, ended.why))
        elif ended.why:
            future.set_exception(NetchatError(f"{ended.name}: {ended.why}"))
        else:
            if ended.is_upload:
                # Its event can only follow: the server gets the offer after this.
                offer: asyncio.Future[ReceivedEvent]
                offer = asyncio.get_running_loop().create_future()
                self._echoes[ended.counter] = self._offers[ended.transfer] = offer
            future.set_result(ended)

    async def _ask_roster(self, code: str, after: str) -> RosterReceived:
        roster = await self._request(self._core.who(code, after))
        assert isinstance(roster, RosterReceived)
        return roster

    async def _ask_history(self, code: str, count: int, before: int | None) -> list[ReceivedEvent]:
        past = await self._request(self._core.history(code, count, before))
        assert isinstance(past, HistoryReceived)
        return _received(past)

    async def _ask_search(self, code: str, words: str, before: int) -> SearchCompleted:
        found = await self._request(self._core.search(code, words, before))
        assert isinstance(found, SearchCompleted)
        return found

    async def _ask_bans(self, code: str, after: int) -> BansReceived:
        bans = await self._request(self._core.bans(code, after))
        assert isinstance(bans, BansReceived)
        return bans

    async def _moderate(
        self, code: str, action: ModeratorAction, target: str, text: str, **more: int
    ) -> None:
        await self._request(self._core.moderate(code, action, target, text, **more))

    async def _ask_safety(self, code: str, name: str) -> SafetyReceived:
        number = self._core.require_sealing().ask_safety(code, name)
        event = await self._request(number)
        assert isinstance(event, SafetyReceived)
        return event

    async def _leave(self, code: str) -> None:
        if code not in self.rooms:
            return
        number = self._core.leave(code)
        self._leaves[number] = code
        try:
            await self._request(number)
        finally:
            del self._leaves[number]

    def _room_of(self, event: ClientEvent) -> Room:
        assert isinstance(event, RoomEntered)
        return self.rooms[event.room]

    def _check(self) -> None:
        if self._ended is not None:
            raise self._ended

    # -- events ---------------------------------------------------------------------------------

    async def _dispatch(self) -> None:
        async for event in self._driver.events():
            self._handle(event)
            self._mailbox.put(event)

    def _handle(self, event: ClientEvent) -> None:
        match event:
            case Online():
                if self._online is not None and not self._online.done():
                    self._online.set_result(None)
                for code, room in self.rooms.items():
                    self._answer_joins(RoomEntered(code, room.kind, room.peer, 0, asked=True))
            case NameRejected(why, suggestion):
                hint = f" Try {suggestion!r}." if suggestion else ""
                self._fail(Refused(ErrorCode.NAME_TAKEN, why + hint))
            case LoginRequired(_, why, suggestion):
                hint = f" {suggestion!r} is free." if suggestion else ""
                self._fail(Refused(ErrorCode.LOGIN_REQUIRED, why + hint))
            case LoginFailed(why, code):
                self._fail(Refused(code, why))
            case AccountChanged():
                self._answer(event.request, event)
            case RoomEntered():
                self._entered(event)
            case RoomLeft(code):
                self._left(event, code)
            case RoomEvent():
                self._event(event)
            case RoomDescribed():
                self._described(event)
            case (
                HistoryReceived()
                | SearchCompleted()
                | RosterReceived()
                | NameChanged()
                | ActionCompleted()
                | BansReceived()
                | SafetyReceived()
            ):
                self._answer(event.request, event)
            case RequestRefused(error, _):
                self._refuse(error.reference, Refused(error.code, error.text))
            case Undelivered(_, why, counter):
                self._undelivered(counter, why)
            case Acknowledged():
                self._acknowledged(event)
            case FileEnded():
                self._file_ended(event)
            case FileProgress():
                if (report := self._progress.get(event.transfer)) is not None:
                    report(event.done, event.size)
            case SessionEnded(why):
                self._fail(CannotConnect(why or "the session has ended"))

    def _entered(self, event: RoomEntered) -> None:
        room = self.rooms.get(event.room)
        if room is None:
            room = self.rooms[event.room] = Room(self, event.room, event.kind, event.peer)
        room.peer = event.peer
        self._answer(event.request, event)
        self._answer_joins(event)

    def _described(self, event: RoomDescribed) -> None:
        room = self.rooms.get(event.room)
        if room is not None:
            room.title, room.role = event.title, event.role
            room.is_locked, room.is_read_only = event.is_locked, event.is_read_only

    def _answer_joins(self, event: RoomEntered) -> None:
        """Complete JOINs whose reply was lost with the connection."""
        for number, code in list(self._joins.items()):
            if code == event.room:
                self._answer(number, event)

    def _left(self, event: RoomLeft, code: str) -> None:
        room = self.rooms.pop(code, None)
        if room is not None:
            room._mailbox.close()
        for number, left in list(self._leaves.items()):
            if left == code:
                self._answer(number, event)

    def _event(self, event: RoomEvent) -> None:
        received = ReceivedEvent.of(event.event, is_sealed=event.is_sealed, problems=event.problems)
        room = self.rooms.get(received.room)
        if room is not None:
            room.peer = event.peer or room.peer
            room._mailbox.put(received)
        future = self._echoes.get(received.counter) if event.own else None
        if future is not None and not future.done():
            future.set_result(received)

    def _acknowledged(self, event: Acknowledged) -> None:
        """Fetch the event of a message that the server stored before the connection was lost."""
        if event.counter not in self._echoes:
            return
        request = self._core.ask(lambda n: History(n, event.seq, event.seq, event.room))
        fetch: asyncio.Future[ClientEvent] = asyncio.get_running_loop().create_future()

        def deliver(done: asyncio.Future[ClientEvent]) -> None:
            echo = self._echoes.get(event.counter)
            if echo is None or echo.done() or done.cancelled() or done.exception():
                return
            past = done.result()
            if isinstance(past, HistoryReceived) and past.events:
                echo.set_result(_received(past)[0])
            else:
                why = "the server has stored the message, but its event is no longer available"
                echo.set_exception(Refused(ErrorCode.NOT_A_MEMBER, why))

        fetch.add_done_callback(deliver)
        self._answers[request] = fetch
        self._driver.flush()

    def _answer(self, number: int, event: ClientEvent) -> None:
        future = self._answers.pop(number, None)
        if future is not None and not future.done():
            future.set_result(event)

    def _refuse(self, number: int, error: Exception) -> None:
        future = self._answers.pop(number, None)
        if future is not None and not future.done():
            future.set_exception(error)

    def _undelivered(self, counter: int, why: str) -> None:
        future = self._echoes.pop(counter, None)
        if future is not None and not future.done():
            future.set_exception(Refused(ErrorCode.NOT_A_MEMBER, why))

    def _fail(self, error: Exception) -> None:
        """Fail every pending call because the session has ended or could not start."""
        self._ended = error
        waiting: list[asyncio.Future[Any]] = [
            *self._answers.values(),
            *self._echoes.values(),
            *self._transfers.values(),
        ]
        if self._online is not None:
            waiting.append(self._online)
        for future in waiting:
            if not future.done():
                future.set_exception(error)
        self._answers.clear()
        self._echoes.clear()
        for room in self.rooms.values():
            room._mailbox.close()
        self._mailbox.close()

    async def _stop(self) -> None:
        self._fail(self._ended or CannotConnect("the client is closed"))
        if self._online is not None and self._online.done() and not self._online.cancelled():
            self._online.exception()  # mark as retrieved: it was raised or is not awaited
        if self._dispatcher is not None:
            self._dispatcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._dispatcher
        await self._driver.__aexit__(None, None, None)
        if self._store is not None:
            self._store.close()

    def __repr__(self) -> str:
        return f"<Client {self.name!r} in {', '.join(self.rooms) or 'no room'}>"
