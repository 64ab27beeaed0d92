"""State of a chat client, and the messages that it sends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from netchat.chat.client_events import ClientEvent, RequestRefused
from netchat.chat.client_files import ClientFiles
from netchat.chat.names import fold
from netchat.chat.outbox import ClientState, OutgoingMessage, OutgoingOffer, unsealed_message
from netchat.chat.room_codes import read_code
from netchat.chat.sealing.room_secret import read_invitation, read_secret
from netchat.errors import NetchatError, SealingError
from netchat.version import __version__
from netchat.wire import (
    Annotate,
    Bans,
    Bye,
    Create,
    Error,
    ErrorCode,
    Event,
    EventKind,
    Feature,
    FrameReader,
    Hello,
    History,
    Join,
    Leave,
    Login,
    Logout,
    Message,
    Moderate,
    ModeratorAction,
    Password,
    Ping,
    Position,
    Private,
    Register,
    Rename,
    Role,
    RoomKind,
    SealedEvent,
    Search,
    Send,
    ServerAddress,
    Who,
    encode,
)

__all__ = ["ClientSession", "Credentials"]


#: Optional features that every client has.
_FEATURES = (
    Feature.SERVERS | Feature.ACCOUNTS | Feature.MODERATION | Feature.FILES | Feature.ANNOTATIONS
)


class Credentials(NamedTuple):
    """Name and password of an account."""

    name: str
    """Name of the account."""

    password: str
    """Its password."""

    is_new: bool = False
    """Whether to register the account."""

    invitation: str = ""
    """Invitation for a new account, or empty."""

    def __repr__(self) -> str:
        """Return the name only: the password must not appear in a log."""
        return f"<Credentials of {self.name}>"


#: Counters per message in a room with sealed messages; see `netchat.chat.client_sealing`.
COUNTER_GAP = 16


class ClientSession:
    """A client's state and the requests that it makes.

    `ChatClient` adds what it does with the server's messages; see there for the arguments.

    Attributes:
        name: The user's name.
        online: Whether the server has answered HELLO with WELCOME on this connection.
        is_encrypted: Whether TLS protects this connection, so that the client may send a password.
        is_name_refused: Whether the server has refused the name in the last HELLO, and waits for
            another one.
        ended: Whether the session is over: no message follows, and the client must not reconnect.
        memory: The state that survives reconnects and restarts.
        max_frame: The largest frame that the server accepts, in bytes.
        files: Transfers of files.
        max_text: The largest text that the server accepts in one message, in bytes.
        close_reason: The text of the server's BYE on the last connection, or an empty string.
        device: The client's device id.
        servers: The other servers of the cluster, as of the last SERVERS.
        out: Frames to send.
        events: Events that the application has not taken yet.
        requests: Unanswered requests by number.
        history_replies: Events received so far for each unanswered HISTORY, by request number.
        can_seal: Whether the client handles sealed messages.
        sealing: Its sealed messages, once a server has said that it supports them.
        gap_requests: Numbers of the HISTORY requests that the client made itself, to fill a gap.
        account: Name of the user's account; empty for a guest.
        role: Rights of the account.
        has_accounts: Whether the server has accounts.
        has_moderation: Whether the server supports MODERATE and BANS; assumed until it says so.
        has_annotations: Whether the server supports ANNOTATE; assumed until it says so.
        credentials: What the next connection logs in or registers with, before HELLO; otherwise None.
        is_logging_out: Whether the end of the session also logs out.
        pending_bye: The BYE or LOGOUT frame, if the user has ended the session; otherwise empty.
    """

    def __init__(
        self,
        name: str,
        memory: ClientState | None = None,
        software: str = f"netchat {__version__}",
        *,
        can_seal: bool = False,
    ) -> None:
        self.name: str = name
        self.online: bool = False
        self.is_encrypted: bool = False
        self.is_name_refused: bool = False
        self.ended: bool = False
        self.memory: ClientState = memory if memory is not None else ClientState()
        self.max_text: int = 0
        self.max_frame: int = 0
        self.close_reason: str = ""
        self.device: int = 0
        self.servers: tuple[ServerAddress, ...] = ()
        self.out: list[bytes] = []
        self.events: list[ClientEvent] = []
        self.requests: dict[int, Message] = {}
        self.history_replies: dict[int, list[Event | SealedEvent]] = {}
        self.gap_requests: set[int] = set()
        self.account: str = ""
        self.role: Role = Role.MEMBER
        self.has_accounts: bool = False
        self.has_moderation: bool = True
        self.has_annotations: bool = True
        self.credentials: Credentials | None = None
        self.is_logging_out: bool = False
        self.can_seal: bool = can_seal
        self.sealing: Any = None
        self.pending_bye: bytes = b""
        self._software = software
        self._reader = FrameReader()
        self._next_request = 1
        self.files: ClientFiles = ClientFiles(self)

    # -- the connection -------------------------------------------------------------------------

    def connected(self) -> None:
        """Start a new connection to the server with HELLO."""
        self._reader = FrameReader()
        self.out.clear()
        if self.credentials is not None:
            self.enter(self.credentials)
        else:
            self.send_hello(self.name)

    def enter(self, credentials: Credentials) -> None:
        """Log in or register before HELLO; `LoginFailed` or `Online` follows.

        Raises:
            EncodeError: The name or the password does not fit into a frame.
        """
        name, password = credentials.name, credentials.password
        frame = encode(
            Register(0, name, password, credentials.invitation)
            if credentials.is_new
            else Login(0, self.memory.device_key, name, password)
        )
        self.credentials = credentials
        self.out.append(frame)

    def send_hello(self, name: str) -> None:
        """Send HELLO, the first one or one that proposes another name after `NameRejected`.

        Raises:
            EncodeError: The name does not fit into a frame.
        """
        memory = self.memory
        positions = tuple(Position(v.code, v.log, v.last) for v in memory.rooms.values())
        hello = Hello(
            _FEATURES | Feature.SEALED if self.can_seal else _FEATURES,
            memory.device_key,
            memory.token,
            name,
            self._software,
            positions if memory.token or self.account else (),
        )
        self.out.append(encode(hello))
        self.name = name
        self.is_name_refused = False

    def data_to_send(self) -> bytes:
        """Return the bytes to send now."""
        data = b"".join(self.out)
        self.out.clear()
        return data

    def take_events(self) -> list[ClientEvent]:
        """Return the events since the last call, in order."""
        events, self.events = self.events, []
        return events

    def lost(self) -> None:
        """Handle the loss of the connection."""
        self.online = False
        self.out.clear()
        self.files.lost()
        if self.sealing is not None:
            self.sealing.lost()
        for view in self.memory.rooms.values():
            view.is_positioned = view.is_caught_up = False
            view.out_of_order.clear()
        for number in self.gap_requests:  # WELCOME gives the position in each room again
            del self.requests[number], self.history_replies[number]
        self.gap_requests.clear()
        for number, request in list(self.requests.items()):
            if isinstance(request, Register | Password):  # never repeat a password
                del self.requests[number]
                text = "The connection was lost before the server answered."
                error = Error(ErrorCode.LOGIN_BUSY, request.TYPE, number, text, "")
                self.events.append(RequestRefused(error, request))

    def ping(self) -> None:
        """Send PING."""
        self.out.append(encode(Ping(0)))

    # -- the user -------------------------------------------------------------------------------

    def say(self, room: str, text: str) -> int:
        """Send a message to a room. It stays in the outbox until it is acknowledged.

        Args:
            room: Code of a room that the user is a member of.
            text: The message.

        Returns:
            The message's counter.

        Raises:
            KeyError: The user is not a member of the room.
            EncodeError: The text does not fit into a frame.
        """
        return self._post(room, lambda counter: Send(counter, room, text))

    def annotate(self, room: str, kind: EventKind, target: int, text: str = "") -> int:
        """Edit, delete or answer a message of a room, or react to it.

        Like a message, it stays in the outbox until it is acknowledged.

        Args:
            room: Code of a room that the user is a member of.
            kind: EDIT, DELETE, REPLY or REACTION.
            target: Sequence number of the message's event.
            text: The new text or the answer; `+` or `-` and a reaction; empty for a deletion.

        Returns:
            The message's counter.

        Raises:
            KeyError: The user is not a member of the room.
            EncodeError: The text does not fit into a frame.
            NetchatError: The server is too old.
        """
        if not self.has_annotations:  # it would end the connection
            raise NetchatError("This server is too old to edit, delete, answer or react.")
        return self._post(room, lambda counter: Annotate(counter, kind, target, room, text))

    def _post(self, room: str, make: Callable[[int], OutgoingMessage]) -> int:
        """Put a message into the outbox, and send it if that is possible now."""
        view = self.memory.rooms[room]
        sealing = self.sealing if view.kind in (RoomKind.SEALED, RoomKind.PRIVATE) else None
        counter = self.memory.counter + (1 if sealing is None else COUNTER_GAP)
        message = make(counter)
        # First: a message that cannot be encoded must not enter the outbox.
        frame = encode(unsealed_message(message))
        self.memory.counter = counter
        self.memory.outbox[counter] = message
        if sealing is not None:
            sealing.transmit(room)
        elif self.online and view.is_caught_up:
            self.out.append(frame)
        return counter

    def offer(self, room: str, text: str) -> int:
        """Offer an uploaded file to a room. The offer stays in the outbox until it is acknowledged.

        Args:
            room: Code of a room that the user is a member of.
            text: Text of the event (`netchat.wire.file_offers.offer_text`).

        Returns:
            The counter of the message.
        """
        return self._post(room, lambda counter: OutgoingOffer(counter, room, text))

    def send_private(self, name: str, text: str) -> None:
        """Send a private message to another user.

        Raises:
            EncodeError: The name or the text does not fit into a frame.
        """
        for frame in (Private(0, name), Send(0, "", text)):
            encode(frame)  # first, as in `say`
        wanted = fold(name)
        for view in self.memory.rooms.values():
            if view.kind is RoomKind.PRIVATE and fold(view.peer) == wanted:
                self.say(view.code, text)
                return
        waiting = self.memory.private.setdefault(wanted, [])
        waiting.append(text)
        if len(waiting) == 1:
            self.ask(lambda request: Private(request, name))

    def join(self, code: str) -> int:
        """Request to join a room.

        Args:
            code: Room code, in any case and with or without hyphens. Of a sealed room, the secret
                follows: `CODE#SECRET`, or its link, or the code and 12 words.

        Returns:
            The request's number, as for all requests below.

        Raises:
            ValueError: The secret is invalid.
            SealingError: There is a secret, but this client or the server cannot seal.
        """
        code, written = read_invitation(code)
        room = read_code(code) or code
        if written:
            secret = read_secret(written)
            self.require_sealing().invite(room, secret)
        return self.ask(lambda request: Join(request, 0, 0, room))

    def create(self, *, sealed: bool = False) -> int:
        """Request a new room.

        Args:
            sealed: Request a sealed one.

        Raises:
            SealingError: This client or the server cannot seal.
        """
        return self.require_sealing().create() if sealed else self.ask(Create)

    def require_sealing(self) -> Any:
        """Return the state of sealed messages, a `ClientSealing`.

        Raises:
            SealingError: This client or the server cannot seal.
        """
        if self.sealing is None:
            raise SealingError(
                "the server does not support sealed messages"
                if self.can_seal
                else "this client does not support sealed messages"
            )
        return self.sealing

    def leave(self, room: str) -> int:
        """Request to leave a room."""
        return self.ask(lambda request: Leave(request, room))

    def who(self, room: str, after: str = "") -> int:
        """Request a page of a room's members, starting after the name `after`."""
        return self.ask(lambda request: Who(request, room, after))

    def rename(self, name: str) -> int:
        """Request another user name."""
        return self.ask(lambda request: Rename(request, name))

    def history(self, room: str, count: int, before: int | None = None) -> int:
        """Request past events of a room.

        Args:
            room: Room code.
            count: Number of events.
            before: Sequence number of the first event not to return. By default, the events end
                with the last one that was received.
        """
        view = self.memory.rooms.get(room)
        last = view.last if view is not None else 0
        if before is not None:
            last = min(last, before - 1)
        return self.ask(lambda request: History(request, max(1, last - count + 1), last, room))

    def search(self, room: str, words: str, before: int = 0) -> int:
        """Search a room's history on the server, from the newest message to the oldest.

        The server cannot search sealed messages.

        Args:
            room: Room code.
            words: The words that a message must contain, separated by spaces.
            before: Sequence number before which to search: `SearchCompleted.searched` of the answer before.

        Raises:
            NetchatError: The server is too old.
        """
        if not self.has_annotations:  # it would end the connection
            raise NetchatError("This server is too old to search.")
        return self.ask(lambda request: Search(request, before, room, words))

    def moderate(
        self,
        room: str,
        action: ModeratorAction,
        target: str = "",
        text: str = "",
        *,
        seconds: int = 0,
        scope: int = 0,
    ) -> int:
        """Request an action in a room, as its moderator.

        Args:
            room: Room code.
            action: What to do.
            target: The user or ban that it is about; see MODERATE.
            text: The reason or the title.
            seconds: Duration of a mute or ban; 0 until it is lifted.
            scope: What a ban refers to; see MODERATE.

        Raises:
            NetchatError: The server is too old.
        """
        self._check_moderation()
        return self.ask(lambda n: Moderate(n, action, scope, seconds, room, target, text))

    def bans(self, room: str, after: int = 0) -> int:
        """Request a page of a room's bans, starting after the ban with number `after`.

        Raises:
            NetchatError: The server is too old.
        """
        self._check_moderation()
        return self.ask(lambda request: Bans(request, after, room))

    def _check_moderation(self) -> None:
        if not self.has_moderation:  # it would end the connection
            raise NetchatError("This server is too old for the commands of moderators.")

    def bye(self, why: str = "") -> None:
        """End the session, now or once connected. `SessionEnded` follows the server's reply.

        Args:
            why: The reason, shown to the members of the user's rooms.
        """
        self.pending_bye = encode(Bye(why))
        if self.online:
            self.out.append(self.pending_bye)

    def register(self, password: str, invitation: str = "") -> int:
        """Request to register the user's name. Send a password only over a safe connection."""
        return self.ask(lambda request: Register(request, self.name, password, invitation))

    def change_password(self, old: str, new: str) -> int:
        """Request another password, which logs out the user's other devices."""
        return self.ask(lambda request: Password(request, old, new))

    def log_out(self, *, everywhere: bool = False) -> None:
        """End the session and log out this device, or every device of the account."""
        self.is_logging_out = True
        self.pending_bye = encode(Logout(0, int(everywhere)))
        if self.online:
            self.out.append(self.pending_bye)

    @property
    def unsent(self) -> int:
        """Number of messages that are not acknowledged yet."""
        return len(self.memory.outbox) + sum(map(len, self.memory.private.values()))

    def ask(self, make: Callable[[int], Message]) -> int:
        """Send a request, and repeat it after each reconnect until it is answered.

        Args:
            make: Returns the request with the given number.

        Returns:
            The request's number.

        Raises:
            EncodeError: The request does not fit into a frame.
        """
        number = self._next_request
        request = make(number)
        frame = encode(request)  # first, as in `say`
        self._next_request = number % 0xFFFFFFFF + 1
        if isinstance(request, History):
            self.history_replies[number] = []
        self.requests[number] = request
        if self.online:
            self.out.append(frame)
        return number
