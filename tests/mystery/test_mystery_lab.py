"""Mysteries as real labs, as root: the same faults, in real kernels."""

import contextlib
import os
import socket
import stat
import subprocess
import sys
import time
from itertools import permutations

import pytest
from click.testing import CliRunner

from netchat.cli.main import cli
from netchat.errors import CaptureError
from netchat.mystery import KINDS, Answer, draw, judge, observe
from netchat.mystery.capture_recorder import HostClock
from netchat.mystery.mystery_lab import _CaptureFile, _opened
from netchat.mystery.traffic import chat
from netchat.packets import read, read_packets
from tests.lab.labs import NAME, lab, leftovers, needs_root
from tests.mystery.reference_solver import solve

HOSTS = ("h1", "h2", "h3")


@contextlib.contextmanager
def up(folder, seed, level=1):
    lab("up", "--mystery", seed, "--level", str(level), "--captures", str(folder), "--detach")
    try:
        yield
    finally:
        lab("down")


def chatting(path):
    """Return whether a user has joined, by what `status` has caused to be written to a capture."""
    if "h2 > h1" not in lab("status").stdout:
        return False
    with contextlib.suppress(CaptureError):  # the last block may be cut
        return any(message.type == "HELLO" for message in read(path))
    return False


def seed_of(kind):
    """Return the first seed whose mystery at level 1 is of a kind."""
    return next(str(seed) for seed in range(1000) if draw(seed, 1).fault.kind == kind)


@needs_root
@pytest.mark.slow
def test_status_hides_the_fault_and_solve_knows_the_seed(tmp_path):
    with up(tmp_path / "captures", "Ada", 2):
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and not chatting(tmp_path / "captures" / "h1.pcapng"):
            time.sleep(0.1)
        status = lab("status").stdout
        assert "Something is wrong (--mystery Ada --level 2)" in status
        assert "lost" not in status
        fault = draw("Ada", 2).fault
        answer = (fault.kind, fault.place, f"{fault.size:g}")
        assert lab("solve", *answer).stdout.startswith(f"Solved: {fault.kind} at {fault.place}.")
        wrong = "loss" if fault.kind != "loss" else "mtu"
        assert "is not what is wrong here" in lab("solve", wrong, "h1 > h2", "0.1", code=1).stdout
    assert leftovers() == []
    # The captures are complete files, and contain the chat.
    types = {message.type for message in read(tmp_path / "captures" / "h1.pcapng")}
    assert "HELLO" in types
    process = subprocess.run(
        [sys.executable, "-m", "netchat", "lab", "--name", NAME, "solve", *answer],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert process.returncode == 2
    assert "or give --mystery SEED" in process.stderr


def capture(folder):
    """Create the captures of a lab in a folder, as on entering it."""
    with contextlib.ExitStack() as closing, _opened(folder) as descriptor:
        for host in HOSTS:
            path = folder / f"{host}.pcapng"
            file = _CaptureFile(path, descriptor, host, HostClock(time.time_ns(), 0.0))
            closing.callback(file.close)


@needs_root
def test_captures_are_the_users_and_follow_no_link(tmp_path, monkeypatch):
    monkeypatch.setenv("SUDO_UID", "4321")
    monkeypatch.setenv("SUDO_GID", "4322")
    folder, victim = tmp_path / "captures", tmp_path / "victim"
    victim.write_bytes(b"kept")
    victim.chmod(0o644)
    folder.mkdir()
    (folder / "h1.pcapng").symlink_to(victim)
    (folder / "h2.pcapng").hardlink_to(victim)
    for captures in (folder, tmp_path / "above" / "new"):
        capture(captures)
        for host in HOSTS:
            status = (captures / f"{host}.pcapng").lstat()
            assert stat.S_ISREG(status.st_mode)
            assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (4321, 4322, 0o600)
            assert list(read_packets(captures / f"{host}.pcapng")) == []
    assert (tmp_path / "above" / "new").stat().st_uid == 4321
    assert folder.stat().st_uid == victim.stat().st_uid == 0
    assert victim.read_bytes() == b"kept"


@needs_root
@pytest.mark.parametrize("swapped", ["captures", "above"])
def test_a_new_folder_is_not_swapped_for_another(swapped, tmp_path, monkeypatch):
    monkeypatch.setenv("SUDO_UID", "4321")
    victim, above = tmp_path / "victim", tmp_path / "above"
    (victim / "captures").mkdir(parents=True)
    mkdir = os.mkdir

    def raced(path, *options, **more):
        mkdir(path, *options, **more)
        if path == "captures" and swapped == "captures":
            (above / "captures").rmdir()
            (above / "captures").symlink_to(victim / "captures")
        elif path == "captures":
            above.rename(tmp_path / "moved")
            above.symlink_to(victim)

    monkeypatch.setattr(os, "mkdir", raced)
    if swapped == "captures":
        with pytest.raises(CaptureError, match=r"Cannot create .*captures: "):
            capture(above / "captures")
    else:
        capture(above / "captures")
        assert (tmp_path / "moved" / "captures").stat().st_uid == 4321
    assert (victim / "captures").stat().st_uid == 0
    assert list((victim / "captures").iterdir()) == []


def test_captures_that_cannot_be_written(tmp_path):
    (tmp_path / "h3.pcapng").mkdir()
    with pytest.raises(CaptureError, match=r"Cannot write .*h3\.pcapng: "):
        capture(tmp_path)
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "captures"):
        with pytest.raises(CaptureError, match=r"Cannot create .*: (Not a directory|File exists)"):
            capture(folder)


@needs_root
@pytest.mark.thorough
def test_a_lab_gives_its_captures_to_the_user(tmp_path):
    user = {"env": {**os.environ, "SUDO_UID": "4321", "SUDO_GID": "4322"}}
    (tmp_path / "h1.pcapng").symlink_to(tmp_path / "missing")
    lab("up", "--mystery", "Ada", "--captures", str(tmp_path), "--detach", **user)
    lab("down")
    assert [path.lstat().st_uid for path in tmp_path.iterdir()] == [4321] * 3
    (tmp_path / "h3.pcapng").unlink()
    (tmp_path / "h3.pcapng").mkdir()
    refused = lab("up", "--mystery", "Ada", "--captures", str(tmp_path), "--detach", code=1)
    assert f"Cannot write {tmp_path / 'h3.pcapng'}: Is a directory" in refused.stderr
    assert leftovers() == []


@needs_root
@pytest.mark.thorough
def test_captures_that_still_grow_can_be_observed(tmp_path):
    with up(tmp_path, seed_of("checksum-offload")):
        seen, deadline = {}, time.monotonic() + 60
        while not all(len(seen.get(way, ())) > 100 for way in permutations(HOSTS, 2)):
            assert time.monotonic() < deadline
            time.sleep(0.2)
            with contextlib.suppress(CaptureError):  # there is nothing in a file yet
                seen = observe(tmp_path)
    assert len(seen) == 6
    assert not any(p.is_lost for passages in seen.values() for p in passages)


@needs_root
@pytest.mark.thorough
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_solved_from_the_captures_of_a_real_lab(kind, tmp_path):
    seed = seed_of(kind)
    with up(tmp_path, seed):
        time.sleep(26)
    captures = {host: list(read_packets(tmp_path / f"{host}.pcapng")) for host in HOSTS}
    answer = Answer(*solve(captures))
    judgement = judge(draw(seed, 1), answer)
    assert judgement.is_solved, f"{draw(seed, 1).fault}: {answer}"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["up", "--level", "2"], "--level and --captures require --mystery SEED."),
        (["up", "--mystery", "1", "--loss", "0.1"], "omit --loss."),
        (["up", "--mystery", " "], "--mystery must be a number or a name"),
        (["up", "--mystery", "1", "--level", "6"], "6 is not in the range 1<=x<=5"),
        (["solve", "loss"], "an answer has three parts: KIND PLACE SIZE"),
        (["solve", "--mystery", "1", "rain", "h1", "1"], "unknown fault 'rain'"),
        (
            ["solve", "--mystery", "1", "loss", "h1", "1"],
            "must be a direction such as 'h2 > h1', got 'h1'. Quote it, because > has a meaning",
        ),
        (["solve", "--mystery", "1", "clock-skew", "h1 > h2", "1"], "must be a host, h1, h2, h3"),
        (
            ["solve", "--mystery", "1", "delay", "h1 > h2", "14ms"],
            "SIZE must be a plain number (additional seconds), got '14ms'",
        ),
    ],
)
def test_rejected_options(options, says):
    result = CliRunner().invoke(cli, ["lab", "--name", "none", *options])
    assert result.exit_code == 2
    assert says in " ".join(result.output.split())


def test_solve_lists_the_kinds_and_takes_negative_sizes():
    listed = CliRunner().invoke(cli, ["lab", "solve"])
    assert all(f"{kind}  " in listed.output for kind in KINDS)
    seed = next(
        s
        for s in range(1000)
        if draw(s, 2).fault.kind == "clock-skew" and draw(s, 2).fault.size < 0
    )
    fault = draw(seed, 2).fault
    line = ["lab", "solve", "--mystery", str(seed), fault.kind, fault.place, str(fault.size)]
    result = CliRunner().invoke(cli, line)
    assert result.exit_code == 0, result.output


def test_the_chat_program_needs_its_server():
    with socket.socket() as bound:  # no other program can listen on its port
        bound.bind(("127.0.0.1", 0))
        with pytest.raises(OSError, match="refused"):
            chat(draw(1), "h2", server="127.0.0.1", port=bound.getsockname()[1])
