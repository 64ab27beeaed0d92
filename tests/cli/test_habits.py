"""First commands of engineers: they work, or the error shows a line that works."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from netchat.cli.habits import suggest
from netchat.cli.inspect import inspect
from netchat.cli.main import cli
from netchat.cli.sniff import sniff
from tests.packets.sharks import needs_tshark

CAPTURE = "captures/two-users.pcapng"
ROOT = Path(__file__).parents[2]

#: Lines that work as typed, with what they print.
WORKING = {
    f"inspect -r {CAPTURE}": "opens the connection",
    f"inspect -r {CAPTURE} -V -c 2": "magic",
    f"inspect {CAPTURE} -x -c 2": "4e 43 01 01",
    f"inspect {CAPTURE} -Y 'tcp.port == 6464 && netchat.send' -T fields -e netchat.text": "Hi Orion",
    f"inspect {CAPTURE} -T json -c 1": '"item": "notice"',
}

#: Lines that are answered, with the answer.
ANSWERED = {
    f"inspect -nn -r {CAPTURE}": f"netchat inspect -r {CAPTURE}",
    f"inspect -nnr {CAPTURE}": f"netchat inspect -r {CAPTURE}",
    f"inspect -nr {CAPTURE} -s 0 -l": f"netchat inspect -r {CAPTURE}",
    f"inspect {CAPTURE} -A": f"netchat inspect {CAPTURE} --hex",
    f"inspect {CAPTURE} -X": f"netchat inspect {CAPTURE} --hex",
    f"inspect -r {CAPTURE} tcp port 6464": f"netchat inspect -r {CAPTURE} -Y 'tcp.port == 6464'",
    f"inspect {CAPTURE} 'port 6464 and not host 10.9.9.9'":
        f"netchat inspect {CAPTURE} -Y 'port == 6464 and not host == 10.9.9.9'",
    f"inspect {CAPTURE} src host 10.64.0.1 tcp":
        f"netchat inspect {CAPTURE} -Y 'ip.src == 10.64.0.1 and tcp'",
    f"inspect {CAPTURE} tcp dst port 6464 or udp port 6464":
        f"netchat inspect {CAPTURE} -Y 'tcp.dstport == 6464 or udp.port == 6464'",
    f"inspect {CAPTURE} Orion": f"""netchat inspect {CAPTURE} -Y 'text matches "Orion"'""",
    f"inspect -I {CAPTURE} Orion": f"""netchat inspect -r {CAPTURE} -Y 'text matches "Orion"'""",
    f"inspect {CAPTURE} -R netchat.send": f"netchat inspect {CAPTURE} -Y netchat.send",
    f"inspect {CAPTURE} -z conv,tcp": f"netchat inspect {CAPTURE} --stats --tcp",
    f"inspect {CAPTURE} -q -z io,stat,1": f"netchat inspect {CAPTURE} --plot",
    f"inspect {CAPTURE} -z follow,tcp,ascii,0": f"netchat inspect {CAPTURE} --follow",
    f"inspect {CAPTURE} -z flow,tcp,network": f"netchat inspect {CAPTURE} --ladder",
    f"inspect {CAPTURE} captures/ipv6.pcapng --follow":
        f"mergecap -w - {CAPTURE} captures/ipv6.pcapng | netchat inspect - --follow",
    "inspect https://host/chat.pcap": "curl -s https://host/chat.pcap | netchat inspect -",
    "sniff -i eth0 port 7000": "netchat sniff -i eth0 --port 7000",
    "sniff -i eth0 -f 'port 7000'": "netchat sniff -i eth0 --port 7000",
    "sniff -nni any -w chat.pcap -C 100 -W 10": "netchat sniff -i any -w chat.pcap --rotate 100MB --keep 10",
    "sniff -w chat.pcap -G 3600": "netchat sniff -w chat.pcap --rotate 3600s",
    "sniff -w chat.pcapng -b filesize:1000 -b duration:60 -b files:3":
        "netchat sniff -w chat.pcapng --rotate 1000kB --rotate 60s --keep 3",
    "sniff -a duration:10 -l": "netchat sniff --duration 10s",
    "sniff -d any hello port 6464": """netchat sniff -i any -Y 'text matches "hello" and port == 6464'""",
    "sniff -D": "ip -br link",
}  # fmt: skip


def run(line: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli, shlex.split(line))
    return done.exit_code, done.output


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize("line", WORKING)
def test_what_works_as_typed(line: str) -> None:
    code, out = run(line)
    assert (code, WORKING[line] in out) == (0, True), out


@pytest.mark.parametrize("line", ANSWERED)
def test_what_is_answered(line: str) -> None:
    code, out = run(line)
    assert code == 2
    assert f". Use: {ANSWERED[line]}\n" in out


@pytest.mark.parametrize("line", ANSWERED)
def test_the_answers_are_valid(line: str) -> None:
    answer = ANSWERED[line]
    if not answer.startswith("netchat"):
        return
    _, name, *args = shlex.split(answer)
    command: click.Command = {"inspect": inspect, "sniff": sniff}[name]
    command.make_context(name, list(args))
    if name == "inspect":
        assert run(shlex.join([name, *args]))[0] == 0


@needs_tshark
@pytest.mark.slow
def test_several_files_and_jq_and_curl() -> None:
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    for line, said in {
        ANSWERED[f"inspect {CAPTURE} captures/ipv6.pcapng --follow"]: "Hi Orion",
        f"curl -s file://{ROOT}/{CAPTURE} | netchat inspect --first 1": "opens the connection",
        f"cat {CAPTURE} | netchat inspect --json -Y send | head -1": '"type": "SEND"',
    }.items():
        done = subprocess.run(
            ["sh", "-c", line], env=env, capture_output=True, text=True, check=True
        )
        assert said in done.stdout


def test_other_mistakes_stay_as_they_are() -> None:
    for args in (
        ["--statz", CAPTURE],
        ["--tree", "--last", "x", CAPTURE],
        ["--nonsense"],
        ["-k"],
        [CAPTURE, "--last", "x"],
        [CAPTURE, "--first", "-1"],
    ):
        assert suggest("inspect", args) is None
        assert "Use:" not in run(shlex.join(["inspect", *args]))[1]
    assert run(f"inspect {CAPTURE} -r {CAPTURE}") == (
        2,
        "Usage: cli inspect [OPTIONS] [FILE]\nTry 'cli inspect --help' for help.\n\n"
        "netchat: Name the capture once: as FILE or with --read.\n",
    )
