"""`python -m tests.compatibility.record NETCHAT FOLDER`: keep what one version of netchat writes.

NETCHAT is the program of that version, FOLDER is created. Only the command line is used, so that this
works with every version. The capture needs root, and port 6464 must be free: use a network namespace
of its own, as README.md describes.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

PORT = 6464

#: Seconds within which a program does what is waited for.
TIMEOUT = 60.0

BENCH = [
    "encode-bench", "--code", "hamming:7,4", "--code", "rs:255,223",
    "--channel", "bsc:0.006", "--channel", "bec:0.1",
    "--frames", "20000", "--errors", "1000000", "--seed", "7", "--workers", "1",
]  # fmt: skip
LINKS = [
    "link-bench", "--link", "rs:255,223", "--link", "adaptive:bandit", "--link", "oracle",
    "--channel", "bsc:1e-3", "--channel", "bsc:1e-6@0.5; bsc:5e-3@0.5",
    "--seconds", "1", "--repeats", "2", "--seed", "7", "--workers", "1",
]  # fmt: skip


class Recorder:
    """The programs of one version, with their output in a scratch folder."""

    def __init__(self, netchat: str, folder: Path, scratch: Path) -> None:
        self.netchat = netchat
        self.folder = folder
        self.scratch = scratch
        state = {
            f"XDG_{kind}_HOME": str(scratch / kind.lower()) for kind in ("STATE", "DATA", "CONFIG")
        }
        self.environment = {**os.environ, **state}

    def start(self, name: str, *arguments: str) -> subprocess.Popen[str]:
        """Start a program; its output goes to NAME.out and NAME.err."""
        out, err = ((self.scratch / f"{name}.{end}").open("w") for end in ("out", "err"))
        return subprocess.Popen(
            [self.netchat, *arguments],
            stdin=subprocess.PIPE, stdout=out, stderr=err, text=True, env=self.environment,
        )  # fmt: skip

    def run(self, *arguments: str) -> str:
        """Run a program to its end; return its output."""
        return subprocess.run(
            [self.netchat, *arguments],
            check=True, capture_output=True, text=True, env=self.environment,
        ).stdout  # fmt: skip

    def wait_for(self, name: str, text: str) -> None:
        """Wait until a text is in a program's output."""
        self.wait(lambda: text in self.said(name), f"{name}: no {text!r}")

    def said(self, name: str) -> str:
        return "".join(
            (self.scratch / f"{name}.{end}").read_text("utf-8") for end in ("out", "err")
        )

    def wait(self, done: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + TIMEOUT
        while not done():
            if time.monotonic() > deadline:
                raise SystemExit(what)
            time.sleep(0.05)


def type_line(process: subprocess.Popen[str], line: str) -> None:
    """Type a line into a client."""
    stdin: IO[str] | None = process.stdin
    assert stdin is not None
    stdin.write(f"{line}\n")
    stdin.flush()


def record_chat(recorder: Recorder) -> None:
    """Record a history, the state of two killed clients, and a capture of their talk.

    Nova is killed after the server has got its last message and before the acknowledgement. Orion is
    killed with a message that no server has got.
    """
    folder, scratch = recorder.folder, recorder.scratch
    address = f"127.0.0.1:{PORT}"
    link = ["--link", "rs:255,223", "--channel", "bsc:1e-3", "--seed", "1"]
    history = scratch / "history.db"
    serve = recorder.start(
        "server", "serve", "--no-web", "--port", str(PORT), "--history", str(history), "--keep", "0"
    )
    with contextlib.ExitStack() as stack:
        stack.callback(serve.kill)
        recorder.wait_for("server", "listening")
        sniff = recorder.start(
            "sniff", "sniff", "-i", "lo", "-q", "--write", str(folder / "chat.pcapng")
        )
        stack.callback(sniff.kill)
        recorder.wait_for("sniff", "Listening")
        nova = recorder.start("nova", "client", address, "--name", "Nova", "--json")
        stack.callback(nova.kill)
        # The server compiles its kernels for the first link, and may refuse it meanwhile.
        recorder.start("orion", "client", address, "--name", "Orion", *link).communicate("/quit\n")
        orion = recorder.start("orion", "client", address, "--name", "Orion", "--json", *link)
        stack.callback(orion.kill)

        def say(process: subprocess.Popen[str], text: str, *listeners: str) -> None:
            type_line(process, text)
            for listener in listeners:
                recorder.wait_for(listener, json.dumps(text))

        recorder.wait_for("orion", "people")
        say(nova, "Hello Orion", "nova", "orion")
        say(orion, "Hello Nova, Grüße 👋", "nova", "orion")
        type_line(nova, "/create")
        recorder.wait(lambda: _room_codes(recorder.said("nova")) != [], "no room was created")
        (code,) = _room_codes(recorder.said("nova"))
        say(nova, "A room of our own", "nova")
        type_line(orion, f"/join {code}")
        recorder.wait_for("orion", code)
        say(orion, "Thank you for the code", "nova", "orion")
        type_line(nova, "/msg Orion A private message")
        recorder.wait_for("orion", "A private message")
        for client in (nova, orion):
            type_line(client, "/room lobby")
        serve.send_signal(signal.SIGSTOP)
        type_line(nova, "Stored, but never acknowledged")
        time.sleep(1)
        nova.kill()
        nova.wait()
        serve.send_signal(signal.SIGCONT)
        recorder.wait_for("orion", "Stored, but never acknowledged")
        serve.terminate()
        serve.wait()
        type_line(orion, "Written without a server")
        time.sleep(1)
        orion.kill()
        orion.wait()
        sniff.send_signal(signal.SIGINT)
        sniff.wait()
    for path in (history, *(scratch / "state" / "netchat").iterdir()):
        keep(folder / path.name, path.read_bytes())
    for name in ("nova", "orion"):
        keep(folder / f"{name}.jsonl", (scratch / f"{name}.out").read_bytes())


def keep(path: Path, data: bytes) -> None:
    """Write a compressed file: databases and their logs are mostly empty."""
    path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(data, mtime=0))


def _room_codes(said: str) -> list[str]:
    """Return the codes of the rooms in a client's JSON lines, except the lobby."""
    found = set()
    for line in said.splitlines():
        with contextlib.suppress(ValueError):
            found.add(json.loads(line).get("room", ""))
    return sorted(found - {"", "lobby", None})


def record_bench(recorder: Recorder) -> None:
    """Record a complete run of each bench, and one that was interrupted."""
    folder = recorder.folder
    keep_json(folder / "encode-bench.json", recorder.run(*BENCH, "--json", "-"))
    partial = recorder.scratch / "partial.json"
    delay = 1.0
    while not _is_partial(partial):
        partial.unlink(missing_ok=True)
        process = recorder.start("bench", *BENCH, "--resume", str(partial))
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        process.wait()
        delay += 0.1
    keep_json(folder / "encode-bench-partial.json", partial.read_text("utf-8"))
    keep_json(folder / "link-bench.json", recorder.run(*LINKS, "--json", "-"))


def _is_partial(path: Path) -> bool:
    """Return whether a run was interrupted in the middle of a point."""
    if not path.exists():
        return False
    points = json.loads(path.read_text("utf-8"))["points"]
    return any(point["batches"] and point["stopped_by"] == "interrupted" for point in points)


def keep_json(path: Path, text: str) -> None:
    """Write results without the release of the kernel on which they were measured."""
    path.write_text(text.replace(platform.release(), "RELEASE"), "utf-8")


def record_views(recorder: Recorder) -> None:
    """Record what this version decodes from the capture."""
    said = recorder.run("inspect", str(recorder.folder / "chat.pcapng"), "--json")
    keep(recorder.folder / "chat.jsonl", said.encode())


def main() -> None:
    netchat, folder = sys.argv[1], Path(sys.argv[2]).resolve()
    folder.mkdir(parents=True)
    scratch = folder / "scratch"
    scratch.mkdir()
    recorder = Recorder(netchat, folder, scratch)
    record_chat(recorder)
    record_bench(recorder)
    record_views(recorder)
    for path in sorted(folder.iterdir()):
        if path.is_file():
            print(f"{path.name:<40} {path.stat().st_size:>8,} bytes")
    shutil.rmtree(scratch)


if __name__ == "__main__":
    main()
