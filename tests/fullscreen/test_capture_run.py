"""Browsing files and live captures, the latter with packets from a file."""

from __future__ import annotations

import queue
import threading

import pytest

pytest.importorskip("textual")

from netchat.errors import CaptureError
from netchat.fullscreen.capture_run import LiveApp, browse_file
from netchat.fullscreen.row_list import RowList
from netchat.packets import Decoder, read_packets
from netchat.packets.sniffer import Sniffer
from tests.end_to_end.processes import ROOT
from tests.fullscreen.running import text_of, until

TWO = ROOT / "captures" / "two-users.pcapng"


class Fed:
    """Live capture whose packets the test brings."""

    received = dropped = passed_over = packets = secrets = 0
    delay = 0.0
    is_lagging = False

    def __init__(self) -> None:
        self.queue: queue.Queue = queue.Queue()
        self.stopped = threading.Event()

    def __iter__(self):
        while not self.stopped.is_set():
            try:
                found = self.queue.get(timeout=0.02)
            except queue.Empty:
                yield []
                continue
            if isinstance(found, Exception):
                raise found
            yield found

    def stop(self) -> None:
        self.stopped.set()


def test_a_file_that_is_no_capture_is_an_error(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("no capture", encoding="utf-8")
    with pytest.raises(CaptureError, match="not a capture file"):
        browse_file(str(path), Decoder(), ports=(6464,))


async def test_a_live_capture_follows_pauses_and_ends():
    live = Fed()
    sniffer = Sniffer(live, Decoder(), None)
    packets = list(read_packets(TWO))
    app = LiveApp(sniffer, "lo", ports=(6464,))
    async with app.run_test(size=(140, 40)) as pilot:
        rows = app.query_one("#packets", RowList)
        live.queue.put(packets[:20])
        await until(pilot, lambda: rows.count == 20)
        assert rows.cursor == 19  # the newest
        live.queue.put(packets[20:30])
        await until(pilot, lambda: rows.cursor == 29)
        await pilot.press("home")
        live.queue.put(packets[30:35])
        await until(pilot, lambda: rows.count == 35)
        assert rows.cursor == 0
        await pilot.press("space")
        assert "paused: Space continues" in text_of(app)
        live.queue.put(packets[35:40])
        for _ in range(20):
            await pilot.pause(0.01)
        assert rows.count == 35
        await pilot.press("space")
        await until(pilot, lambda: rows.count == 40)
        live.queue.put(packets[40:])
        live.queue.put(CaptureError("the interface is down"))
        await until(pilot, lambda: "the interface is down" in text_of(app))
        await until(pilot, lambda: rows.count == 58)
        assert "live" not in text_of(app)
        await pilot.press("space")  # nothing to pause
        assert not app.is_paused
    app.close()
    app.capture.close()
    assert sniffer.summary()["messages"] == sum(
        app.capture.items._type[at] != 0 for at in range(len(app.capture.items))
    )
    assert live.stopped.is_set()


async def test_quitting_while_paused_ends_the_thread():
    live = Fed()
    app = LiveApp(Sniffer(live, Decoder(), None), "lo")
    async with app.run_test() as pilot:
        await pilot.press("space")
        live.queue.put([])
        await pilot.press("q")
    app.close()
    app._listener.join(10.0)
    assert not app._listener.is_alive()
    app.capture.close()
