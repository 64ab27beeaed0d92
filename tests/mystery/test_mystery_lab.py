"""Mysteries as real labs, as root: the same faults, in real kernels."""

import contextlib
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

from netchat.cli.main import cli
from netchat.mystery import KINDS, Answer, draw, judge
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


def seed_of(kind):
    """Return the first seed whose mystery at level 1 is of a kind."""
    return next(str(seed) for seed in range(1000) if draw(seed, 1).fault.kind == kind)


@needs_root
@pytest.mark.slow
def test_status_hides_the_fault_and_solve_knows_the_seed(tmp_path):
    with up(tmp_path / "captures", "Ada", 2):
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline and "h2 > h1" not in lab("status").stdout:
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
        (["solve", "--mystery", "1", "loss", "h1", "1"], "must be a direction such as 'h2 > h1'"),
        (["solve", "--mystery", "1", "loss", "h1 > h2", "much"], "'much' is not a valid float"),
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
    with pytest.raises(OSError, match="refused"):
        chat(draw(1), "h2", server="127.0.0.1")
