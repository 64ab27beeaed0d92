"""Crowd of users: joining, reconnecting, and latency sampling."""

from __future__ import annotations

import asyncio
import errno
import secrets
import time
from array import array
from collections.abc import Awaitable, Callable, Iterator, Sequence

from netchat.errors import CannotConnect, NetchatError
from netchat.load.event_log import EventLog
from netchat.load.member import NOWHERE
from netchat.load.user import User
from netchat.net.address import connection_problem, show_address
from netchat.net.client_driver import CONNECT_TIMEOUT

__all__ = ["Connect", "Crowd"]

Connect = Callable[[asyncio.Protocol, str, int], Awaitable[None]]
"""Connects a protocol to a host and port."""

#: Maximum number of concurrent handshakes while users join.
HANDSHAKES = 64

#: Approximate number of latency samples per run; the 99.9th percentile then rests on 200.
SAMPLES = 200_000

#: Maximum number of different problems to record.
_MAX_PROBLEMS = 20

#: Seconds between checks whether all users have received everything.
_CHECK_EVERY = 0.005

#: Seconds between progress reports.
_REPORT_EVERY = 0.25


class Crowd:
    """Many users of one server, in one room.

    Args:
        host: Name or address of the server.
        port: Port of the server.
        room: Code of the room.
        payload: Length of each message's text in bytes.
        window: Maximum number of unacknowledged messages per sender.
        stall_timeout: Seconds without progress after which waiting ends.
        connect: Connects a user's protocol to a host and port; plain TCP by default.

    Attributes:
        users: All users.
        head: Sequence number of the event for the last user who joined.
        over: Whether the run is over, so that users no longer reconnect.
        log: Events of the room.
        latencies: Sampled latencies in seconds.
        missed: Number of events that reconnected users had missed.
        lost_connections: Number of lost connections.
        throttled: Number of TOO_FAST warnings from the server.
        broken: Number of connections with protocol errors.
        problems: Errors reported by the server or found in its data, with their counts.
        address: Address of the server, after the first connection.
    """

    def __init__(
        self,
        host: str,
        port: int,
        room: str,
        *,
        payload: int,
        window: int,
        stall_timeout: float,
        connect: Connect | None = None,
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.wanted_room = room
        self.payload = payload
        self.window = window
        self.users: list[User] = []
        self.head = 0
        self.log = EventLog(room)
        self.latencies = array("d")
        self.missed = 0
        self.lost_connections = 0
        self.throttled = 0
        self.broken = 0
        self.problems: dict[str, int] = {}
        self.address = ""
        self.over = False
        self._server = host, port
        self._stall_timeout = stall_timeout
        self._make = connect or self._connect_tcp
        self._stride = 1
        self._run = secrets.token_hex(3)  # makes user names unique among concurrent runs
        self._tasks: set[asyncio.Task[None]] = set()

    # -- joining and reconnecting ---------------------------------------------------------------

    async def gather(
        self, users: int, senders: int, progress: Callable[[int], None] = lambda _: None
    ) -> None:
        """Connect users and join the room.

        Args:
            users: Number of users to add.
            senders: Number of them that will send; the first ones.
            progress: Called with the number of users that have joined.

        Raises:
            CannotConnect: There is no server.
            Refused: The server refuses the users.
            NetchatError: A user could not join in time.
        """
        first = len(self.users)
        new = [
            User(self, f"load-{self._run}-{i}", is_sender=i - first < senders)
            for i in range(first, first + users)
        ]
        self.users += new
        joined, reported = 0, 0.0

        async def join(pending: Iterator[User]) -> None:
            nonlocal joined, reported
            for user in pending:
                await self._connect(user)
                try:
                    await asyncio.wait_for(asyncio.shield(user.joined), self._stall_timeout)
                except TimeoutError as error:
                    raise NetchatError(
                        f"{joined} users have joined; the next one could not join within "
                        f"{self._stall_timeout:g} s. {next(iter(self.problems), '')}"
                    ) from error
                joined += 1
                if time.monotonic() - reported > _REPORT_EVERY:
                    reported = time.monotonic()
                    progress(joined)

        if first == 0:  # the first user starts the log, and shows whether there is a server
            await join(iter(new[:1]))
        pending = iter(new[joined:])  # shared by all tasks
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(HANDSHAKES):
                    group.create_task(join(pending))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None

    async def _connect(self, user: User) -> None:
        host, port = self._server
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await self._make(user, host, port)
        except TimeoutError as error:
            raise CannotConnect(f"{show_address(host, port)} does not answer.") from error
        except OSError as error:
            if error.errno == errno.EMFILE:
                raise NetchatError(
                    "This process cannot open more files: raise the limit with ulimit -n."
                ) from error
            raise CannotConnect(connection_problem(host, port, error)) from error

    async def _connect_tcp(self, protocol: asyncio.Protocol, host: str, port: int) -> None:
        await self.loop.create_connection(lambda: protocol, host, port)

    def lost(self, user: User) -> None:
        """Reconnect a user that has lost its connection, unless the run is over."""
        if self.over:
            return
        self.lost_connections += 1
        task = self.loop.create_task(self._reconnect(user))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _reconnect(self, user: User) -> None:
        while not self.over:
            await asyncio.sleep(user.backoff.wait(time.monotonic()))
            try:
                await self._connect(user)
            except NetchatError as error:
                self.report_problem(str(error))
            else:
                return

    # -- during the run -------------------------------------------------------------------------

    async def wait_until_all_have(
        self, users: Sequence[User], progress: Callable[[int], None] = lambda _: None
    ) -> bool:
        """Wait until every message has been sent, and received by all users.

        Args:
            users: Users whose messages (`goal`) to wait for.
            progress: Called from time to time with the number of messages in the log.

        Returns:
            False if progress stopped before everything had arrived.
        """
        senders = [(u, u.sender) for u in users if u.sender is not None]
        moved = checked = time.monotonic()
        before = -1
        while True:
            now = time.monotonic()
            all_sent = all(sender.delivered >= user.goal for user, sender in senders)
            last = max(self.head, self.log.last) if self.log.seqs else self.head
            if all_sent and all(u.connected and u.member.known >= last for u in self.users):
                return True
            if now - checked >= _REPORT_EVERY:
                checked = now
                progress(sum(sender.delivered for _, sender in senders))
                here = sum(u.member.known for u in self.users)
                if here != before:
                    before, moved = here, now
                elif now - moved > self._stall_timeout:
                    return False
                # A disconnected user may still need any part of the log.
                positions = [u.member.pos for u in self.users if u.member.pos < NOWHERE]
                if len(positions) == len(self.users):
                    self.log.trim(min(positions))
            await asyncio.sleep(_CHECK_EVERY)

    def sample_from_now(self, messages: int) -> None:
        """Start sampling latencies, evenly over messages and members."""
        self._stride = max(1, messages * len(self.users) // SAMPLES)
        for number, user in enumerate(self.users):
            user.sample = len(self.log.ends) + number % self._stride
            user.sample_at = 0

    def stop_sampling(self) -> None:
        """Stop sampling latencies."""
        for user in self.users:
            user.sample_at = NOWHERE

    def take_sample(self, user: User, now: float) -> None:
        """Record the latencies of the sampled events that a user has received."""
        ends, dues, position, number = self.log.ends, self.log.dues, user.member.pos, user.sample
        size = len(ends)
        while number < size and ends[number] <= position:
            if dues[number]:
                self.latencies.append(now - dues[number])
            number += self._stride
        user.sample = number
        # If the event is not in the log yet, check again when the user's position changes.
        user.sample_at = ends[number] if number < size else position + 1

    def report_problem(self, text: str) -> None:
        """Count an error reported by the server or found in its data."""
        if text in self.problems or len(self.problems) < _MAX_PROBLEMS:
            self.problems[text] = self.problems.get(text, 0) + 1

    async def leave(self) -> None:
        """End all sessions, so that their names are free for the next run."""
        self.over = True
        for task in list(self._tasks):
            task.cancel()
        for user in self.users:
            user.bye()
        deadline = time.monotonic() + 5
        while any(u.connected for u in self.users) and time.monotonic() < deadline:
            await asyncio.sleep(_CHECK_EVERY)
        for user in self.users:
            user.joined.cancel()
            user.drop()
        await asyncio.gather(*self._tasks, return_exceptions=True)
