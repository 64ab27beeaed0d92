"""Transfers of files between a server and its clients, without I/O."""

import errno

import pytest

from netchat.chat.file_jobs import FinishPartial, OpenPartial, ReadStored, WritePartial
from netchat.chat.file_service import MAX_DOWNLOADS, MAX_ENDED, MAX_READS, MAX_UPLOADS, READ_AHEAD
from netchat.chat.transfer_window import MAX_WINDOW
from netchat.net.history.sqlite_history import SqliteHistory
from netchat.wire import (
    MAX_CHUNK,
    MAX_PIECE,
    CancelUpload,
    Chunk,
    Download,
    Error,
    ErrorCode,
    Event,
    EventKind,
    Feature,
    Hello,
    Join,
    Leave,
    Offer,
    Upload,
    UploadState,
    Welcome,
    encode,
)
from tests.chat.file_world import FileWorld, sha256
from tests.chat.world import refusal

DATA = bytes(range(256)) * 3000
HASH = sha256(DATA)
ALL = Feature.MODERATION | Feature.FILES


@pytest.fixture
def world():
    made = FileWorld()
    yield made
    made.close()


def enter(world, name="Nova", features=ALL, device=b"", room="lobby"):
    link = world.link()
    device = device or name.encode().ljust(16, b".")
    (welcome,) = (
        m
        for m in world.say(link, Hello(features, device, b"", name, "t", ()))
        if isinstance(m, Welcome)
    )
    world.say(link, Join(1, 0, 0, room))
    link.features_in_use = welcome.features
    return link


@pytest.fixture
def nova(world):
    return enter(world)


def send(world, link, data=DATA, request=5, room="lobby", answers=()):
    """Upload a file, or continue after an answer; return the last answer."""
    answers = answers or world.say(link, Upload(request, len(data), sha256(data), room))
    sent = None
    while answers and isinstance(answers[-1], UploadState) and not answers[-1].is_complete:
        state = answers[-1]
        sent = state.stored if sent is None else sent
        parts = [
            Chunk(request, at, data[at : min(state.limit, at + MAX_CHUNK)])
            for at in range(sent, state.limit, MAX_CHUNK)
        ]
        sent = state.limit
        answers = world.say(link, *parts)
    return answers[-1:]


def offer(world, link, data=DATA, counter=1, name="a.txt", room="lobby"):
    return world.say(link, Offer(counter, len(data), sha256(data), room, "text/plain", name))


def receive(world, link, data=DATA, request=9, room="lobby"):
    got = b""
    while len(got) < len(data):
        chunks = world.say(link, Download(request, len(got), MAX_PIECE, sha256(data), room))
        assert [c.offset for c in chunks] == [
            len(got) + at for at in range(0, sum(len(c.data) for c in chunks), MAX_CHUNK)
        ]
        got += b"".join(c.data for c in chunks)
    return got


# -- uploads ----------------------------------------------------------------------------------------


def test_a_file_is_stored_offered_and_downloaded(world, nova):
    assert nova.features_in_use & Feature.FILES
    sourav = enter(world, "Sourav")
    assert send(world, nova) == [UploadState(5, len(DATA), len(DATA), 1)]
    (event,) = offer(world, nova)
    assert (event.kind, event.counter) == (EventKind.FILE, 1)
    assert event.text == f"{len(DATA)}\n{HASH.hex()}\ntext/plain\na.txt"
    assert sourav.events()[-1] == event
    assert receive(world, sourav) == DATA


def test_the_window_grows_and_the_limit_never_shrinks(world, nova):
    data = DATA * 4
    (state,) = world.say(nova, Upload(5, len(data), sha256(data), "lobby"))
    sent, granted = 0, [state.limit]
    while not state.is_complete:
        assert state.limit >= sent
        parts = [
            Chunk(5, at, data[at : min(state.limit, at + MAX_CHUNK)])
            for at in range(sent, state.limit, MAX_CHUNK)
        ]
        sent = state.limit
        world.now += 0.001
        state = world.say(nova, *parts)[-1]
        granted.append(state.limit - state.stored)
    assert granted[0] < max(granted) <= MAX_WINDOW


def test_an_empty_file(world, nova):
    assert send(world, nova, b"") == [UploadState(5, 0, 0, 1)]
    (event,) = offer(world, nova, b"", name="empty")
    assert event.text.startswith("0\n")
    answer = world.say(nova, Download(9, 0, 1, sha256(b""), "lobby"))
    assert refusal(answer) == (ErrorCode.BAD_FILE, Download.TYPE, 9)


def test_a_file_that_the_room_has_needs_no_second_upload(world, nova):
    send(world, nova)
    sourav = enter(world, "Sourav")
    assert world.say(sourav, Upload(7, len(DATA), HASH, "lobby")) == [
        UploadState(7, len(DATA), len(DATA), 1)
    ]


def test_knowing_the_hash_of_another_rooms_file_gives_no_access(world, nova):
    send(world, nova)
    sourav = enter(world, "Sourav")
    other = world.hub.state.shared.rooms["lobby"]
    assert other.code == "lobby"
    from netchat.wire import Create

    room = world.say(sourav, Create(2))[0].membership[0].room
    answer = world.say(sourav, Download(9, 0, 10, HASH, room))
    assert refusal(answer) == (ErrorCode.NO_SUCH_FILE, Download.TYPE, 9)
    begun = world.say(sourav, Upload(7, len(DATA), HASH, room))
    assert begun[0].stored == 0
    send(world, sourav, request=7, room=room, answers=begun)
    assert receive(world, sourav, room=room) == DATA
    stored = [path for path in world.folder.rglob("*") if path.name == HASH.hex()]
    assert len(stored) == 1, "the content is stored once"


def test_wrong_bytes_are_refused_and_deleted(world, nova):
    world.say(nova, Upload(5, 3, sha256(b"abc"), "lobby"))
    answer = world.say(nova, Chunk(5, 0, b"xyz"))
    assert refusal(answer) == (ErrorCode.WRONG_HASH, Upload.TYPE, 5)
    assert world.say(nova, Upload(6, 3, sha256(b"abc"), "lobby"))[0].stored == 0


@pytest.mark.parametrize(
    "chunk",
    [
        Chunk(5, 1, b"x"),
        Chunk(5, 0, bytes(MAX_CHUNK)),
    ],
    ids=["gap", "beyond the limit"],
)
def test_chunks_that_were_not_allowed(world, nova, chunk):
    world.say(nova, Upload(5, 100, HASH, "lobby"))
    assert refusal(world.say(nova, chunk)) == (ErrorCode.BAD_FILE, Upload.TYPE, 5)
    assert world.say(nova, Chunk(5, 0, b"x")) == []  # the upload is over


def test_a_chunk_before_the_file_is_open(world, nova):
    world.slow_jobs = True
    nova.up += encode(Upload(5, 100, HASH, "lobby")) + encode(Chunk(5, 0, b"x"))
    assert refusal(world.say(nova)) == (ErrorCode.BAD_FILE, Upload.TYPE, 5)
    world.slow_jobs = False
    assert world.say(nova) == []


def test_chunks_within_the_limit_are_free_and_others_are_not():
    world = FileWorld(rate=1000.0)
    nova = enter(world)
    send(world, nova)
    assert nova.slowed == []
    for _ in range(50):
        nova.up += encode(Chunk(77, 0, bytes(MAX_CHUNK)))
    world.settle()
    assert nova.slowed
    world.close()


def test_limits_of_size_and_quota(nova, world):
    big = world.say(nova, Upload(5, world.settings.max_file + 1, HASH, "lobby"))
    assert refusal(big) == (ErrorCode.FILE_TOO_LARGE, Upload.TYPE, 5)
    assert "at most 100 MB, this one is 100 MB" in big[0].text
    ten = world.say(nova, Upload(6, 10 * 10**9, HASH, "lobby"))
    assert "this one is 10 GB" in ten[0].text
    for request in range(5):
        (state,) = world.say(nova, Upload(10 + request, 10**8, bytes([request] * 32), "lobby"))
        if isinstance(state, Error):
            break
        world.say(nova, CancelUpload(10 + request - 4))
    assert world.store is not None


def test_quota():
    world = FileWorld(file_quota=1000)
    nova = enter(world)
    world.say(nova, Upload(5, 600, HASH, "lobby"))
    answer = world.say(nova, Upload(6, 600, bytes(32), "lobby"))
    assert refusal(answer) == (ErrorCode.QUOTA_EXCEEDED, Upload.TYPE, 6)
    world.say(nova, CancelUpload(5))
    assert world.say(nova, Upload(6, 600, bytes(32), "lobby"))[0].stored == 0
    world.close()


def test_too_many_uploads(world, nova):
    for number in range(MAX_UPLOADS):
        world.say(nova, Upload(number + 1, 100, bytes([number] * 32), "lobby"))
    answer = world.say(nova, Upload(9, 100, HASH, "lobby"))
    assert refusal(answer) == (ErrorCode.TOO_MANY_TRANSFERS, Upload.TYPE, 9)
    world.say(nova, CancelUpload(1))
    answer = world.say(nova, Upload(9, 100, bytes([1] * 32), "lobby"))
    assert refusal(answer) == (ErrorCode.TOO_MANY_TRANSFERS, Upload.TYPE, 9)
    assert "already" in answer[0].text


def test_ended_uploads_are_forgotten(world, nova):
    for number in range(MAX_ENDED + 5):
        world.say(nova, Upload(number + 1, 100, bytes([number] * 32), "lobby"))
        world.say(nova, CancelUpload(number + 1))
    assert len(nova.transfers.uploads) == MAX_ENDED
    world.say(nova, CancelUpload(999))
    world.say(nova, Upload(7, 1, HASH, "lobby"))
    assert world.say(nova, Upload(7, 2, HASH, "lobby"))[0].stored == 0  # the same number again


@pytest.mark.parametrize("job", [OpenPartial, WritePartial, FinishPartial])
def test_a_full_disk_is_named_and_what_is_stored_stays(world, nova, job):
    run = world.store.run
    full = OSError(errno.ENOSPC, "No space left on device")
    seen = []

    def failing(one):
        if isinstance(one, job) and len(seen) < 1:
            seen.append(one)
            return full
        return run(one)

    world.store.run = failing
    answers = send(world, nova)
    assert refusal(answers) == (ErrorCode.DISK_FULL, Upload.TYPE, 5)
    assert "No space left on device" in answers[0].text
    world.store.run = run
    begun = world.say(nova, Upload(6, len(DATA), HASH, "lobby"))
    assert send(world, nova, request=6, answers=begun)[-1].is_complete


def test_errors_of_a_connection_that_is_gone_are_not_reported(world, nova):
    world.slow_jobs = True
    nova.up += encode(Upload(5, len(DATA), HASH, "lobby"))
    world.settle()
    world.hang_up(nova)
    job = world.jobs.popleft()
    world.hub.file_job_done(job, OSError(errno.ENOSPC, "full"), world.now)
    world.hub.file_job_done(job, 0, world.now)
    finish = FinishPartial(job.upload, job.key, None)
    world.hub.file_job_done(finish, OSError(errno.ENOSPC, "full"), world.now)
    world.hub.file_job_done(finish, False, world.now)
    assert world.hub.take_effects() == []


# -- resuming ---------------------------------------------------------------------------------------


def begin(world, link, parts=3):
    answers = world.say(link, Upload(5, len(DATA), HASH, "lobby"))
    for _ in range(parts):
        at = answers[-1].stored
        answers = world.say(link, Chunk(5, at, DATA[at : at + 50_000]))
    return answers[-1].stored


def test_an_upload_continues_after_a_lost_connection(world, nova):
    stored = begin(world, nova)
    world.hang_up(nova)
    again = enter(world)
    begun = world.say(again, Upload(8, len(DATA), HASH, "lobby"))
    assert begun[0].stored == stored == 150_000
    assert send(world, again, request=8, answers=begun)[-1].is_complete


def test_an_upload_continues_while_the_old_connection_is_closing(world, nova, monkeypatch):
    stored = begin(world, nova)
    monkeypatch.setattr(world, "hang_up", lambda _: None)  # its end is not noticed yet
    again = enter(world)
    assert nova.closed
    assert nova in world.links
    assert world.say(again, Upload(8, len(DATA), HASH, "lobby"))[0].stored == stored
    assert nova.transfers.uploads[5].is_over


def test_an_upload_continues_after_a_restart(tmp_path):
    world = FileWorld(SqliteHistory(tmp_path / "history.db"))
    stored = begin(world, enter(world))
    world.restart()
    again = enter(world)
    begun = world.say(again, Upload(8, len(DATA), HASH, "lobby"))
    assert begun[0].stored == stored
    send(world, again, request=8, answers=begun)
    offer(world, again)
    world.restart()
    assert receive(world, enter(world)) == DATA
    world.history.close()
    world.close()


def test_a_user_cannot_continue_anothers_upload(world, nova):
    begin(world, nova)
    assert world.say(enter(world, "Eve"), Upload(8, len(DATA), HASH, "lobby"))[0].stored == 0


def test_a_client_that_returns_while_its_file_is_finished(world, nova):
    data = DATA[:1000]
    world.say(nova, Upload(5, 1000, sha256(data), "lobby"))
    world.slow_jobs = True
    nova.up += encode(Chunk(5, 0, data))
    world.settle()
    world.run_job()  # the bytes are written; now the file is to be finished
    world.hang_up(nova)
    again = enter(world)
    again.up += encode(Upload(8, 1000, sha256(data), "lobby"))
    world.settle()
    world.slow_jobs = False
    assert world.say(again) == [UploadState(8, 1000, 1000, 1)]
    assert world.hub.state.files.catalog.partials == {}


def test_a_cancelled_upload_starts_over(world, nova):
    begin(world, nova)
    world.say(nova, CancelUpload(5))
    world.say(nova, CancelUpload(5))
    assert world.say(nova, Upload(6, len(DATA), HASH, "lobby"))[0].stored == 0


# -- downloads --------------------------------------------------------------------------------------


def test_ranges(world, nova):
    send(world, nova)
    chunks = world.say(
        nova, Download(9, 100, 50, HASH, "lobby"), Download(10, len(DATA) - 5, 99, HASH, "lobby")
    )
    assert chunks == [Chunk(9, 100, DATA[100:150]), Chunk(10, len(DATA) - 5, DATA[-5:])]


def test_a_stalled_connection_keeps_no_chunks_and_continues(world, nova):
    send(world, nova)
    world.slow_jobs = True
    nova.up += encode(Download(9, 0, len(DATA), HASH, "lobby"))
    world.settle()
    world.run_job()
    assert nova.transfers.ready_bytes == READ_AHEAD
    world.hub.catch_up(lambda: True)
    world.stall(nova)
    assert nova.transfers.ready_bytes == 0
    while world.jobs:
        world.run_job()  # its result is discarded
    assert nova.transfers.ready_bytes == 0
    nova.stalled_since = 0.0
    world.slow_jobs = False
    world.drain(nova)
    world._carry_out()
    world.settle()
    assert b"".join(c.data for c in nova.take() if isinstance(c, Chunk)) == DATA


def test_a_connection_stalls_during_its_first_read(world, nova):
    send(world, nova)
    world.slow_jobs = True
    nova.up += encode(Download(9, 0, len(DATA), HASH, "lobby"))
    world.settle()
    world.stall(nova)
    world.run_job()
    assert (nova.transfers.ready_bytes, len(nova.transfers.ranges)) == (0, 2)
    world.slow_jobs = False
    world.drain(nova)
    world._carry_out()
    world.settle()
    assert b"".join(c.data for c in nova.take() if isinstance(c, Chunk)) == DATA


def test_reads_take_turns(world, nova):
    send(world, nova)
    links = [enter(world, f"User{number}") for number in range(MAX_READS + 3)]
    world.slow_jobs = True
    for link in links:
        link.take()
        link.up += encode(Download(9, 0, 4 * READ_AHEAD, HASH, "lobby"))
    world.settle()
    assert len(world.jobs) == MAX_READS
    world.hang_up(links[-1])  # it waits
    world.hang_up(links[0])  # its read is running
    world.run_job()
    assert len(world.jobs) == MAX_READS
    world.slow_jobs = False
    world.settle()
    for link in links[1:-1]:
        assert b"".join(c.data for c in link.take()) == DATA


def test_a_connection_is_sending_until_it_has_what_it_requested(world, nova):
    send(world, nova)
    assert not nova.transfers.is_sending
    world.slow_jobs = True
    nova.up += encode(Download(9, 0, READ_AHEAD + 1, HASH, "lobby"))
    world.settle()
    assert nova.transfers.is_sending
    world.run_job()
    assert nova.transfers.is_sending
    world.slow_jobs = False
    world.settle()
    assert not nova.transfers.is_sending


def test_too_many_downloads(world, nova):
    send(world, nova)
    world.slow_jobs = True
    for number in range(MAX_DOWNLOADS + 1):
        nova.up += encode(Download(number, 0, 10, HASH, "lobby"))
    assert refusal(world.say(nova)) == (ErrorCode.TOO_MANY_TRANSFERS, Download.TYPE, MAX_DOWNLOADS)


def test_a_file_that_cannot_be_read(world, nova):
    send(world, nova)
    run = world.store.run
    for error, code in (
        (FileNotFoundError(errno.ENOENT, "gone"), ErrorCode.NO_SUCH_FILE),
        (OSError(errno.EIO, "Input/output error"), ErrorCode.DISK_FULL),
    ):
        world.store.run = lambda job, error=error: (
            error if isinstance(job, ReadStored) else run(job)
        )
        answer = world.say(nova, Download(9, 0, 10, HASH, "lobby"))
        assert refusal(answer) == (code, Download.TYPE, 9)


def test_chat_goes_before_chunks(world, nova):
    """A message that happens while a file is sent does not wait for its end."""
    send(world, nova)
    sourav = enter(world, "Sourav")
    sourav.take()
    sourav.up += encode(Download(9, 0, len(DATA), HASH, "lobby"))
    world._receive(sourav)
    world.run_job()
    world.hub.catch_up(lambda: True)
    world._carry_out()
    offer(world, nova)
    kinds = [type(message) for message in sourav.take()]
    assert kinds.index(Event) < 4 < kinds.count(Chunk)


# -- deletion ---------------------------------------------------------------------------------------


def test_files_expire():
    world = FileWorld(files=1000.0)
    nova = enter(world)
    send(world, nova)
    world.tick(900)
    offer(world, nova)
    world.tick(900)
    assert receive(world, nova) == DATA  # offered 900 s ago
    world.tick(200)
    world.tick(1)
    answer = world.say(nova, Download(9, 0, 10, HASH, "lobby"))
    assert refusal(answer) == (ErrorCode.NO_SUCH_FILE, Download.TYPE, 9)
    answer = world.say(nova, Offer(2, len(DATA), HASH, "lobby", "", "a"))
    assert refusal(answer) == (ErrorCode.NO_SUCH_FILE, Offer.TYPE, 2)
    assert not list(world.folder.rglob(HASH.hex()))
    world.restart()
    assert world.hub.state.files.catalog.files == {}
    world.close()


def test_incomplete_uploads_are_deleted_after_a_day(world, nova):
    begin(world, nova)
    world.tick(90_000)
    assert len(world.hub.state.files.catalog.partials) == 1  # it is active
    world.hang_up(nova)
    world.tick(100)
    assert world.hub.state.files.catalog.partials == {}
    assert not list((world.folder / "partial").iterdir())


def test_the_files_of_a_cleared_room_are_deleted(world, nova):
    send(world, nova)
    room = world.hub.state.shared.rooms["lobby"]
    world.hub.state.files.clear_room(room.log)
    world.hub.state.files.clear_room(room.log)
    world._carry_out()
    world.settle()
    answer = world.say(nova, Download(9, 0, 10, HASH, "lobby"))
    assert refusal(answer) == (ErrorCode.NO_SUCH_FILE, Download.TYPE, 9)


def test_former_members_get_nothing(world, nova):
    send(world, nova)
    sourav = enter(world, "Sourav")
    world.say(sourav, Leave(3, "lobby"))
    answer = world.say(sourav, Download(9, 0, 10, HASH, "lobby"))
    assert refusal(answer) == (ErrorCode.NOT_A_MEMBER, Download.TYPE, 9)
