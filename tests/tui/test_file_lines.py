"""Files in the terminal: offers with numbers, commands, and the state of transfers."""

from pathlib import Path

from netchat.chat.client_events import FileEnded, FileProgress, HistoryReceived
from netchat.tui.file_lines import file_number, transfer_status
from netchat.tui.session import ShownTransfer
from netchat.wire import Event, EventKind
from netchat.wire.file_offers import FileOffer, offer_text
from tests.tui.offline import chat, online, shown, typed

OFFER = offer_text(FileOffer(2_300_000, bytes(32), "image/png", "photo.png"))


class Transfers:
    """Transfers that record what is started."""

    is_busy = False

    def __init__(self):
        self.sent, self.saved = [], []

    def start_sending(self, room, path, *, to=""):
        self.sent.append((room, path, to))

    def start_saving(self, room, offer, path):
        self.saved.append((room, offer.name, path))


def session():
    made = online("lobby")
    made.client.files = Transfers()
    return made


def offered(kind=EventKind.FILE, text=OFFER, room="lobby"):
    return chat(room, "Nova", text, kind)


def test_offers_have_numbers():
    current = session()
    assert shown(current, offered()) == ["[file] Nova: photo.png (2.3 MB)  /save 1"]
    assert shown(current, offered()) == ["[file] Nova: photo.png (2.3 MB)  /save 1"]
    assert shown(current, offered(text="no offer")) == ["[file] Nova: a file"]
    assert file_number(current, offered(EventKind.CHAT).event) == 0
    past = Event(99, 0, 0, 0, EventKind.FILE, "lobby", "Nova", OFFER)
    (line,) = shown(current, HistoryReceived("lobby", (past,), 1, 5, {}, {}))
    assert line.endswith("[file] Nova: photo.png (2.3 MB)  /save 2")


def test_send():
    current = session()
    assert typed(current, "/send My File.png") == []
    assert typed(current, "/sendto Nova ~/a.txt") == []
    assert current.client.files.sent == [
        ("lobby", Path("My File.png"), ""),
        ("", Path("~/a.txt").expanduser(), "Nova"),
    ]
    nowhere = online()
    nowhere.current = ""
    assert typed(nowhere, "/send a")[0].startswith("[error] You are not in a room")


def test_save():
    current = session()
    assert typed(current, "/save 1") == ["[error] No file was offered here yet."]
    shown(current, offered())
    assert typed(current, "/save 1") == []
    assert typed(current, "/save 1 other name.png") == []
    assert current.client.files.saved == [
        ("lobby", "photo.png", Path("photo.png")),
        ("lobby", "photo.png", Path("other name.png")),
    ]
    for wrong in ("2", "0", "x"):
        (line,) = typed(current, f"/save {wrong}")
        assert "must be 1 to 1" in line


def test_the_end_of_a_transfer():
    current = session()
    assert shown(current, FileEnded(1, "lobby", "a.png", True)) == ["[sent] a.png is in the lobby"]
    assert shown(current, FileEnded(1, "lobby", "a.png", False, path="/tmp/a.png")) == [
        "[saved] /tmp/a.png"
    ]
    assert shown(current, FileEnded(1, "lobby", "a.png", True, "the disk is full")) == [
        "[not sent] a.png: the disk is full"
    ]
    assert shown(current, FileEnded(1, "lobby", "a.png", False, "gone", 185)) == [
        "[not saved] a.png: gone"
    ]


def test_transfers_are_paused_and_cancelled():
    current = session()
    assert typed(current, "/pause") == ["[error] No file is being transferred."]
    called = []
    current.core.files.pause = lambda number: called.append(("pause", number))
    current.core.files.resume = lambda number: called.append(("resume", number))
    current.core.files.cancel = lambda number: called.append(("cancel", number))
    assert shown(current, FileProgress(3, "lobby", "a", True, 1, 2)) == []
    for command in ("/pause", "/resume", "/cancel"):
        assert typed(current, command) == []
    assert called == [("pause", 3), ("resume", 3), ("cancel", 3)]
    assert shown(current, FileProgress(4, "lobby", "b", True, 1, 2)) == []
    called.clear()
    assert typed(current, "/pause 4") == typed(current, "/cancel #3") == []
    assert called == [("pause", 4), ("cancel", 3)]
    for wrong in ("5", "-3", "x", "²"):
        assert typed(current, f"/resume {wrong}") == [
            f"[error] N must be a transfer in progress (3, 4), got {wrong!r}."
        ]
    shown(current, FileEnded(3, "lobby", "a", True))
    assert list(current.transfers) == [4]


def test_the_state_of_a_transfer():
    progress = FileProgress(1, "lobby", "a.png", True, 30_000_000, 100_000_000)
    state = ShownTransfer(progress, 10.0, 10_000_000)
    assert transfer_status(state, 12.0) == "↑ a.png 30 %, 10 MB/s, 0:07 left"
    assert transfer_status(state, 10.0) == "↑ a.png 30 %"
    assert transfer_status(state, 10.0, is_numbered=True) == "#1 ↑ a.png 30 %"
    down = FileProgress(1, "lobby", "a.png", False, 0, 0, is_paused=True)
    assert transfer_status(ShownTransfer(down, 0.0, 0), 5.0) == "↓ a.png 100 %, paused"


def test_a_pause_does_not_count_for_the_speed():
    current = session()
    shown(current, FileProgress(1, "lobby", "a", True, 5, 10, is_paused=True))
    first = current.transfers[1]
    shown(current, FileProgress(1, "lobby", "a", True, 5, 10))
    assert current.transfers[1].begun_at >= first.begun_at
    before = current.transfers[1].begun_at
    shown(current, FileProgress(1, "lobby", "a", True, 6, 10))
    assert current.transfers[1].begun_at == before


def test_settled_waits_for_transfers():
    current = session()
    assert current.settled
    current.client.files.is_busy = True
    assert not current.settled
