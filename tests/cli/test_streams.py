"""Every command with every fault of a standard stream."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from netchat.cli.main import cli
from tests.cli.forkserver import ForkServer
from tests.end_to_end.processes import ROOT, Server

CAPTURE = str(ROOT / "captures" / "two-users.pcapng")

#: Arguments of each command; --help by default. PORT is a chat server's, NAME an unused name.
RUNS: dict[str, list[str]] = {
    "recover": [],
    "serve": ["serve --ephemeral --port 0 --no-web"],
    "accounts add": [],
    "accounts invite": [],
    "accounts list": [],
    "accounts remove": [],
    "accounts reset": [],
    "accounts role": [],
    "audit": [],
    "history list": [],
    "history export": [],
    "history import": [],
    "history verify": [],
    "history purge": [],
    "client": ["client 127.0.0.1:PORT --name NAME --no-state",
               "client 127.0.0.1:PORT --name NAME --no-state --json"],
    "send": ["send FOLDER/../input 127.0.0.1:PORT --name NAME", "send - 127.0.0.1:PORT --name NAME"],
    "tui": ["tui 127.0.0.1:PORT --name NAME --no-state"],  # it needs a terminal
    "window": [],  # it needs a display
    "load": ["load 127.0.0.1:PORT --users 2 --messages 3"],
    "demo": [],  # it runs other commands, and takes seconds
    "sniff": ["sniff -i lo --duration 1ms"],
    "inspect": [f"inspect {CAPTURE}{view}" for view in (
        "", " --tree", " --json", " --ladder")],
    "merge": [f"merge {CAPTURE} {CAPTURE} -o FOLDER/merged.pcapng"],
    "craft": ["craft SEND text=é→", "craft SEND text=é --hello NAME --send 127.0.0.1:PORT --wait 10ms"],
    "replay": [f"replay {CAPTURE} 127.0.0.1:1 --fast"],
    "wireshark install": ["wireshark install --dir FOLDER"],
    "wireshark print": ["wireshark print"],
    "wireshark write": ["wireshark write FOLDER/written.lua"],
    "wireshark check": ["wireshark check"],
    "noise": ["noise 0 127.0.0.1:PORT --channel bsc:0.1", "noise 0 127.0.0.1:PORT --json"],
    "lab up": ["lab up --channel none"],
    "lab exec": ["lab --name none exec h1 -- true"],
    "lab status": ["lab --name none status", "lab --name none status --json"],
    "lab sniff": ["lab --name none sniff"],
    "lab solve": ["lab solve", "lab solve --mystery 1 loss h1>h2 0.1"],
    "lab down": ["lab --name none down"],
    "lab grade": ["lab grade FOLDER"],
    "grade": ["grade FOLDER"],
    "class new": [],
    "class serve": [],
    "doctor": ["doctor --json"],
    "codes": ["codes", "codes --json"],
    "codes check": ["codes check uncoded:8"],
    "encode": ["encode é→ --code uncoded:8 --flip 1", "encode é→ --code uncoded:8 --json"],
    "decode": ["decode e2 --code uncoded:8"],
    "encode-bench": ["encode-bench --code uncoded:8 --channel bsc:0.1 --frames 64 --workers 1"],
    "link-bench": ["link-bench --link none/none"],
    "protocol": ["protocol", "protocol SEND --source", "protocol --js"],
    "config": ["config", "config --keys serve"],
    "man": ["man", "man serve"],
    "completion": ["completion bash"],
}  # fmt: skip

FULL, CLOSED, BROKEN = "/dev/full", "closed", "broken"
COMPLAINT = "netchat: cannot write standard output: No space left on device"


def commands(group: click.Group = cli, path: str = "") -> Iterator[tuple[str, click.Command]]:
    """Return the command line of every command, including subcommands."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        typed = f"{path} {name}".strip()
        if not isinstance(command, click.Group) or command.invoke_without_command:
            yield typed, command
        if isinstance(command, click.Group):
            yield from commands(command, typed)


@dataclasses.dataclass
class SessionEnded:
    """Outcome of a run."""

    status: int
    out: bytes
    err: bytes

    @property
    def is_clean(self) -> bool:
        """Return whether the output has no traceback."""
        said = self.out + self.err
        return not any(word in said for word in (b"Traceback", b"Exception", b"never retrieved"))


#: Faults: the streams (None is a file), and their encoding.
FAULTS: dict[str, tuple[tuple[str | None, str | None, str | None], str]] = {
    "ascii": ((None, None, None), "ascii"),
    "closed": ((CLOSED, CLOSED, CLOSED), "utf-8"),
    "output full": ((None, FULL, None), "utf-8"),
    "output broken": ((None, BROKEN, None), "utf-8"),
    "errors full": ((None, None, FULL), "utf-8"),
    "errors broken": ((None, None, BROKEN), "utf-8"),
}

#: Every line to be run.
LINES = [line for name, _ in commands() for line in RUNS.get(name) or [f"{name} --help"]]


def test_every_command_is_tested():
    assert {name for name, _ in commands()} == set(RUNS)


@pytest.fixture(scope="module")
def ended(tmp_path_factory) -> dict[tuple[str, str], SessionEnded]:
    """Return the outcome of each run by command line and fault (`usual` without a fault)."""
    folder = tmp_path_factory.mktemp("streams")
    text = folder / "input"
    text.write_text("Grüße → 👋\n/who\n", encoding="utf-8")
    found: dict[tuple[str, str], SessionEnded] = {}

    def run(keys: list[tuple[str, str]]) -> None:
        runs, folders = [], []
        for line, fault in keys:
            own = folder / str(len(found) + len(runs))
            own.mkdir()
            typed = line.replace("PORT", str(server.port)).replace("FOLDER", str(own))
            streams, encoding = FAULTS.get(fault, ((None, None, None), "utf-8"))
            paths = [str(text), str(own / "out"), str(own / "err")]
            runs.append({
                "argv": typed.replace("NAME", f"Ann{own.name}").split(" "),
                "encoding": encoding,
                "streams": [wanted or path for wanted, path in zip(streams, paths, strict=True)],
                "listens": line.split()[0] in ("serve", "noise"),
            })  # fmt: skip
            folders.append(own)
        for key, own, status in zip(keys, folders, forks.run(runs), strict=True):
            found[key] = SessionEnded(status, _bytes(own / "out"), _bytes(own / "err"))

    with Server("--ephemeral", "--rate", "0") as server, ForkServer() as forks:
        run([(line, "usual") for line in LINES])
        # Writing to a stream that the command does not use cannot fail.
        run([
            (line, fault) for line in LINES for fault in FAULTS
            if (found[line, "usual"].out or not fault.startswith("output"))
            and (found[line, "usual"].err or not fault.startswith("errors"))
        ])  # fmt: skip
    return found


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


@pytest.mark.parametrize("line", LINES)
def test_a_command_survives_its_streams(line, ended):
    usual = ended[line, "usual"]
    for fault in ("usual", *FAULTS):
        if (line, fault) not in ended:
            continue
        found = ended[line, fault]
        assert found.is_clean, (fault, found)
        match fault:
            case "ascii":
                assert found.out.isascii()
                assert found.err.isascii()
                assert found.status == usual.status, found
            case "output full":
                assert found.err.decode().splitlines()[-1] == COMPLAINT, found
                assert found.status == 1, found
            case "errors full":
                assert found.status == (usual.status or 1), found
            case "output broken" | "errors broken":
                # A command that has already failed keeps its exit code.
                assert found.status in (0, usual.status), (fault, found)
                assert COMPLAINT not in found.err.decode()
            case _:
                assert found.status == usual.status, (fault, found)
                assert found.status in (0, 1, 2, 3, 4), (fault, found)


def _shell(line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a bash command with this `netchat`; return the outcome of its first program."""
    script = f'netchat() {{ "{sys.executable}" -m netchat "$@"; }}; {line}; exit ${{PIPESTATUS[0]}}'
    return subprocess.run(
        ["bash", "-c", script],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        encoding="cp1252" if environment else "utf-8",
    )


@pytest.mark.parametrize("command", ["inspect captures/link.pcapng --tree", "codes"])
def test_a_reader_that_exits_is_not_a_failure(command):
    """The command succeeds, whether unread output is in its buffer or in the pipe."""
    done = _shell(f"netchat {command} | head -1")
    assert (done.returncode, done.stdout.count("\n")) == (0, 1)
    # The first run on a machine prints that it compiles kernels.
    assert [line for line in done.stderr.splitlines() if "compiling kernels" not in line] == []


def test_a_reader_that_exits_ends_a_chat():
    with Server("--ephemeral") as server:
        done = _shell(
            f"seq 20 | netchat client 127.0.0.1:{server.port} --name Nova --no-state --json | head -4"
        )
    assert (done.returncode, done.stderr) == (0, "")
    assert [json.loads(line)["type"] for line in done.stdout.splitlines()][:2] == [
        "online",
        "entered",
    ]


def test_characters_that_an_encoding_lacks_are_escaped():
    done = _shell("netchat craft SEND text=λ", PYTHONUTF8="0", PYTHONIOENCODING="cp1252")
    assert (done.returncode, done.stderr) == (0, "")
    assert "'\\u03bb'" in done.stdout


def test_a_full_disk_ends_a_command_with_one_line():
    done = _shell("netchat codes >/dev/full")
    assert (done.returncode, done.stderr) == (1, f"{COMPLAINT}\n")


def test_commands_work_with_closed_streams():
    done = _shell("netchat codes check uncoded:8 <&- >&- 2>&-")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
