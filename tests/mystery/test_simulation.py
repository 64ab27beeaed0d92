"""Simulated mysteries: reproducible, realistic, solvable from their captures, and not obvious."""

import io
import re
import shutil
import subprocess

import pytest
from click.testing import CliRunner

from netchat.cli.main import cli
from netchat.mystery import KINDS, Answer, draw, judge, simulate
from netchat.packets import PcapngWriter, read_packets
from tests.mystery.reference_solver import solve


def packets_of(capture):
    """Return a capture's packets, written to a pcapng file and read again."""
    file = io.BytesIO()
    with PcapngWriter(file) as out:
        for packet in capture.packets:
            out.write(packet)
    file.seek(0)
    return list(read_packets(file))


def solved(mystery):
    """Return the judgement on the reference solver's answer, and the answer."""
    captures = {host: packets_of(capture) for host, capture in simulate(mystery).items()}
    answer = Answer(*solve(captures))
    return judge(mystery, answer), answer


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_solved_from_its_captures(kind):
    mystery = draw("quick", 2, kind=kind)
    judgement, answer = solved(mystery)
    assert judgement.is_solved, f"{mystery.fault}: {answer}"


@pytest.mark.thorough
@pytest.mark.parametrize("level", range(1, 6))
def test_a_hundred_mysteries_are_solved_from_their_captures(level):
    wrong, kinds = [], set()
    for seed in range(20):
        mystery = draw(seed, level)
        kinds.add(mystery.fault.kind)
        judgement, answer = solved(mystery)
        if not judgement.is_solved:
            wrong.append(f"{seed}: {mystery.fault} {mystery.fault.begin:.2f}; {answer}")
    assert wrong == []
    assert len(kinds) > 5


def test_the_same_seed_gives_the_same_captures():
    once, again = (simulate(draw("Ada", 3)) for _ in range(2))
    assert {host: one.packets for host, one in once.items()} == {
        host: one.packets for host, one in again.items()
    }


def first_line(mystery, host, folder):
    path = simulate(mystery)[host].save(folder / "capture.pcapng")
    result = CliRunner().invoke(cli, ["inspect", str(path), "--stats"])
    assert result.exit_code in (0, 1), result.output
    return result.output.splitlines()[0]


@pytest.mark.thorough
@pytest.mark.parametrize("kind", KINDS)
def test_the_first_line_of_the_statistics_does_not_show_the_fault(kind, tmp_path):
    # All first lines have the same form, and a duration that faults do not change.
    for host in ("h1", "h2", "h3"):
        line = first_line(draw("first line", 2, kind=kind), host, tmp_path)
        found = re.fullmatch(
            r"1  (\w+):\d+  10\.64\.0\.[23]:\d+ - 10\.64\.0\.1:6464  (\d+\.\d+) s", line
        )
        assert found, line
        assert 22 < float(found[2]) < 24.2


@pytest.mark.skipif(shutil.which("tshark") is None, reason="needs tshark")
@pytest.mark.slow
def test_tshark_finds_valid_packets_and_checksums(tmp_path):
    path = simulate(draw("tshark", 1, kind="loss"))["h1"].save(tmp_path / "h1.pcapng")
    command = [
        "tshark", "-r", str(path), "-o", "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE",
        "-o", "ip.check_checksum:TRUE", "-Y",
        "ip.checksum.status == 0 or tcp.checksum.status == 0 or udp.checksum.status == 0 or _ws.malformed",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == ""
