"""`netchat send`: files from the disk and from a pipe."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result

import netchat
from netchat.chat.settings import Settings
from netchat.cli.main import cli
from netchat.net.event_loop import run
from netchat.wire import Event, EventKind
from netchat.wire.file_offers import parse_offer


class Receiver(threading.Thread):
    """A server, and a user in its lobby, in a thread.

    Attributes:
        events: Offers that the user has received.
        port: Port of the server.
    """

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.events: list[Event] = []
        self.port = 0
        self._ready = threading.Event()

    def __enter__(self) -> Receiver:
        self.start()
        assert self._ready.wait(20)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self.join(20)

    def run(self) -> None:
        run(self._main())

    async def _main(self) -> None:
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        settings = Settings(max_file=1000)
        async with (
            netchat.Server(port=0, settings=settings) as server,
            netchat.Client(server.address, name="Lea") as lea,
        ):
            await lea.join("lobby")
            self.port = server.address[1]
            self._ready.set()
            listening = asyncio.create_task(self._listen(lea))
            await self._ended.wait()
            listening.cancel()

    async def _listen(self, lea: netchat.Client) -> None:
        async for event in lea:
            if getattr(getattr(event, "event", None), "kind", 0) == EventKind.FILE:
                self.events.append(event.event)


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


def send(receiver: Receiver, *arguments: str, text: bytes | None = None) -> Result:
    address = f"127.0.0.1:{receiver.port}"
    line = ["send", arguments[0], address, "--name", "Nova", *arguments[1:]]
    return CliRunner().invoke(cli, line, input=text)


def test_a_file_is_offered_in_the_lobby(receiver, tmp_path):
    (tmp_path / "a.txt").write_bytes(b"hello")
    result = send(receiver, str(tmp_path / "a.txt"))
    assert (result.exit_code, result.output) == (0, "Sent a.txt (5 bytes).\n")
    offer = parse_offer(receiver.events[-1].text)
    assert (offer.name, offer.size, offer.media_type) == ("a.txt", 5, "text/plain")


def test_the_short_options_are_those_of_the_client(receiver, tmp_path):
    (tmp_path / "a.txt").write_bytes(b"hello")
    port = str(receiver.port)
    for address in ((), ("localhost",)):
        line = ["send", str(tmp_path / "a.txt"), *address, "-n", "Nova", "-p", port]
        result = CliRunner().invoke(cli, line)
        assert (result.exit_code, result.output) == (0, "Sent a.txt (5 bytes).\n")
    wrong = CliRunner().invoke(cli, ["send", "-", "-n", "Nova", "-p", "70000"])
    assert wrong.exit_code == 2
    assert "70000" in wrong.output


def test_standard_input_gets_a_name(receiver):
    assert send(receiver, "-", text=b"piped").output == "Sent stdin.bin (5 bytes).\n"
    assert (
        send(receiver, "-", "--as", "x/data.csv", text=b"1,2").output
        == "Sent data.csv (3 bytes).\n"
    )


def test_a_file_for_one_user(receiver, tmp_path):
    (tmp_path / "a.txt").write_bytes(b"secret")
    result = send(receiver, str(tmp_path / "a.txt"), "--to", "Lea")
    assert result.output == "Sent a.txt (6 bytes).\n"
    assert receiver.events[-1].room.startswith("@")


def test_problems(receiver, tmp_path):
    (tmp_path / "big").write_bytes(bytes(1001))
    refused = send(receiver, str(tmp_path / "big"))
    assert "at most 1.0 kB" in str(refused.exception)
    missing = send(receiver, str(tmp_path / "missing"))
    assert "No such file" in str(missing.exception)
    both = send(receiver, "-", "--room", "lobby", "--to", "Lea")
    assert both.exit_code == 2
    assert "cannot be combined" in both.output
