"""Acknowledged means on disk: checked by the server's system calls, with strace."""

from __future__ import annotations

from pathlib import Path

import pytest

from netchat.wire import Event, Send
from tests.end_to_end.processes import Server
from tests.end_to_end.raw import RawClient
from tests.end_to_end.trace import Call, faults, read_trace, strace, unusable

needs_strace = pytest.mark.skipif(bool(unusable()), reason=unusable() or "strace works")

MESSAGES = 40


def _converse(tmp_path: Path, *options: str) -> list[Call]:
    """Let two clients send messages, one at a time and then many; return the server's system calls."""
    trace = tmp_path / "trace"
    history = str(tmp_path / "history.db")
    server = Server("--history", history, *options, wrap=strace(trace))
    with server, RawClient(server.port, "Nova") as nova, RawClient(server.port, "Ada") as ada:
        nova.join()
        ada.join()
        half = MESSAGES // 2
        for number in range(1, half):
            nova.say(Send(number, "lobby", _text(number)))
            _until_seen(ada, number)
        nova.say(*(Send(n, "lobby", _text(n)) for n in range(half, MESSAGES + 1)))
        _until_seen(ada, MESSAGES)
        server.stop()
    return read_trace(trace)


def _text(number: int) -> str:
    return f"message-{number:03}-of-nova"


def _until_seen(client: RawClient, number: int) -> None:
    while client.expect(Event).text != _text(number):
        pass


@needs_strace
def test_every_message_is_synced_before_anybody_sees_it(tmp_path: Path) -> None:
    calls = _converse(tmp_path)

    found = [fault for n in range(1, MESSAGES + 1) for fault in faults(calls, _text(n))]
    assert found == []


@needs_strace
def test_without_fsync_no_message_waits_for_the_disk(tmp_path: Path) -> None:
    calls = _converse(tmp_path, "--no-fsync")

    found = [fault for n in range(1, MESSAGES + 1) for fault in faults(calls, _text(n))]
    assert len(found) == MESSAGES  # this shows that the test above can fail


def _call(name: str, file: str, text: str, at: int, ended: int | None = None) -> Call:
    return Call(name, f'7<{file}>, "...{text}..."', at, at if ended is None else ended)


def test_the_check_finds_a_send_that_does_not_wait() -> None:
    write = _call("pwrite64", "/h.db-wal", "hello", 1)
    sync = _call("fdatasync", "/h.db-wal", "", 2, ended=4)
    early, late = _call("write", "socket:[1]", "hello", 3), _call("write", "socket:[1]", "hello", 5)

    assert list(faults([write, sync, late], "hello")) == []
    assert "before its sync ended" in "".join(faults([write, sync, early, late], "hello"))
    assert "not synced" in "".join(faults([sync._replace(began=0, ended=0), write, late], "hello"))
    assert "never sent" in "".join(faults([write, sync], "hello"))
    assert "never written" in "".join(faults([sync, late], "hello"))


def test_a_trace_is_read_with_its_interrupted_calls(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    trace.write_text(
        '11 pwrite64(7</h.db-wal>, "hello", 5, 0) = 5\n'
        "11 fdatasync(7</h.db-wal> <unfinished ...>\n"
        '12 write(9<socket:[1]>, "other", 5) = 5\n'
        "11 <... fdatasync resumed>)         = 0\n"
        "11 +++ exited with 0 +++\n"
    )

    write, sync, send = read_trace(trace)

    assert (write.name, write.began, write.ended) == ("pwrite64", 0, 0)
    assert (sync.name, sync.began, sync.ended) == ("fdatasync", 1, 3)
    assert (send.name, send.began, send.ended) == ("write", 2, 2)
