"""Runs the commands on the pages, as a reader would, and checks the results.

State carries over from page to page: servers keep running, files and histories stay, and names stay
reserved. Run it in its own network namespace (`unshare -n`), so that the ports on the pages are free
and captures see no other traffic. It also does what pages leave to the reader: it starts a server
where one is needed, and sends a message while a capture runs. It interrupts a server before another
one starts on the same port, and any other endless command at the end of its block.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

from tests.docs.blocks import ROOT, Block, Command, blocks, commands
from tests.docs.exceptions import ENDLESS, FAILING, NOT_RUN, REPLACEMENTS, first_match
from tests.docs.expected import differs
from tests.docs.parse import parse

__all__ = ["Session"]

#: Timeouts in seconds: for a command to finish, for one to start up, and to exit after SIGINT.
LIMIT, UP, DOWN = 120, 20, 20

PORT = 6464

#: Options with which a server does not use the default history.
_HISTORY = re.compile(r"--(ephemeral|history)\b")


#: Endless commands that run to the last page.
_LASTING = r"netchat serve\b|redis-server\b"


class Session:
    """Run of all pages.

    Args:
        folder: Empty working directory.

    Attributes:
        problems: Problems found, each with its page and line.
    """

    def __init__(self, folder: Path) -> None:
        self._page, self._folder = "", folder
        self._background: list[tuple[Command, subprocess.Popen[bytes], Path]] = []
        self._dialogue: list[Block] = []
        self.problems: list[str] = []
        for entry in ROOT.iterdir():
            if not entry.name.startswith("."):
                (folder / entry.name).symlink_to(entry)
        (folder / "home").mkdir()
        binaries = Path(sys.executable).parent
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("NETCHAT")},
            "PATH": f"{binaries}:{os.environ['PATH']}",
            "HOME": str(folder / "home"),
            "XDG_DATA_HOME": str(folder / "home"),
            "XDG_CONFIG_HOME": str(folder / "home"),
            "COLUMNS": "100",
            "PYTHONPATH": str(ROOT),
            # The counts are the same for any number, and a worker starts for longer than it counts.
            "NETCHAT_ENCODE_BENCH_WORKERS": "1",
        }

    def read(self, page: str) -> None:
        """Run the commands and programs on a page, in order.

        Args:
            page: Path from the repository's root.
        """
        self._page, self._dialogue = page, []
        for block in blocks(page):
            for command in commands(block):
                self._run(command)
            if block.language == "python" and ">>>" in block.text:
                self._dialogue.append(block)
            elif block.language == "python":
                self._run_python(block)
            self._end(lambda command: not re.match(_LASTING, command))
        if self._dialogue:
            self._run_dialogue()

    def close(self) -> None:
        """Interrupt all processes that are still running."""
        self._end(lambda _: True)

    def _problem(self, line: int, text: str, output: str = "") -> None:
        tail = "\n".join(f"    {row}" for row in output.strip().splitlines()[-15:])
        self.problems.append(f"{self._page}:{line}: {text}" + (f"\n{tail}" if tail else ""))

    # -- one command ----------------------------------------------------------------------------

    def _run(self, command: Command) -> None:
        text = re.sub(r"^sudo (-E )?", "", command.text).replace(".venv/bin/", "")
        for pattern, instead in REPLACEMENTS.items():
            text = re.sub(pattern, instead, text)
        if first_match(NOT_RUN, text):
            self._check(command, text)
            if "-- netchat serve" in text and self._conflicts(text):
                self._problem(command.line, f"`{text}`: another server has this history open")
            return
        if re.match(r"netchat serve\b", text):
            self._end(lambda other: other.startswith("netchat serve") and port(other) == port(text))
        elif re.search(rf"\bnetchat client|127\.0\.0\.1(:{PORT})?\b", text):
            self._serve()
        for word in shlex.split(text, comments=True):
            if word.endswith(
                (".pcap", ".pcapng")
            ):  # a capture may be incomplete until its writer exits
                self._end(lambda other, word=word: word in shlex.split(other))
        if first_match(ENDLESS, text):
            self._start(Command(command.line, text, command.output))
            return
        done = self._do(text)
        printed = done.stdout.decode("utf-8", "replace")
        output = printed + done.stderr.decode("utf-8", "replace")
        allowed = next((codes for p, codes in FAILING.items() if re.search(p, text)), {0})
        if done.returncode not in allowed or "Traceback" in output:
            self._problem(command.line, f"`{text}` ended with {done.returncode}", output)
        elif command.output is not None:
            # Pages show standard output, or both streams for an error.
            shown = [differs(command.output, some) for some in (printed, output)]
            if all(shown):
                self._problem(command.line, f"`{text}` does not print:\n{shown[0]}\nbut:", output)

    def _do(self, text: str) -> subprocess.CompletedProcess[bytes]:
        try:
            return subprocess.run(
                ["bash", "-c", text],
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=LIMIT,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            return subprocess.CompletedProcess(text, -1, error.stdout or b"", b"")

    def _run_python(self, block: Block) -> None:
        """Run a Python program from a page."""
        program = self._folder / "page.py"
        program.write_text(_as_program(block.text))
        if "127.0.0.1" in block.text:
            self._serve()
        self._check_python(block.line, [sys.executable, str(program)])

    def _run_dialogue(self) -> None:
        text = "\n".join(block.text for block in self._dialogue)
        dialogue = self._folder / "page.txt"
        dialogue.write_text(text)
        if "127.0.0.1" in text:
            self._serve()
        options = ["-o", "ELLIPSIS", "-o", "NORMALIZE_WHITESPACE"]
        program = [sys.executable, "-m", "doctest", *options, str(dialogue)]
        self._check_python(self._dialogue[0].line, program)

    def _check_python(self, line: int, program: list[str]) -> None:
        done = self._do(shlex.join(program))
        if done.returncode:
            output = (done.stdout + done.stderr).decode("utf-8", "replace")
            self._problem(line, "this Python program fails, or its output differs", output)

    # -- background processes -------------------------------------------------------------------

    def _start(self, command: Command) -> None:
        log = self._folder / f"output-{command.line}.txt"
        with log.open("wb") as output:
            process = subprocess.Popen(
                ["bash", "-c", f"exec {command.text}"],
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self._background.append((command, process, log))
        if command.text.startswith("netchat serve"):
            self._await(process, lambda: _listens(port(command.text)))
        else:
            self._await(process, lambda: log.stat().st_size > 0)
        if process.poll() is not None:
            self._problem(
                command.line,
                f"`{command.text}` has ended with {process.returncode}",
                log.read_text("utf-8", "replace"),
            )
        elif "sniff" in command.text:
            self._serve()
            self._do("printf 'Hello\\n' | netchat client --name Nova")

    def _await(self, process: subprocess.Popen[bytes], ready) -> None:
        until = time.monotonic() + UP
        while process.poll() is None and time.monotonic() < until and not ready():
            time.sleep(0.05)

    def _serve(self) -> None:
        if not _listens(PORT):
            self._start(Command(0, "netchat serve --ephemeral"))

    def _end(self, which) -> None:
        for entry in self._background[::-1]:  # servers before the Redis that they need
            command, process, log = entry
            if not which(command.text):
                continue
            self._background.remove(entry)
            process.send_signal(signal.SIGINT)
            try:
                status = process.wait(DOWN)
            except subprocess.TimeoutExpired:
                process.kill()
                status = process.wait()
            output = log.read_text("utf-8", "replace")
            if status not in (0, 130) or "Traceback" in output:
                self._problem(
                    command.line, f"`{command.text}` ended with {status} after Ctrl-C", output
                )
            elif command.output is not None and (shown := differs(f"{command.output}\n…", output)):
                self._problem(
                    command.line, f"`{command.text}` does not print:\n{shown}\nbut:", output
                )

    def _conflicts(self, serve: str) -> bool:
        """Return whether a server would find the history in use: hosts of a lab share the disk."""
        others = [
            command.text for command, *_ in self._background if "netchat serve" in command.text
        ]
        return any(not _HISTORY.search(f"{serve} {other}") for other in others)

    # -- commands that are only checked ---------------------------------------------------------

    def _check(self, command: Command, text: str) -> None:
        """Check that a command exists and has the given options."""
        words = shlex.split(text, comments=True)
        if words[0] == "netchat":
            with contextlib.chdir(self._folder):  # an argument may be a file of an earlier command
                works = parse(words[1:]) == 0
        elif program := _harmless(words):
            works = not self._do(program).returncode
        else:
            return
        if not works:
            self._problem(command.line, f"`{text}`: no such command or option")


def _as_program(text: str) -> str:
    """Return Python that runs as a script: a notebook allows `await` outside a function."""
    if not re.search(r"^(async|await) |= await ", text, re.M) or "asyncio.run(" in text:
        return text
    body = textwrap.indent(text, "    ")
    return f"import asyncio\nasync def main():\n{body}\nasyncio.run(main())\n"


def _harmless(words: list[str]) -> str | None:
    """Return a variant of a command that does nothing but fails if the command is wrong."""
    if words[0] == "make":
        return shlex.join(["make", "--dry-run", *words[1:]])
    if words[:2] == ["python", "-m"]:
        return shlex.join([*words[:3], "--help"])
    return None


def port(serve: str) -> int:
    """Return the chat's port of a `netchat serve` command."""
    given = re.search(r"--port (\d+)", serve)
    return int(given[1]) if given else PORT


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
