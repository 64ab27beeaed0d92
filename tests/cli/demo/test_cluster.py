"""`netchat demo --cluster`: three servers, one of which is killed."""

import contextlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from netchat.chat.persistence import Batch, EventRow, RoomRow
from netchat.cli.demo.cluster import check_histories
from netchat.errors import NetchatError
from netchat.net.history.sqlite_history import SqliteHistory
from netchat.wire import Event, EventKind, encode
from tests.end_to_end.processes import ROOT
from tests.net.cluster.redis_process import needs_redis

COMMAND = [sys.executable, "-m", "netchat", "demo", "--cluster"]

#: Code of the room in the histories.
ROOM = "7K3F92MQ0T"


def processes(folder: Path) -> list[str]:
    """Return the command lines of the processes that use a folder."""
    lines = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            lines.append(" ".join(process.cmdline()))
    return [line for line in lines if str(folder) in line]


def history(path: Path, texts: list[str]) -> Path:
    """Write a history with one room."""
    with contextlib.closing(SqliteHistory(path, fsync=False)) as file:
        rows = []
        for seq, text in enumerate(texts, 1):
            event = Event(seq, seq, 5, seq, EventKind.CHAT, ROOM, "Nova", text)
            rows.append(EventRow(1, seq, 5, seq, seq, encode(event)))
        file.write([Batch(rows=rows, changes=[RoomRow(1, ROOM, 2, 77)])])
    return path


@needs_redis
def test_the_users_of_a_killed_server_continue_on_another(tmp_path):
    done = subprocess.run(
        COMMAND, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    titles = [line.split(".")[0] for line in done.stdout.splitlines() if line[:1].isdigit()]
    assert titles == ["1", "2", "3", "4", "5"]
    steps = re.split(r"^\d\. ", done.stdout, flags=re.M)
    seen = re.findall(r"(\w+) sees +(\d+)  (.*)", steps[2])
    each = [[line for user, *line in seen if user == name] for name in ("Nova", "Ravi", "Lyra")]
    assert each[0] == each[1] == each[2]
    assert len(each[0]) == 3
    assert (steps[3].count("Vega joins"), steps[3].count("refused")) == (1, 1)
    moved = re.findall(r"(\w+) lost west and continues on (east|north)\.", steps[4])
    assert [user for user, _ in moved] == ["Maya", "Ravi"]
    assert "60 messages sent meanwhile, 0 lost, 0 duplicated" in steps[4]
    assert "are the same bytes in east.db, west.db and north.db" in steps[5]
    assert not processes(tmp_path)
    assert not list(tmp_path.iterdir())


@needs_redis
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_nothing_behind(tmp_path, number):
    with subprocess.Popen(
        COMMAND, cwd=ROOT, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    ) as demo:  # fmt: skip
        assert demo.stdout is not None
        assert any("history east.db" in line for line in demo.stdout)
        assert len(processes(tmp_path)) == 4
        demo.send_signal(number)
        demo.stdout.read()
        assert demo.wait(60) == 130
    assert not processes(tmp_path)
    assert not list(tmp_path.iterdir())


def test_without_redis_server_the_demo_says_how_to_install_it(tmp_path):
    done = subprocess.run(
        COMMAND, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "PATH": str(tmp_path)},
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert "apt-get install redis-server" in done.stderr


def test_histories_that_differ_are_reported(tmp_path):
    texts = ["one", "two", "three"]
    full, same = (history(tmp_path / f"{name}.db", texts) for name in ("full", "same"))
    check_histories([full, same], ROOM, 3)
    check_histories([full, history(tmp_path / "longer.db", [*texts, "four"])], ROOM, 3)
    for number, wrong in enumerate((["one", "two"], ["one", "three", "two"], [])):
        with pytest.raises(NetchatError, match="differ up to event 3"):
            check_histories([full, history(tmp_path / f"{number}.db", wrong)], ROOM, 3)
    with pytest.raises(NetchatError, match=r"full.db: 3, same.db: 3"):
        check_histories([full, same], ROOM, 4)
