"""Transfers of files of a client, without I/O."""

import pytest

from netchat.chat.client_events import FileEnded, FileProgress, Undelivered
from netchat.chat.client_files import READ_SIZE
from netchat.chat.outbox import OutgoingOffer, shown_text
from netchat.errors import PeerError, Refused
from netchat.wire import (
    CancelUpload,
    Chunk,
    Download,
    Error,
    ErrorCode,
    EventKind,
    Upload,
    UploadState,
    encode,
)
from netchat.wire.file_offers import FileOffer
from tests.chat.file_world import FileUser, FileWorld, sha256
from tests.chat.world import World

DATA = bytes(range(256)) * 12_000


@pytest.fixture
def world():
    made = FileWorld()
    yield made
    made.close()


def moved_events(user, transfer):
    return [(e.done, e.size, e.is_paused) for e in user.all(FileProgress) if e.transfer == transfer]


def test_a_file_goes_from_one_user_to_two_others(world):
    nova, sourav, lea = (world.file_user(name, "lobby") for name in ("Nova", "Sourav", "Lea"))
    transfer = nova.send_file("lobby", DATA, "photo.png")
    world.settle()
    end = nova.ended(transfer)
    assert (end.why, end.is_upload, end.name) == ("", True, "photo.png")
    event = nova.events()[-1]
    assert (event.kind, event.counter) == (EventKind.FILE, end.counter)
    saves = []
    for user in (sourav, lea):
        (offer,) = user.offers()
        assert (offer.name, offer.size, offer.sha256) == ("photo.png", len(DATA), sha256(DATA))
        saves.append((user, user.save_file("lobby", offer)))
    world.settle()
    for user, save in saves:
        assert bytes(user.saved[save]) == DATA
        assert user.ended(save).why == ""
        assert not user.core.files.is_busy
        assert not user.core.requests
    assert nova.progress(transfer)[-1] == len(DATA)


def test_the_same_bytes_are_uploaded_once_at_a_time(world):
    nova = world.file_user("Nova", "lobby")
    transfers = [nova.send_file("lobby", DATA, f"{number}.bin") for number in range(3)]
    world.settle()
    assert [nova.ended(transfer).why for transfer in transfers] == ["", "", ""]
    assert [offer.name for offer in nova.offers()] == ["0.bin", "1.bin", "2.bin"]


def test_progress_is_reported_ten_times_per_second_and_at_the_end(world):
    nova = world.file_user("Nova", "lobby")
    transfer = nova.send_file("lobby", DATA)
    world.settle()
    assert len(nova.progress(transfer)) == 2  # no time has passed
    assert moved_events(nova, transfer)[-1] == (len(DATA), len(DATA), False)


def test_an_empty_file(world):
    nova = world.file_user("Nova", "lobby")
    nova.send_file("lobby", b"")
    world.settle()
    save = nova.save_file("lobby", nova.offers()[0])
    world.settle()
    assert nova.ended(save).why == ""


def test_transfers_continue_after_a_lost_connection(world):
    nova, sourav = world.file_user("Nova", "lobby"), world.file_user("Sourav", "lobby")
    first = nova.send_file("lobby", DATA)
    world.settle(until=lambda: nova.core.files._sending[first].stored > 100_000)
    world.drop(nova)
    world.connect(nova)
    world.settle()
    assert nova.ended(first).why == ""
    save = sourav.save_file("lobby", sourav.offers()[0])
    world.settle(until=lambda: len(sourav.saved[save]) > 100_000)
    had = len(sourav.saved[save])
    world.drop(sourav, down=10_000)
    assert not sourav.core.requests
    world.connect(sourav)
    world.settle()
    assert had < len(DATA) == len(sourav.saved[save])
    assert bytes(sourav.saved[save]) == DATA


def test_uploads_that_were_begun_offline_start_later(world):
    nova = world.file_user("Nova", "lobby")
    world.drop(nova)
    transfer = nova.send_file("lobby", DATA)
    save = nova.core.files.download("lobby", "x", sha256(DATA), len(DATA))
    assert nova.core.files.take_reads() == []
    world.connect(nova)
    world.settle()
    assert nova.ended(transfer).why == ""
    assert nova.ended(save).code == ErrorCode.NO_SUCH_FILE  # it was requested before


def test_a_download_continues_with_what_the_user_has(world):
    nova = world.file_user("Nova", "lobby")
    nova.send_file("lobby", DATA)
    world.settle()
    offer = nova.offers()[0]
    save = nova.save_file("lobby", offer, DATA[:700_000])
    world.settle()
    assert bytes(nova.saved[save]) == DATA


def test_pause_and_resume(world):
    nova = world.file_user("Nova", "lobby")
    files = nova.core.files
    transfer = nova.send_file("lobby", DATA)
    world.settle(until=lambda: files._sending[transfer].stored > 0)
    files.pause(transfer)
    world.settle()
    assert nova.ended(transfer) is None
    assert moved_events(nova, transfer)[-1][2]
    files.resume(transfer)
    world.settle()
    assert nova.ended(transfer).why == ""
    save = nova.save_file("lobby", nova.offers()[0])
    files.pause(save)
    files.left("another room")
    world.settle()
    assert nova.ended(save) is None
    files.resume(save)
    world.settle()
    assert nova.ended(save).why == ""
    files.pause(99)
    files.resume(99)


def test_cancel(world):
    nova = world.file_user("Nova", "lobby")
    files = nova.core.files
    transfer = nova.send_file("lobby", DATA)
    world.settle(until=lambda: files._sending[transfer].stored > 0)
    files.cancel(transfer)
    world.settle()
    assert nova.ended(transfer).why == "the transfer was cancelled"
    assert world.hub.state.files.catalog.partials == {}
    nova.send_file("lobby", DATA)
    world.settle()
    save = nova.save_file("lobby", nova.offers()[0])
    world.settle(until=lambda: len(nova.saved[save]) > 0)
    files.cancel(save)
    files.cancel(save)
    world.settle()  # chunks that were on their way are ignored
    assert nova.ended(save).why == "the transfer was cancelled"
    files.provide(transfer, 0, b"")
    files.written(save, 5)
    files.finish(save)


def test_a_cancelled_upload_that_the_server_does_not_know(world):
    nova = world.file_user("Nova", "lobby")
    world.drop(nova)
    transfer = nova.send_file("lobby", DATA)
    nova.core.files.cancel(transfer)
    assert not any(isinstance(out, CancelUpload) for out in nova.core.out)


def test_the_reason_of_the_server_reaches_the_user():
    world = FileWorld(max_file=1000)
    nova = world.file_user("Nova", "lobby")
    transfer = nova.send_file("lobby", DATA)
    world.settle()
    end = nova.ended(transfer)
    assert end.code == ErrorCode.FILE_TOO_LARGE
    assert end.why == "A file must be at most 1.0 kB, this one is 3.1 MB."
    assert not nova.core.files.is_busy
    world.close()


def test_a_file_that_has_changed_is_refused(world):
    nova = world.file_user("Nova", "lobby")
    transfer = nova.send_file("lobby", DATA)
    nova.sources[transfer] = DATA[:-1] + b"?"
    world.settle()
    assert nova.ended(transfer).code == ErrorCode.WRONG_HASH
    assert nova.offers() == []


def test_damage_in_what_the_server_had_is_repaired(world):
    nova = world.file_user("Nova", "lobby")
    transfer = nova.send_file("lobby", DATA)
    world.settle(until=lambda: nova.core.files._sending[transfer].stored > 100_000)
    world.drop(nova)
    (part,) = (world.folder / "partial").iterdir()
    content = part.read_bytes()
    part.write_bytes(b"?" + content[1:])
    world.connect(nova)
    world.settle()
    assert nova.ended(transfer).why == ""
    assert len(nova.offers()) == 1


def test_a_server_without_files():
    world = World()
    nova = FileUser("Nova")
    world.users.append(nova)
    first = None
    nova.core.memory.rooms.clear()
    world.connect(nova)
    nova.core.join("lobby")
    world.settle()
    with pytest.raises(Refused, match="does not transfer files"):
        nova.send_file("lobby", DATA)
    with pytest.raises(Refused, match="does not transfer files"):
        nova.core.files.download("lobby", "x", bytes(32), 5)
    world.drop(nova)
    first = nova.send_file("lobby", DATA)
    second = nova.core.files.download("lobby", "x", bytes(32), 5)
    world.connect(nova)
    world.settle()
    for transfer in (first, second):
        assert nova.ended(transfer).code == ErrorCode.NO_FILES
    assert nova.core.memory.uploads == {}


def test_a_room_that_the_user_has_left(world):
    nova = world.file_user("Nova", "lobby")
    nova.send_file("lobby", b"abc")
    world.settle()
    with pytest.raises(KeyError):
        nova.core.files.upload("nowhere", FileOffer(1, bytes(32), "", "a"), 1)
    nova.core.create()
    world.settle(until=lambda: len(nova.core.memory.rooms) > 1)
    room = next(code for code in nova.core.memory.rooms if code != "lobby")
    up = nova.send_file("lobby", DATA)
    down = nova.save_file("lobby", nova.offers()[0])
    stays = nova.send_file(room, b"other")
    last = nova.core.files.download(room, "x", bytes(32), 5)
    nova.core.files.pause(last)
    other = nova.core.files.download("elsewhere", "x", bytes(32), 5)
    nova.core.leave("lobby")
    nova.core.files.pause(up)
    nova.core.files.pause(down)
    world.settle()
    for transfer in (up, down):
        assert nova.ended(transfer).code == ErrorCode.NOT_A_MEMBER
    assert nova.ended(other).code == ErrorCode.NOT_A_MEMBER
    assert nova.ended(stays).why == ""
    assert nova.ended(last).code == ErrorCode.NO_SUCH_FILE


def test_a_room_that_ended_while_the_user_was_away(world):
    nova = world.file_user("Nova", "lobby")
    world.drop(nova)
    transfer = nova.send_file("lobby", DATA)
    file = nova.core.memory.uploads[transfer]
    nova.core.memory.uploads[transfer] = nova.core.files._sending[transfer].file = file._replace(
        room="GONE"
    )
    world.connect(nova)
    world.settle()
    assert nova.ended(transfer).code == ErrorCode.NOT_A_MEMBER


def test_a_room_that_ends_before_the_offer(world):
    nova = world.file_user("Nova", "lobby")
    transfer = nova.send_file("lobby", DATA)
    request = nova.core.files._sending[transfer].request
    view = nova.core.memory.rooms.pop("lobby")
    nova.core.feed(encode(UploadState(request, len(DATA), len(DATA), 1)))
    nova.happened += nova.core.take_events()
    assert nova.ended(transfer).code == ErrorCode.NOT_A_MEMBER
    nova.core.memory.rooms["lobby"] = view


def test_a_refused_offer_is_reported(world):
    nova, sourav = world.file_user("Nova", "lobby"), world.file_user("Sourav", "lobby")
    nova.core.send_private("Sourav", "hello")
    world.settle()
    (room,) = (view.code for view in nova.core.memory.rooms.values() if view.peer)
    transfer = nova.send_file(room, DATA, "a.txt")
    world.settle(until=lambda: nova.core.files._sending[transfer].stored > 0)
    nova.core.files.pause(transfer)
    world.settle()
    assert sourav.core.memory.rooms
    nova.core.memory.rooms[room].is_caught_up = False  # the offer waits in the outbox
    nova.core.files.resume(transfer)
    world.settle()
    (waiting,) = nova.core.memory.outbox.values()
    assert isinstance(waiting, OutgoingOffer)
    assert shown_text(waiting) == "a.txt (3.1 MB)"
    nova.core.feed(encode(Error(ErrorCode.NO_SUCH_USER, 0x45, waiting.counter, "gone", "")))
    nova.happened += nova.core.take_events()
    assert nova.all(Undelivered)[-1].text == "a.txt (3.1 MB)"


def test_an_offer_survives_a_lost_connection(world):
    nova = world.file_user("Nova", "lobby")
    world.frozen = True
    nova.send_file("lobby", DATA)
    world.settle()
    (waiting,) = nova.core.memory.outbox.values()
    assert isinstance(waiting, OutgoingOffer)
    assert not waiting.is_sealed
    world.drop(nova)
    world.frozen = False
    world.connect(nova)
    world.settle()
    assert len(nova.offers()) == 1
    assert not nova.core.memory.outbox


def test_uploads_continue_after_a_restart_of_the_client(world):
    nova = world.file_user("Nova", "lobby")
    transfer = nova.send_file("lobby", DATA)
    world.settle(until=lambda: nova.core.files._sending[transfer].stored > 100_000)
    world.drop(nova)
    again = FileUser("Nova", nova.core.memory)
    again.sources = nova.sources
    world.users.append(again)
    world.connect(again)
    world.settle()
    assert again.ended(transfer).why == ""
    assert again.core.files.upload("lobby", FileOffer(0, bytes(32), "", "b"), 0) == transfer + 1


# -- what a server must not do ----------------------------------------------------------------------


def downloading(world):
    nova = world.file_user("Nova", "lobby")
    nova.core.files.download("lobby", "x", bytes(32), 1000)
    (number,) = (n for n, r in nova.core.requests.items() if isinstance(r, Download))
    return nova, number


@pytest.mark.parametrize(("offset", "data"), [(1, b"x"), (0, b""), (0, bytes(1001))])
def test_chunks_that_do_not_continue_the_download(world, offset, data):
    nova, number = downloading(world)
    with pytest.raises(PeerError, match="CHUNK must continue at offset 0"):
        nova.core.feed(encode(Chunk(number, offset, data)))


def test_chunks_of_a_later_range(world):
    nova = world.file_user("Nova", "lobby")
    nova.core.files.download("lobby", "x", bytes(32), 10**6)
    numbers = [n for n, r in nova.core.requests.items() if isinstance(r, Download)]
    with pytest.raises(PeerError):
        nova.core.feed(encode(Chunk(numbers[1], 0, b"x")))


def test_acknowledged_bytes_that_were_not_sent(world):
    nova = world.file_user("Nova", "lobby")
    nova.send_file("lobby", DATA)
    (number,) = (n for n, r in nova.core.requests.items() if isinstance(r, Upload))
    nova.core.feed(encode(UploadState(number, 0, 100, 0)))
    with pytest.raises(PeerError, match="bytes that were not sent"):
        nova.core.feed(encode(UploadState(number, 5, 100, 0)))


def test_answers_to_transfers_that_have_ended_are_ignored(world):
    nova = world.file_user("Nova", "lobby")
    nova.core.feed(encode(UploadState(77, 0, 10, 0)) + encode(Chunk(77, 0, b"x")))
    for about in (Upload.TYPE, Download.TYPE):
        nova.core.feed(encode(Error(ErrorCode.NO_SUCH_FILE, about, 77, "gone", "")))
    assert nova.core.take_events() == []


def test_bytes_read_for_another_offset_are_dropped(world):
    nova = world.file_user("Nova", "lobby")
    transfer = nova.send_file("lobby", DATA)
    world.settle(until=lambda: nova.core.files._sending[transfer].is_ready)
    nova.core.files.provide(transfer, 5, b"x")
    assert nova.core.out == []
    (read,) = nova.core.files.take_reads()
    assert read.length <= READ_SIZE
    world.drop(nova)
    nova.core.files.provide(transfer, read.offset, DATA[: read.length])
    assert nova.core.out == []


def test_the_driver_can_fail_a_transfer(world):
    nova = world.file_user("Nova", "lobby")
    transfer = nova.send_file("lobby", DATA)
    nova.core.files.fail(transfer, "cannot read")
    nova.core.files.fail(transfer, "cannot read")
    world.settle()
    assert [e.why for e in nova.all(FileEnded)] == ["cannot read"]
