"""A full disk: the server acknowledges only what is on disk, and loses nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from netchat.wire import Error, ErrorCode, Event, Hello, Message, Ping, Pong, Send, Welcome
from tests.end_to_end.crash import read_history
from tests.end_to_end.probe import Probe, hear
from tests.end_to_end.processes import ROOT, Server
from tests.end_to_end.raw import RawClient
from tests.end_to_end.small_disk import DiskUnavailable, small_disk

MB = 1024 * 1024


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 32 MB."""
    try:
        with small_disk(tmp_path / "disk", 32) as folder:
            yield folder
    except DiskUnavailable as error:
        pytest.skip(str(error))


def _fill(disk: Path) -> Path:
    """Fill the disk; return the file to delete."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return filler


def _texts(client: RawClient, last: str) -> list[str]:
    """Return the texts that a client receives, up to a given one."""
    texts: list[str] = []
    while not texts or texts[-1] != last:
        texts.append(client.expect(Event).text)
    return texts


def test_a_full_disk_delays_and_loses_nothing(disk: Path) -> None:
    server = Server("--history", str(disk / "history.db"), "--rate", "0")
    with server, RawClient(server.port, "Nova") as nova, RawClient(server.port, "Ada") as ada:
        nova.join()
        ada.join()
        said = [f"before {n}" for n in range(20)]
        nova.say(*(Send(n + 1, "lobby", text) for n, text in enumerate(said)))
        assert _texts(ada, said[-1])[-20:] == said

        filler, memory = _fill(disk), server.memory
        # Bytes that fit into the allocated log may still be written; the rest has to wait.
        late = [f"{n} " + "x" * 10_000 for n in range(500)]
        nova.say(*(Send(n + 100, "lobby", text) for n, text in enumerate(late)))
        for client in (nova, ada):
            error = client.expect(Error)
            assert error.code == ErrorCode.STORAGE
            assert "your messages wait" in error.text
        note = server.wait_for("storage")
        assert str(disk) in note["text"]
        assert "full" in note["text"]
        ada.say(Ping(5))  # meanwhile the server still answers requests
        ada.expect(Pong)
        assert server.memory - memory < 24 * MB

        filler.unlink()
        # The sender reads first: the server does not read from a client that does not read.
        assert _texts(nova, late[-1])[-1] == late[-1]
        assert _texts(ada, late[-1])[-500:] == late
        server.wait_for("storage", text="The history can be written again.")
        assert server.stop() == 0
        assert server.complaints == []
    events = [event.text for event in read_history(disk / "history.db")["lobby"] if event.text]
    assert events == said + late


@pytest.mark.alone
def test_the_others_are_as_fast_as_before_when_there_is_room_again(disk: Path) -> None:
    server = Server("--history", str(disk / "history.db"), "--rate", "0")
    with server, Probe(server.port) as probe:
        probe.warm_up()
        ratios: list[float] = []
        while len(ratios) < 8 and min(ratios, default=9.9) >= 2:
            usual = probe.typical()
            with RawClient(server.port, f"Talker{len(ratios)}") as talker:
                talker.join()
                filler = _fill(disk)
                # More than fits into the allocated log.
                talker.say(*(Send(n, "lobby", f"{n} " + "x" * 16_000) for n in range(1, 251)))
                assert talker.expect(Error).code == ErrorCode.STORAGE
                filler.unlink()
                talker.say(Send(251, "lobby", "the last one"))
                hear(talker, "the last one")
            probe.catch_up("the last one")
            ratios.append(probe.typical() / usual)
        assert min(ratios) < 2, f"the p99 changed by factors of {ratios}"


def test_a_server_killed_on_a_full_disk_has_what_it_acknowledged(disk: Path) -> None:
    server = Server("--history", str(disk / "history.db"), "--rate", "0", "--resume", "1s")
    with server:
        acknowledged = []
        with RawClient(server.port, "Nova") as nova:
            nova.join()
            nova.say(*(Send(n, "lobby", f"{n} before") for n in range(1, 21)))
            filler = _fill(disk)
            nova.say(*(Send(n, "lobby", f"{n} " + "x" * 4000) for n in range(21, 401)))
            while True:
                message = nova.expect(Message)
                if isinstance(message, Event) and message.text:
                    acknowledged.append(message.text)
                if isinstance(message, Error):
                    break
        server.kill()
        filler.unlink()
        server.start()
        with RawClient(server.port, "Ada") as ada:
            ada.join()  # the disk has space again
        server.stop()
    events = [event.text for event in read_history(disk / "history.db")["lobby"] if event.text]
    assert len(acknowledged) >= 20
    assert events[: len(acknowledged)] == acknowledged
    assert [text.split()[0] for text in events] == [str(n + 1) for n in range(len(events))]


def test_a_client_that_connects_while_the_disk_is_full_is_warned(disk: Path) -> None:
    server = Server("--history", str(disk / "history.db"), "--rate", "0")
    with server, RawClient(server.port, "Nova") as nova:
        nova.join()
        filler = _fill(disk)
        nova.say(*(Send(n, "lobby", "x" * 10_000) for n in range(1, 50)))
        assert nova.expect(Error).code == ErrorCode.STORAGE
        with RawClient(server.port) as late:
            late.say(Hello(0, bytes(16), b"", "Late", "raw", ()))
            assert late.expect(Error).code == ErrorCode.STORAGE
            filler.unlink()
            assert late.expect(Welcome).name == "Late"


def test_a_disk_that_is_full_from_the_start(disk: Path) -> None:
    _fill(disk)
    command = [sys.executable, "-m", "netchat", "serve", "--no-web", "--port", "0"]
    command += ["--history", str(disk / "history.db")]

    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=20, check=False
    )

    assert done.returncode == 1
    assert "full" in done.stderr
    assert "Traceback" not in done.stderr
