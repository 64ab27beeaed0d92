"""The crowd: its users, how they come and come back, and what is measured on them."""

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
from netchat.net.address import show_address
from netchat.net.client_driver import CONNECT_TIMEOUT

__all__ = ["Connect", "Crowd"]

Connect = Callable[[asyncio.Protocol, str, int], Awaitable[None]]
"""Makes a connection to a host and port on which a protocol speaks."""

#: Handshakes under way at a time while the crowd gathers: a queue at the door, not a run on it.
HANDSHAKES = 64

#: Latencies that are noted in one run, about: enough for the 99.9th percentile to rest on 200.
SAMPLES = 200_000

#: Different complaints of a server that are kept.
_MAX_COMPLAINTS = 20

#: Seconds between two looks at whether everybody has everything.
_LOOK_EVERY = 0.005

#: Seconds between two words on the progress.
_TELL_EVERY = 0.25


class Crowd:
    """Many users of one server, in one room.

    Args:
        host: the server's name or address.
        port: its TCP port.
        room: the room's code.
        payload: bytes of each message's text.
        window: messages that a sender has under way at most.
        stall_timeout: seconds without any progress after which it gives up.
        connect: makes a connection for a user's protocol to a host and port; TCP's, unless given.

    Attributes:
        users: everyone.
        head: the event that told the room of the last one who joined.
        over: the run is over; nobody comes back.
        log: what the room has said.
        latencies: the sampled ones, in seconds.
        missed: events that users who came back found to have missed.
        lost_connections: how often a user lost its connection.
        throttled: warnings of the server that a sender is too fast.
        broken: connections whose bytes broke the protocol.
        complaints: what the server refused or got wrong, and how often.
        address: the server's address, once there was a connection.
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
        self.complaints: dict[str, int] = {}
        self.address = ""
        self.over = False
        self._where = host, port
        self._stall_timeout = stall_timeout
        self._make = connect or self._plainly
        self._stride = 1
        self._run = secrets.token_hex(3)  # so that two crowds do not quarrel about names
        self._tasks: set[asyncio.Task[None]] = set()

    # -- coming, and coming back ----------------------------------------------------------------

    async def gather(
        self, users: int, senders: int, progress: Callable[[int], None] = lambda _: None
    ) -> None:
        """Bring users into the room; the first `senders` of them will speak.

        Raises:
            CannotConnect: there is no server.
            Refused: the server does not take them in.
            NetchatError: they do not get in.
        """
        first = len(self.users)
        new = [
            User(self, f"load-{self._run}-{i}", speaks=i - first < senders)
            for i in range(first, first + users)
        ]
        self.users += new
        arrived, told = 0, 0.0

        async def bring(coming: Iterator[User]) -> None:
            nonlocal arrived, told
            for user in coming:
                await self._connect(user)
                try:
                    await asyncio.wait_for(asyncio.shield(user.joined), self._stall_timeout)
                except TimeoutError as error:
                    raise NetchatError(
                        f"{arrived} users are in; the next one was not let in within "
                        f"{self._stall_timeout:g} s. {next(iter(self.complaints), '')}"
                    ) from error
                arrived += 1
                if time.monotonic() - told > _TELL_EVERY:
                    told = time.monotonic()
                    progress(arrived)

        if first == 0:  # the log begins with the first one; and if there is no server, we know
            await bring(iter(new[:1]))
        coming = iter(new[arrived:])  # one queue for all who bring somebody in
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(HANDSHAKES):
                    group.create_task(bring(coming))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None

    async def _connect(self, user: User) -> None:
        host, port = self._where
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await self._make(user, host, port)
        except TimeoutError as error:
            raise CannotConnect(f"{show_address(host, port)} does not answer.") from error
        except OSError as error:
            if error.errno == errno.EMFILE:
                raise NetchatError(
                    "This process may not open any more files: ulimit -n."
                ) from error
            reason = error.strerror or str(error)
            raise CannotConnect(
                f"No server at {show_address(host, port)} ({reason}). Start one there with: netchat serve"
            ) from error

    async def _plainly(self, protocol: asyncio.Protocol, host: str, port: int) -> None:
        await self.loop.create_connection(lambda: protocol, host, port)

    def lost(self, user: User) -> None:
        """A user has lost its connection: it comes back, if the run is not over."""
        if self.over:
            return
        self.lost_connections += 1
        task = self.loop.create_task(self._come_back(user))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _come_back(self, user: User) -> None:
        while not self.over:
            await asyncio.sleep(user.backoff.wait(time.monotonic()))
            try:
                await self._connect(user)
            except NetchatError as error:
                self.report_problem(str(error))
            else:
                return

    # -- while it runs --------------------------------------------------------------------------

    async def wait_until_all_have(
        self, users: Sequence[User], progress: Callable[[int], None] = lambda _: None
    ) -> bool:
        """Wait until every message has been said, and heard by everyone.

        Args:
            users: those whose messages (`goal`) are waited for.
            progress: told now and then how many messages the room's log has.

        Returns:
            False if nothing came any more, and something was still missing.
        """
        voices = [(u, u.voice) for u in users if u.voice is not None]
        moved = looked = time.monotonic()
        before = -1
        while True:
            now = time.monotonic()
            said = all(voice.heard >= user.goal for user, voice in voices)
            last = max(self.head, self.log.last) if self.log.seqs else self.head
            if said and all(u.connected and u.member.known >= last for u in self.users):
                return True
            if now - looked >= _TELL_EVERY:
                looked = now
                progress(sum(voice.heard for _, voice in voices))
                here = sum(u.member.known for u in self.users)
                if here != before:
                    before, moved = here, now
                elif now - moved > self._stall_timeout:
                    return False
                # Who is away may need any of it.
                places = [u.member.pos for u in self.users if u.member.pos < NOWHERE]
                if len(places) == len(self.users):
                    self.log.trim(min(places))
            await asyncio.sleep(_LOOK_EVERY)

    def sample_from_now(self, messages: int) -> None:
        """Note latencies from here on: a part of them, spread over messages and members."""
        self._stride = max(1, messages * len(self.users) // SAMPLES)
        for number, user in enumerate(self.users):
            user.sample = len(self.log.ends) + number % self._stride
            user.sample_at = 0

    def stop_sampling(self) -> None:
        """Note no more latencies."""
        for user in self.users:
            user.sample_at = NOWHERE

    def take_sample(self, user: User, now: float) -> None:
        """A user's stream has passed the next event whose latency is wanted, or may have."""
        ends, dues, position, number = self.log.ends, self.log.dues, user.member.pos, user.sample
        size = len(ends)
        while number < size and ends[number] <= position:
            if dues[number]:
                self.latencies.append(now - dues[number])
            number += self._stride
        user.sample = number
        # An event that is not in the log yet ends behind what there is: look again with the next.
        user.sample_at = ends[number] if number < size else position + 1

    def report_problem(self, text: str) -> None:
        """Keep what the server refused or got wrong."""
        if text in self.complaints or len(self.complaints) < _MAX_COMPLAINTS:
            self.complaints[text] = self.complaints.get(text, 0) + 1

    async def leave(self) -> None:
        """End all sessions, so that names and places are free for the next run."""
        self.over = True
        for task in list(self._tasks):
            task.cancel()
        for user in self.users:
            user.bye()
        deadline = time.monotonic() + 5
        while any(u.connected for u in self.users) and time.monotonic() < deadline:
            await asyncio.sleep(_LOOK_EVERY)
        for user in self.users:
            user.joined.cancel()
            user.drop()
        await asyncio.gather(*self._tasks, return_exceptions=True)
