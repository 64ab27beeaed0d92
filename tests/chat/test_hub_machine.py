"""The delivery contract under every kind of fault, as a state machine.

Hypothesis drives a handful of clients through talk, private talk, rooms, renames, connections cut
at any byte, lost answers, a slow disk, stalled readers, crashes of the server and sessions that
run out. The log of each room in the history is the reference.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from netchat.chat.client_events import (
    EventsMissed,
    NameRejected,
    RoomEntered,
    RoomEvent,
    Undelivered,
)
from netchat.net.history.sqlite_history import SqliteHistory
from netchat.wire import Event, FrameReader, decode
from tests.chat.world import World

NAMES = ("Nova", "Sourav", "Maya", "Ravi")
WHO = st.integers(0, len(NAMES) - 1)
#: Number of bytes in transit that still arrive when a connection is cut; None is all of them.
BYTES = st.one_of(st.none(), st.just(0), st.integers(1, 400))


class Chat(RuleBasedStateMachine):
    """Four clients, one server, and a disk."""

    @initialize()
    def begin(self):
        self.folder = Path(tempfile.mkdtemp())
        history = SqliteHistory(self.folder / "history.db", fsync=False)
        self.world = World(history, resume_seconds=60.0, room_ttl=1e9, rate=0.0)
        self.users = [self.world.user(name, "lobby") for name in NAMES]
        self.said: Counter[str] = Counter()
        self.checked = [0] * len(NAMES)
        self.last: list[dict[str, int]] = [{} for _ in NAMES]
        self.logs: dict[str, list[Event]] = {}

    def teardown(self):
        if hasattr(self, "world"):
            try:
                self.come_to_rest()
            finally:
                self.world.history.close()
                shutil.rmtree(self.folder)

    # -- users ----------------------------------------------------------------------------------

    def text(self) -> str:
        text = f"message {sum(self.said.values())}"
        self.said[text] += 1
        return text

    @rule(who=WHO, which=st.integers(0, 3), times=st.integers(1, 3))
    def say(self, who, which, times):
        rooms = list(self.users[who].core.memory.rooms)
        for _ in range(times if rooms else 0):
            self.users[who].core.say(rooms[which % len(rooms)], self.text())

    @rule(who=WHO, whom=WHO)
    def tell(self, who, whom):
        self.users[who].core.send_private(self.users[whom].core.name, self.text())

    @rule(who=WHO)
    def create(self, who):
        if len(self.users[who].core.memory.rooms) < 4:
            self.users[who].core.create()

    @rule(who=WHO, whom=WHO, which=st.integers(0, 3))
    def join_where_another_one_is(self, who, whom, which):
        rooms = [r for r in self.users[whom].core.memory.rooms if not r.startswith("@")]
        if rooms:
            self.users[who].core.join(rooms[which % len(rooms)])

    @rule(who=WHO, which=st.integers(0, 3))
    def leave(self, who, which):
        rooms = list(self.users[who].core.memory.rooms)
        if rooms:
            self.users[who].core.leave(rooms[which % len(rooms)])

    @rule(who=WHO, name=st.sampled_from([*NAMES, "Vega", "Lyra"]))
    def rename(self, who, name):
        self.users[who].core.rename(name)

    @rule(who=WHO, count=st.integers(1, 20), before=st.integers(1, 40))
    def look_back(self, who, count, before):
        self.users[who].core.history("lobby", count, before)

    # -- faults ---------------------------------------------------------------------------------

    @rule(who=WHO, up=BYTES, down=BYTES)
    def cut(self, who, up, down):
        if self.users[who].link is not None:
            self.world.drop(self.users[who], up, down)

    @rule(who=WHO)
    def connect(self, who):
        if self.users[who].link is None:
            self.world.connect(self.users[who])

    @rule(who=WHO)
    def connect_and_lose_the_answer(self, who):
        user = self.users[who]
        if user.link is None:
            self.world.connect(user)
            self.world.drop(user, up=None, down=0)

    @rule(who=WHO)
    def stall(self, who):
        link = self.users[who].link
        if link is not None and link in self.world.links and not link.stalled_since:
            self.world.stall(link)

    @rule(who=WHO)
    def drain(self, who):
        link = self.users[who].link
        if link is not None and link.stalled_since:
            self.world.drain(link)

    @rule()
    def crash(self):
        self.world.crash()

    @rule(seconds=st.sampled_from([1.0, 59.0, 61.0]))
    def time_passes(self, seconds):
        # No connected client times out; other tests cover timeouts.
        self.world.now += seconds
        for link in self.world.links:
            link.heard = self.world.now
            if link.stalled_since:
                link.stalled_since = self.world.now
        self.world.hub.state.half_open = dict.fromkeys(
            self.world.hub.state.half_open, self.world.now
        )
        self.world.hub.tick(self.world.now)
        self.world._carry_out()

    # -- progress -------------------------------------------------------------------------------

    @rule()
    def exchange(self):
        self.world.exchange()

    @rule()
    def give_to_the_disk(self):
        self.world.take_batch()

    @precondition(lambda self: self.world.batches)
    @rule()
    def commit(self):
        self.world.commit()

    @rule()
    def settle(self):
        self.world.settle()

    # -- invariants -----------------------------------------------------------------------------

    @invariant()
    def every_log_is_a_slice_of_the_rooms_log(self):
        for index, user in enumerate(getattr(self, "users", ())):
            new = user.happened[self.checked[index] :]
            self.checked[index] = len(user.happened)
            last = self.last[index]
            for event in new:
                assert not isinstance(event, EventsMissed), "events are never deleted in this test"
                if isinstance(event, RoomEntered):
                    last.pop(event.room, None)
                elif isinstance(event, RoomEvent):
                    event = event.event
                    assert event.seq == last.get(event.room, event.seq - 1) + 1
                    last[event.room] = event.seq
                    assert event == self.log_of(event.room, event.seq)[event.seq - 1]

    def log_of(self, code: str, length: int) -> list[Event]:
        """Return a room's log on disk, and check that earlier events have not changed."""
        log = self.logs.setdefault(code, [])
        if len(log) < length:
            reader = self.world.history._reader
            (room,) = reader.execute("SELECT id FROM room WHERE code = ?", (code,)).fetchone()
            frames, _ = self.world.history.read(room, 1, 2**62, 2**40)
            events = [decode(f) for f in FrameReader().feed(b"".join(frames))]
            assert events[: len(log)] == log
            log[:] = events
        return log

    def come_to_rest(self):
        """Reconnect all users and deliver everything in flight."""
        world = self.world
        for _ in range(2):  # a user whose name was refused connects again with another name
            for n, user in enumerate(self.users):
                if user.link is None:
                    world.connect(user)
                elif user.link.stalled_since:
                    world.drain(user.link)
                if user.happened and isinstance(user.happened[-1], NameRejected):
                    user.core.send_hello(f"Free{n}")
            world.settle()
        self.every_log_is_a_slice_of_the_rooms_log()
        assert all(user.core.online for user in self.users)
        self.nothing_is_left_behind()
        self.each_message_is_there_once_or_was_given_up()

    def nothing_is_left_behind(self):
        hub = self.world.hub
        for user in self.users:
            core = user.core
            assert (core.unsent, core.requests, core.gap_requests, core.history_replies) == (
                0,
                {},
                set(),
                {},
            )
            session = user.link.session
            assert core.memory.rooms.keys() == session.rooms.keys()
            assert core.name == session.name
            for code, view in core.memory.rooms.items():
                assert view.last == self.world.feed(code).delivered
                assert user.link in self.world.feed(code).live
        for register in (
            hub.state.half_open,
            hub.state.catching_up,
            hub.state.leaving,
            hub.state.away,
            hub.state.stalled_connections,
        ):
            assert not register
        for feed in hub.state.feeds.values():
            assert feed.live.keys() <= {user.link for user in self.users}
            assert feed.room.head == feed.delivered

    def each_message_is_there_once_or_was_given_up(self):
        rows = self.world.history._reader.execute("SELECT frame FROM event WHERE device != 0")
        frames = b"".join(frame for (frame,) in rows)
        stored = Counter(decode(f).text for f in FrameReader().feed(frames))
        given_up = Counter(u.text for user in self.users for u in user.all(Undelivered))
        assert not [text for text, count in stored.items() if count > 1]
        assert not [text for text, count in given_up.items() if count > 1]
        lost = [text for text in self.said if not stored[text] and not given_up[text]]
        assert not lost, lost
        own = {u: Counter(h.event.text for h in u.all(RoomEvent) if h.own) for u in self.users}
        assert all(count == 1 for seen in own.values() for count in seen.values())
        self.the_sender_knows(stored, given_up)

    def the_sender_knows(self, stored: Counter[str], given_up: Counter[str]) -> None:
        """Check that undelivered messages are in no log, unless a session or membership ended."""
        for user in self.users:
            for undelivered in user.all(Undelivered):
                ended = "left the room" in undelivered.why or "is over" in undelivered.why
                assert ended or not stored[undelivered.text], undelivered


Chat.TestCase.settings = settings(
    derandomize=True, max_examples=150, stateful_step_count=40, deadline=None
)
TestChat = Chat.TestCase
