"""Sans-I/O chat server: frames in, effects and batches out; the time is an argument.

The driver of a hub (`netchat.net.server_driver`, or a test) does five things:
    1. It reports connections (`connect`, `lost`) and passes their frames to `receive`, as many as
       `permitted` allows. It does not read from a connection for as long as `connect` and `pause`
       return.
    2. It carries out the effects (`take_effects`).
    3. It writes each batch (`take_batch`) to a history, then calls `commit`: an event is sent only
       once it is durable.
    4. It reports connections that stop reading (`stalled`, `drained`), and calls `catch_up` to
       serve lagging connections from the history.
    5. It calls `tick` a few times per second.

If it transfers files (`enable_files`), it also reports the results of their jobs (`file_job_done`).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

from netchat.chat import account_handlers, delivery, timers
from netchat.chat.commands import (
    ChatCommand,
    ConfirmToken,
    CreateLobby,
    Disconnect,
    ExpireServer,
    StartServer,
)
from netchat.chat.commit import commit
from netchat.chat.connection import Connection
from netchat.chat.effects import CheckPassword, Effect
from netchat.chat.fair_shares import share_of_address
from netchat.chat.file_jobs import FileJob, FileJobResult, PartialKey, StoredFile
from netchat.chat.file_service import FileService
from netchat.chat.handshake import hello
from netchat.chat.model import Session
from netchat.chat.ordering import FENCED, apply_next, propose
from netchat.chat.persistence import Batch, HistoryReader, Snapshot
from netchat.chat.room_codes import LOBBY
from netchat.chat.server_handlers import HANDLERS
from netchat.chat.server_state import ServerState
from netchat.chat.settings import Settings
from netchat.errors import PeerError
from netchat.wire import (
    MAX_SERVERS,
    MESSAGES,
    Bye,
    Chunk,
    Error,
    ErrorCode,
    Frame,
    Hello,
    Login,
    Message,
    Ping,
    Pong,
    Register,
    SealedSend,
    Send,
    ServerAddress,
    Servers,
    decode,
    encode,
)

__all__ = ["Hub"]

#: Minimum time between two warnings that a connection sends too fast, in seconds.
WARNING_INTERVAL = 10.0

#: log2 of the bytes for which a frame costs one more token in the rate limit: 1 KiB.
FRAME_UNIT = 10

#: Maximum number of replies that a connection has pending; at this number, the server stops reading from
#: it.
MAX_PENDING_REPLIES = 64

#: Minimum pause of a connection, in seconds, so that the server then handles several frames at once.
MIN_PAUSE = 0.02

#: Pause of a connection with too many pending proposals while the cluster's log is unavailable.
OUTAGE_PAUSE = 0.25

_CHUNK = Chunk.TYPE

#: Handlers of the messages that a client with a session may send, by type number.
_REQUESTS = {kind.TYPE: handler for kind, handler in HANDLERS.items()}

#: Handlers of the messages that a client without a session may send, HELLO apart.
_ENTRIES: dict[int, Callable[[ServerState, Connection, None, Any], None]] = {
    Login.TYPE: account_handlers.log_in,
    Register.TYPE: account_handlers.register,
}


class Hub:
    """Sans-I/O chat server.

    Args:
        settings: Limits and timeouts.
        history: The history, for reading.
        snapshot: The state stored in the history when the server started.
        now: The current time, in seconds of a monotonic clock.
        wall_offset: Seconds to add to `now` to get the time since 1970.
        rng: Source of tokens, room codes and log ids; by default the system's secure one.
        is_clustered: Whether the log of a cluster orders the commands. Its driver then also appends
            `state.proposals` to the log, and reports what comes back (`apply_batch`, `start_server`,
            `expire_server`).

    Attributes:
        state: Connections, the state shared with other servers, and the current batch.
    """

    def __init__(
        self,
        settings: Settings,
        history: HistoryReader,
        snapshot: Snapshot,
        now: float,
        wall_offset: float = 0.0,
        rng: random.Random | None = None,
        *,
        is_clustered: bool = False,
    ) -> None:
        self.state = ServerState(
            settings, history, snapshot, now, wall_offset, rng, is_clustered=is_clustered
        )
        if not is_clustered:
            self.start_server(1, "", is_own=True)

    # -- called by the driver -------------------------------------------------------------------

    def connect(self, connection: Connection, now: float) -> float:
        """Register a new connection.

        Returns:
            Seconds for which not to read from it, because its address group connects too often.
        """
        state = self.state
        connection.heard = connection.refilled_at = now
        connection.allowance = state.settings.burst
        connection.share = share = share_of_address(connection.address)
        count = state.addresses.get(share, 0) + 1
        state.addresses[share] = count
        state.connections[connection] = None
        if not state.half_open_shares.allows(share):
            text = "The server is busy; try again in a moment."
            state.disconnect(connection, ErrorCode.BUSY, text)
        elif 0 < state.settings.max_per_address < count:
            text = f"There are already {count - 1} connections from {share}; close one."
            state.disconnect(connection, ErrorCode.BUSY, text)
        else:
            state.half_open[connection] = now
            state.half_open_shares.acquire(share)
        return state.connection_rate.wait(share, now) if state.settings.rate else 0.0

    def permitted(self, connection: Connection, now: float) -> int:
        """Return the number of frames of a connection that may be handled now (token bucket)."""
        settings, pending = self.state.settings, connection.pending_replies
        # Replies to repeated messages are added once a batch is durable, beyond the limit.
        free = max(0, MAX_PENDING_REPLIES - len(pending)) if pending else MAX_PENDING_REPLIES
        if (proposals := self.state.proposals) is not None:
            free = min(free, proposals.allowed(connection))
        if not settings.rate:
            connection.allowance = settings.burst
            return free
        grown = connection.allowance + (now - connection.refilled_at) * settings.rate
        connection.allowance = grown = min(grown, settings.burst)
        connection.refilled_at = now
        return min(free, int(grown)) if grown > 0 else 0

    def pause(self, connection: Connection, now: float, *, more: bool) -> float:
        """Return the seconds for which not to read from a connection; 0 to continue.

        Args:
            connection: A connection whose frames have just been handled.
            now: The current time, in seconds.
            more: Whether received frames may be waiting.
        """
        if connection.closing:
            return 0.0
        if connection.pending_replies and len(connection.pending_replies) >= MAX_PENDING_REPLIES:
            return MIN_PAUSE
        proposals = self.state.proposals
        if more and proposals is not None and not proposals.allowed(connection):
            return MIN_PAUSE if proposals.is_available else OUTAGE_PAUSE
        rate, allowance = self.state.settings.rate, connection.allowance
        if not rate or allowance >= (1 if more else 0):
            return 0.0
        if now - connection.warned_at >= WARNING_INTERVAL or not connection.warned_at:
            connection.warned_at = now
            text = f"You send more than {rate:g} frames per second; the server is throttling you."
            self.state.send(connection, Error(ErrorCode.TOO_FAST, 0, 0, text, ""))
            name = connection.session.name if connection.session else ""
            self.state.log("too fast", name=name, address=connection.address)
        return max(MIN_PAUSE, (1 - allowance) / rate)

    def receive(self, connection: Connection, frames: Sequence[Frame], now: float) -> None:
        """Handle frames received on a connection."""
        state = self.state
        state.begin(now)
        state.source = connection.address
        proposals = state.proposals
        remaining = iter(frames)
        for frame in remaining:
            if connection.closing:
                break
            number, body = frame
            if proposals is not None and _must_wait(connection, number):
                connection.deferred = [frame, *remaining]
                break
            # The handler of CHUNK charges for its bytes, if the client was not allowed to send them.
            connection.allowance -= 1 if number == _CHUNK else 1 + (len(body) >> FRAME_UNIT)
            session = connection.session
            # The type is checked before the body is decoded.
            try:
                if session is None:
                    if connection.is_checking:
                        text = "A client must wait for the answer to LOGIN or REGISTER."
                        state.disconnect(connection, ErrorCode.UNEXPECTED, text)
                        break
                    if number == Hello.TYPE:
                        hello(state, connection, cast(Hello, decode(frame)))
                    elif (entry := _ENTRIES.get(number)) is not None:
                        entry(state, connection, None, decode(frame))
                    else:
                        self._refuse_type(connection, MESSAGES[number])
                        break
                    continue
                handler = _REQUESTS.get(number)
                if handler is None:
                    self._refuse_type(connection, MESSAGES[number])
                    break
                message = decode(frame)
                if session.previous and not connection.has_confirmed:
                    self._confirm_token(connection, session, message)
                handler(state, connection, session, message)
            except PeerError as error:
                self.protocol_error(connection, error)
        state.source = ""

    def protocol_error(self, connection: Connection, error: PeerError) -> None:
        """Disconnect a peer that broke the protocol."""
        if not connection.closing:
            self.state.disconnect(
                connection, ErrorCode.BAD_FRAME, f"{type(error).__name__}: {error}."
            )

    def lost(self, connection: Connection, now: float) -> None:
        """Handle the end of a connection, closed by either peer."""
        state = self.state
        if connection not in state.connections:
            return
        del state.connections[connection]
        state.addresses[connection.share] -= 1
        if not state.addresses[connection.share]:
            del state.addresses[connection.share]
        state.end_handshake(connection)
        for register in (
            state.partial_frames,
            state.stalled_connections,
            state.catching_up,
            state.follows_servers,
        ):
            register.pop(connection, None)
        if state.files is not None:
            state.files.lost(connection)
        session = connection.session
        if session is None or state.attached.get(session.id) is not connection:
            state.detach(connection)
            return
        state.begin(now)
        propose(state, Disconnect(session.id, session.attachment))
        state.detach(connection)
        state.log("away", name=session.name, address=connection.address)

    def stalled(self, connection: Connection, now: float) -> None:
        """Stop sending events to a connection whose send buffer is full."""
        connection.stalled_since = now
        self.state.stalled_connections[connection] = None
        if self.state.files is not None:
            self.state.files.stalled(connection)
        session = connection.session
        if session is None:
            return
        if connection.lagging_rooms is None:
            connection.lagging_rooms = {}
        for room in session.rooms.values():
            feed = self.state.feeds[room.id]
            if connection in feed.live:
                del feed.live[connection]
                connection.lagging_rooms[feed] = feed.delivered

    def drained(self, connection: Connection) -> None:
        """Let a connection that reads again catch up."""
        connection.stalled_since = 0.0
        self.state.stalled_connections.pop(connection, None)
        if connection.lagging_rooms or connection.pending_replies:
            self.state.catching_up[connection] = None
        if self.state.files is not None:
            self.state.files.drained(connection)

    def catch_up(self, enough: Callable[[], bool] = lambda: False) -> bool:
        """Send each lagging connection its next events, or its next pending reply.

        Args:
            enough: Returns True to leave the remaining connections to the next call.

        Returns:
            Whether more is left to send, once the peers have read this.
        """
        return delivery.catch_up(self.state, enough)

    def tick(self, now: float) -> None:
        """Handle expired timers."""
        self.state.begin(now)
        timers.tick(self.state)

    def shut_down(self) -> None:
        """Send BYE to every client and close the connections; the sessions stay."""
        goodbye = encode(Bye("The server is shutting down."))
        for connection in self.state.connections:
            if not connection.closing:
                self.state.write(connection, goodbye)
                self.state.close(connection)

    def password_checked(
        self, work: CheckPassword, encoded: str | None, now: float, *, is_right: bool
    ) -> None:
        """Continue a request whose password was checked, and whose new password was hashed.

        Args:
            work: The effect.
            encoded: Encoded hash of the new password, or None without one.
            now: The current time, in seconds.
            is_right: Whether the given password matches the stored hash.
        """
        self.state.begin(now)
        self.state.source = work.connection.address
        account_handlers.password_checked(self.state, work, encoded, is_right=is_right)
        self.state.source = ""

    def enable_files(
        self,
        files: Iterable[StoredFile] = (),
        partials: Iterable[tuple[PartialKey, int]] = (),
    ) -> None:
        """Transfer files; the driver carries out `RunFileJob`.

        Args:
            files: The complete files.
            partials: The incomplete ones, each with the time of its last change, in microseconds since
                1970.
        """
        self.state.files = FileService(self.state, files, partials)

    def file_job_done(self, job: FileJob, result: FileJobResult, now: float) -> None:
        """Continue a transfer after a job.

        Args:
            job: The job.
            result: Its result, or the error that it failed with.
            now: The current time, in seconds.
        """
        self.state.begin(now)
        assert self.state.files is not None
        self.state.files.job_done(job, result)

    def take_effects(self) -> list[Effect]:
        """Return the effects to carry out now, in order."""
        state = self.state
        effects, state.effects = state.effects, []
        return effects

    def take_batch(self) -> Batch | None:
        """Return the batch to make durable now, or None if it is empty."""
        state = self.state
        if not state.batch:
            return None
        batch, state.batch = state.batch, Batch()
        return batch

    def commit(self, batch: Batch) -> None:
        """Send the events of a durable batch. Batches must be committed in their order."""
        commit(self.state, batch)

    # -- called by the driver in a cluster ------------------------------------------------------

    def start_server(self, epoch: int, name: str, *, is_own: bool) -> None:
        """Apply the start of a server, in the log's order."""
        state = self.state
        apply_next(state, StartServer(epoch, name))
        if is_own:
            self.set_server(epoch)
            if LOBBY not in state.shared.rooms:
                propose(state, CreateLobby(state.rng.getrandbits(63)))

    def set_server(self, epoch: int) -> None:
        """Set the epoch of this server, which has applied the log up to its start."""
        self.state.server = epoch
        if self.state.proposals is not None:
            self.state.proposals.has_joined = True

    def expire_server(self, epoch: int) -> None:
        """Apply the end of a server's lease, in the log's order."""
        apply_next(self.state, ExpireServer(epoch))

    def apply_batch(self, commands: Iterable[ChatCommand], number: int | None, now: float) -> None:
        """Apply a batch of commands, in the log's order.

        Args:
            commands: The commands.
            number: The batch's number if this server has appended it, or None.
            now: The current time, in seconds.
        """
        state = self.state
        state.begin(now)
        assert state.proposals is not None
        proposals = state.proposals.returned(number) if number is not None else ()
        if not proposals:
            for command in commands:
                apply_next(state, command)
            return
        for command, proposal in zip(commands, proposals, strict=True):
            apply_next(state, command, proposal.connection, proposal.request)
        for connection in {p.connection: None for p in proposals}:
            if connection is not None and connection.deferred and not connection.proposals:
                frames, connection.deferred = connection.deferred, None
                self.receive(connection, frames, now)

    def drop_proposals(self, numbers: Iterable[int]) -> None:
        """Disconnect the clients that wait for batches that will not come back."""
        state = self.state
        assert state.proposals is not None
        for connection in state.proposals.drop(numbers):
            state.detach(connection)
            state.send(connection, Bye(FENCED))
            state.close(connection)

    def announce_servers(self, servers: Mapping[int, ServerAddress]) -> None:
        """Tell the clients that support SERVERS which other servers they can connect to.

        Args:
            servers: The addresses of the servers by epoch.
        """
        state = self.state
        listed = list(servers)[:MAX_SERVERS]
        state.other_servers = {epoch: 2 + index for index, epoch in enumerate(listed)}
        frame = encode(Servers(tuple(servers[epoch] for epoch in listed)))
        if frame != state.servers_frame:
            state.servers_frame = frame
            for connection in state.follows_servers:
                state.write(connection, frame)

    # -- internal -------------------------------------------------------------------------------

    def _refuse_type(self, connection: Connection, kind: type[Message]) -> None:
        if connection.session is None:
            text = f"The first frame must be HELLO, not {kind.NAME}."
        else:
            text = (
                "HELLO must be sent only once per connection."
                if kind is Hello
                else f"{kind.NAME} must not be sent by a client."
            )
        self.state.disconnect(connection, ErrorCode.UNEXPECTED, text)

    def _confirm_token(self, connection: Connection, session: Session, message: Message) -> None:
        """Forget a session's previous token if a message proves that the client has the new one."""
        # A request proves it. PING and PONG do not: a client also sends them while it waits for
        # WELCOME.
        if not isinstance(message, Ping | Pong):
            connection.has_confirmed = True
            propose(self.state, ConfirmToken(session.id, session.attachment))


def _must_wait(connection: Connection, number: int) -> bool:
    """Return whether a frame has to wait for the commands of the requests before it.

    Its meaning may depend on their outcomes. Only messages do not wait for each other.
    """
    if connection.session is None:
        return connection.proposals > 0
    if number in (Send.TYPE, SealedSend.TYPE):
        return connection.moves > 0
    return connection.proposals > 0 and number not in (Ping.TYPE, Pong.TYPE)
