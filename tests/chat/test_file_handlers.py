"""Form and rights of requests about files."""

import pytest

from netchat.chat.file_jobs import StoredFile
from netchat.chat.file_service import owner_of
from netchat.chat.model import Account, Role, Session
from netchat.wire import (
    MAX_PIECE,
    Ack,
    CancelUpload,
    Chunk,
    Create,
    CreateSealed,
    Device,
    Download,
    ErrorCode,
    Event,
    EventKind,
    Feature,
    Hello,
    History,
    HistoryEnd,
    Join,
    Moderate,
    ModeratorAction,
    Offer,
    Private,
    Send,
    Upload,
    UploadState,
)
from tests.chat.file_world import FileWorld, sha256
from tests.chat.test_file_service import DATA, HASH, enter, offer, send
from tests.chat.world import World, refusal

SHORT = HASH[:-1]


@pytest.fixture
def world():
    made = FileWorld()
    yield made
    made.close()


@pytest.fixture
def nova(world):
    return enter(world)


@pytest.mark.parametrize(
    ("message", "code", "reference"),
    [
        (Upload(5, 10, SHORT, "lobby"), ErrorCode.BAD_FILE, 5),
        (Upload(5, 10, HASH, "nowhere"), ErrorCode.NOT_A_MEMBER, 5),
        (Download(5, 0, 10, SHORT, "lobby"), ErrorCode.BAD_FILE, 5),
        (Download(5, 0, 0, HASH, "lobby"), ErrorCode.BAD_FILE, 5),
        (Download(5, 0, MAX_PIECE + 1, HASH, "lobby"), ErrorCode.BAD_FILE, 5),
        (Download(5, 0, 10, HASH, "nowhere"), ErrorCode.NOT_A_MEMBER, 5),
        (Download(5, 0, 10, HASH, "lobby"), ErrorCode.NO_SUCH_FILE, 5),
        (Offer(5, 10, SHORT, "lobby", "", "a"), ErrorCode.BAD_FILE, 5),
        (Offer(5, 2**63, HASH, "lobby", "", "a"), ErrorCode.BAD_FILE, 5),
        (Offer(5, 10, HASH, "nowhere", "", "a"), ErrorCode.NOT_A_MEMBER, 5),
        (Offer(5, 10, HASH, "lobby", "", "a"), ErrorCode.NO_SUCH_FILE, 5),
    ],
)
def test_refused_requests(world, nova, message, code, reference):
    assert refusal(world.say(nova, message)) == (code, message.TYPE, reference)


@pytest.mark.parametrize(
    "message",
    [
        Upload(5, 1, HASH, "lobby"),
        Download(5, 0, 1, HASH, "lobby"),
        Offer(5, 1, HASH, "lobby", "", "a"),
    ],
)
@pytest.mark.parametrize("is_clustered", [False, True])
def test_a_server_without_files_says_so(message, is_clustered):
    world = World()
    link = enter(world)
    if is_clustered:
        world.hub.state.proposals = object()  # the handler only asks whether there are any
    from netchat.chat.file_handlers import handle_download, handle_offer, handle_upload

    handler = {Upload: handle_upload, Download: handle_download, Offer: handle_offer}[type(message)]
    handler(world.hub.state, link, link.session, message)
    world._carry_out()
    (error,) = link.take()
    assert (error.code, error.about, error.reference) == (ErrorCode.NO_FILES, message.TYPE, 5)
    assert ("cluster" in error.text) == is_clustered
    assert not link.features_in_use & Feature.FILES


def test_chunks_and_cancellations_without_files_are_ignored():
    world = World()
    link = enter(world)
    assert world.say(link, Chunk(5, 0, b"x"), CancelUpload(5)) == []


def test_names_and_types_are_made_safe(world, nova):
    send(world, nova)
    answer = world.say(nova, Offer(1, len(DATA), HASH, "lobby", "TEXT/html; x", "../\x1b.bash\nrc"))
    assert answer[0].text.split("\n")[2:] == ["", "bash rc"]


def test_a_repeated_offer_is_acknowledged(world, nova):
    send(world, nova)
    (event,) = offer(world, nova)
    assert offer(world, nova) == [Ack(1, event.seq, "lobby")]
    large = world.say(nova, Offer(2**63, len(DATA), HASH, "lobby", "", "a"))
    assert refusal(large) == (ErrorCode.OUT_OF_ORDER, Offer.TYPE, 2**63)


def test_muted_members_and_read_only_rooms(world):
    nova, sourav = enter(world), enter(world, "Sourav")
    room = world.say(nova, Create(2))[0].membership[0].room
    world.say(sourav, Join(2, 0, 0, room))
    send(world, sourav, room=room)
    world.say(nova, Moderate(3, ModeratorAction.TITLE, 0, 0, room, "", "Files"))
    sourav.take()
    assert offer(world, sourav, room=room)[-1].kind == EventKind.FILE
    world.say(nova, Moderate(3, ModeratorAction.MUTE, 0, 0, room, "Sourav", ""))
    answer = world.say(sourav, Upload(7, 1, bytes(32), room))
    assert refusal(answer) == (ErrorCode.MUTED, Upload.TYPE, 7)
    assert refusal(offer(world, sourav, room=room, counter=2))[:2] == (ErrorCode.MUTED, Offer.TYPE)
    world.say(nova, Moderate(3, ModeratorAction.READ_ONLY, 0, 0, room, "", ""))
    assert world.say(nova, Upload(7, 1, bytes(32), room)) != []
    world.say(nova, Moderate(4, ModeratorAction.CLEAR, 0, 0, room, "", ""))
    answer = world.say(nova, Download(9, 0, 10, HASH, room))
    assert refusal(answer) == (ErrorCode.NO_SUCH_FILE, Download.TYPE, 9)


def test_sealed_rooms_take_sealed_offers_only(world, nova):
    world.say(nova, Device("", 0, bytes(128), b""))
    room = world.say(nova, CreateSealed(2, bytes(16)))[0].membership[0].room
    assert send(world, nova, room=room)[-1].is_complete
    answer = offer(world, nova, room=room)
    assert refusal(answer) == (ErrorCode.NOT_SEALED, Offer.TYPE, 1)


def test_a_private_room_that_the_other_user_has_left(world, nova):
    sourav = enter(world, "Sourav")
    room = world.say(nova, Private(2, "Sourav"))[0].membership[0].room
    send(world, nova, room=room)
    from netchat.wire import Leave

    world.say(sourav, Leave(3, room))
    answer = offer(world, nova, room=room)
    assert refusal(answer) == (ErrorCode.NO_SUCH_USER, Offer.TYPE, 1)


def test_clients_without_the_feature_get_a_sentence(world, nova):
    old = enter(world, "Old", features=Feature.MODERATION)
    older = enter(world, "Older", features=0)
    assert not old.features_in_use & Feature.FILES
    send(world, nova)
    (event,) = offer(world, nova)
    world.say(nova, Send(2, "lobby", "after"))
    for link in (old, older):
        described, after = link.take()[-2:]
        assert described == Event(
            event.seq, event.time, event.device, 1, EventKind.CHAT, "lobby", "Nova",
            "offered a file: a.txt (768 kB)",
        )  # fmt: skip
        assert after.text == "after"
        past = world.say(link, History(4, event.seq, event.seq, "lobby"))
        assert past[0] == described
        assert isinstance(past[1], HistoryEnd)
    assert world.say(nova, History(4, event.seq, event.seq, "lobby"))[0] == event


def test_an_account_owns_the_files_of_all_its_devices():
    session = Session(1, "Nova", 77)
    assert owner_of(session) == "device:77"
    session.account = Account(5, "Nova", "", Role.MEMBER, 0)
    assert owner_of(session) == "account:5"
    assert StoredFile(1, HASH, 1, "account:5", 0).owner == owner_of(session)


def test_a_file_of_a_known_hash_but_another_size(world, nova):
    send(world, nova)
    assert isinstance(world.say(nova, Upload(6, 5, HASH, "lobby"))[0], UploadState)
    assert sha256(DATA) == HASH
    hello = Hello(0, bytes(16), b"", "x", "t", ())
    assert hello.features == 0
