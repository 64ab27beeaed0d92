"""Any order of faults during transfers: each one ends intact or with a reason, and nothing is left over."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from netchat.chat.file_jobs import WritePartial
from netchat.chat.file_service import READ_AHEAD
from netchat.chat.transfer_window import MAX_WINDOW
from netchat.net.history.sqlite_history import SqliteHistory
from netchat.wire import ErrorCode
from tests.chat.file_world import FileUser, FileWorld

CONTENTS = [bytes([n]) * size for n, size in enumerate((0, 1, 70_000, 400_000, 1_500_000))]

#: Reasons for which a transfer may fail in this machine.
REASONS = {0, ErrorCode.DISK_FULL, ErrorCode.NO_SUCH_FILE, ErrorCode.TOO_MANY_TRANSFERS}

users = st.integers(0, 2)


class TransfersMachine(RuleBasedStateMachine):
    """Three users, whose connections, server and disk fail."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="netchat-test-")
        history = SqliteHistory(Path(self.folder.name) / "history.db", fsync=False)
        self.world = FileWorld(history, resume_seconds=1e9)
        self.users = [self.world.file_user(name, "lobby") for name in ("Nova", "Sourav", "Lea")]
        self.uploads: list[tuple[FileUser, int, bytes]] = []
        self.downloads: list[tuple[FileUser, int, bytes]] = []
        self.cancelled: set[tuple[int, int]] = set()
        self.is_full = False
        self.run_jobs()

    def run_jobs(self) -> None:
        store = self.world.store
        assert store is not None
        run = store.run
        store.run = lambda job: (  # type: ignore[method-assign]
            OSError(28, "No space left on device")
            if self.is_full and isinstance(job, WritePartial)
            else run(job)
        )

    def connect_all(self) -> None:
        for user in self.users:
            if user.link is None:
                self.world.connect(user)

    @rule(user=users, data=st.sampled_from(CONTENTS))
    def send(self, user: int, data: bytes) -> None:
        sender = self.users[user]
        self.uploads.append((sender, sender.send_file("lobby", data, f"{len(data)}.bin"), data))

    @rule(user=users, choice=st.integers(0, 9))
    def save(self, user: int, choice: int) -> None:
        receiver = self.users[user]
        offers = receiver.offers()
        if offers:
            offer = offers[choice % len(offers)]
            (data,) = (content for content in CONTENTS if len(content) == offer.size)
            self.downloads.append((receiver, receiver.save_file("lobby", offer), data))

    @rule(steps=st.integers(1, 6))
    def progress(self, steps: int) -> None:
        for _ in range(steps):
            self.world.now += 0.01
            self.world.exchange()
            while self.world.jobs:
                self.world.run_job()
            while self.world.take_batch():
                self.world.commit()

    @rule(user=users, up=st.integers(0, 200_000), down=st.integers(0, 200_000))
    def drop(self, user: int, up: int, down: int) -> None:
        if self.users[user].link is not None:
            self.world.drop(self.users[user], up, down)

    @rule()
    def reconnect(self) -> None:
        self.connect_all()

    @rule(user=users)
    def stall(self, user: int) -> None:
        link = self.users[user].link
        if link is not None and not link.stalled_since:
            self.world.stall(link)

    @rule()
    def drain(self) -> None:
        for link in self.world.links:
            if link.stalled_since:
                self.world.drain(link)

    @rule(user=users, is_paused=st.booleans())
    def pause(self, user: int, is_paused: bool) -> None:
        files = self.users[user].core.files
        for _, transfer, _ in [*self.uploads, *self.downloads]:
            (files.pause if is_paused else files.resume)(transfer)

    @rule(choice=st.integers(0, 9), is_upload=st.booleans())
    def cancel(self, choice: int, is_upload: bool) -> None:
        transfers = self.uploads if is_upload else self.downloads
        if transfers:
            user, transfer, _ = transfers[choice % len(transfers)]
            user.core.files.cancel(transfer)
            self.cancelled.add((id(user), transfer))

    @rule()
    def restart_the_server(self) -> None:
        self.world.restart()
        self.run_jobs()

    @rule(is_full=st.booleans())
    def fill_the_disk(self, is_full: bool) -> None:
        self.is_full = is_full

    @invariant()
    def memory_is_bounded(self) -> None:
        for link in self.world.links:
            if link.transfers is not None:
                assert link.transfers.ready_bytes <= 2 * READ_AHEAD
        for user in self.users:
            for sending in user.core.files._sending.values():
                assert sending.sent - sending.stored <= MAX_WINDOW

    def teardown(self) -> None:
        try:
            self.finish()
        finally:
            self.world.history.close()
            self.world.close()
            self.folder.cleanup()

    def finish(self) -> None:
        """Let everything end, and compare."""
        self.is_full = False
        self.drain()
        self.connect_all()
        for user in self.users:
            for _, transfer, _ in [*self.uploads, *self.downloads]:
                user.core.files.resume(transfer)
        self.world.settle()
        for user, transfer, data in self.downloads:
            end = user.ended(transfer)
            assert end is not None, "each transfer ends"
            if not end.why:
                assert bytes(user.saved[transfer]) == data
            elif (id(user), transfer) not in self.cancelled:
                assert end.code in REASONS
        offered = 0
        for user, transfer, _ in self.uploads:
            end = user.ended(transfer)
            assert end is not None, "each transfer ends"
            offered += not end.why
            if end.why and (id(user), transfer) not in self.cancelled:
                assert end.code in REASONS
        for user in self.users:
            assert len(user.offers()) == offered, (
                "each finished upload is offered once, to everyone"
            )
            assert not user.core.files.is_busy
            assert not user.core.requests
            assert not user.core.memory.outbox
        files = self.world.hub.state.files
        assert files is not None
        assert files._reads == 0
        assert not files._active


TestTransfers = TransfersMachine.TestCase
TestTransfers.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestTransfers = pytest.mark.slow(TestTransfers)
