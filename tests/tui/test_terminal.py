"""The client in a terminal, tested with two clients in tmux."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.processes import ROOT, Server, free_port

pytestmark = pytest.mark.skipif(
    shutil.which("tmux") is None, reason="tmux, which plays the terminal, is not installed"
)

#: Timeout for text to appear on a screen, in seconds.
TIMEOUT = 60.0


#: The column with the times.
_TIME = re.compile(r"^(\d\d:\d\d | {6})(?=\S)")


class Screen:
    """Terminal that runs a client."""

    def __init__(
        self, socket: Path, state: Path, port: int, *options: str, in_shell: bool = False
    ) -> None:
        self._tmux = ["tmux", "-S", str(socket), "-f", os.devnull]
        command = shlex.join(
            [sys.executable, "-m", "netchat", "client", f"127.0.0.1:{port}", *options]
        )
        environment = {**os.environ, "XDG_STATE_HOME": str(state), "NO_COLOR": "1"}
        self.pane = subprocess.run(
            [
                *self._tmux,
                *("new-session", "-d", "-P", "-F", "#{pane_id}", "-x", "120", "-y", "30"),
                "bash --norc" if in_shell else f"{command}; echo ended with $?; sleep 1000",
            ],
            cwd=ROOT,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()

        if in_shell:
            self.enter(command)

    def _run(self, *command: str) -> str:
        return subprocess.run(
            [*self._tmux, *command], check=True, capture_output=True, text=True
        ).stdout

    def type(self, *keys: str) -> None:
        """Press keys: texts, or names of keys such as Enter."""
        for key in keys:
            self._run("send-keys", "-t", self.pane, key)

    def enter(self, text: str) -> None:
        """Type a line."""
        self.type(text, "Enter")

    @property
    def lines(self) -> list[str]:
        """Return the lines of the screen, without blank ones."""
        shown = self._run("capture-pane", "-p", "-t", self.pane)
        lines = (_TIME.sub("", line).rstrip() for line in shown.splitlines())
        return [line for line in lines if line.strip()]

    def see(self, text: str, *, at_end: bool = False, within: bool = False) -> None:
        """Wait until a line of the screen is `text`, or ends with it or contains it."""
        deadline = time.monotonic() + TIMEOUT
        while not any(
            text in line if within else line.endswith(text) if at_end else line == text
            for line in self.lines
        ):
            assert time.monotonic() < deadline, f"no {text!r} in\n" + "\n".join(self.lines)
            time.sleep(0.05)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    socket = tmp_path / "tmux"
    yield socket, tmp_path / "state"
    subprocess.run(["tmux", "-S", str(socket), "kill-server"], check=False, capture_output=True)


def test_two_users_chat_and_output_does_not_overwrite_the_input_line(place):
    with Server("--ephemeral") as server:
        nova = Screen(*place, server.port, "--name", "Nova")
        nova.see("[join] Nova joined the chat")
        # The second user is prompted for a name, enters a taken one, and accepts the suggestion.
        lisa = Screen(*place, server.port)
        lisa.see("Your name:")
        lisa.enter("nova")
        lisa.see("The name nova is taken; choose another one.")
        lisa.enter("")
        lisa.see("[join] nova2 joined the chat")
        lisa.enter("/nick Lisa")
        nova.see("[rename] nova2 is now Lisa")

        nova.type("half a sen")
        nova.see("lobby> half a sen")
        lisa.enter("Hello everyone")
        nova.see("Lisa: Hello everyone")
        nova.see("lobby> half a sen")  # redrawn below the message
        assert nova.lines.index("Lisa: Hello everyone") < nova.lines.index("lobby> half a sen")
        nova.enter("tence")
        lisa.see("Nova: half a sentence")
        assert "lobby> half a sentence" not in nova.lines

        lisa.type("/msg No", "Tab")
        lisa.see("lobby> /msg Nova")
        lisa.enter("psst")
        nova.see("\N{LOCK} Lisa -> you: psst")
        lisa.see("\N{LOCK} you -> Nova: psst")
        nova.enter("/frob")
        nova.see(
            "[error] Unknown command /frob; /help lists the commands. To send it as a message, write //frob."
        )

        nova.enter("/create")
        nova.see("[who] no one else is here yet")
        lisa.enter("are you there?")
        nova.see("[lobby] Lisa: are you there?")
        nova.see("also in lobby", at_end=True)

        nova.enter("quit")
        nova.see("ended with 0")
        lisa.see("[leave] Nova left the chat")
        lisa.type("C-d")
        lisa.see("ended with 0")


def test_a_lost_connection_is_shown_and_messages_typed_meanwhile_arrive(place):
    with Server("--ephemeral", port=free_port()) as server:
        nova = Screen(*place, server.port, "--name", "Nova", "--room", "ZZZZZ-ZZZZZ")
        nova.see("[room] you are in the lobby")  # an unknown room is an error, but not the end
        nova.see("[join] Nova joined the chat")
        server.kill()
        nova.see("[offline] connection lost; reconnecting")
        nova.enter("typed while offline")
        nova.see("1 not acknowledged yet", at_end=True)
        server.start()
        nova.see("Nova: typed while offline")
        nova.see("Nova  |  online, 1 here", at_end=True)
        nova.type("C-c")
        nova.see("ended with 130")


def test_the_client_is_suspended_and_resumed(place):
    with Server("--ephemeral") as server:
        nova = Screen(*place, server.port, "-n", "Nova", in_shell=True)
        nova.see("[join] Nova joined the chat")
        nova.type("half a li")
        nova.see("lobby> half a li")
        nova.type("C-z")
        nova.see("Stopped", within=True)
        lisa = Screen(*place, server.port, "-n", "Lisa")
        lisa.see("[join] Lisa joined the chat")
        lisa.enter("while it sleeps")
        lisa.see("Lisa: while it sleeps")
        nova.enter("fg")
        nova.see("Lisa: while it sleeps")
        nova.see("lobby> half a li")
        nova.enter("ne")
        lisa.see("Nova: half a line")


def test_the_past_edits_and_the_input_history(place):
    with Server("--ephemeral") as server:
        nova = Screen(*place, server.port, "-n", "Nova")
        nova.see("[join] Nova joined the chat")
        nova.enter("frist")
        nova.see("Nova: frist")
        nova.enter("/edit first")
        nova.see("[edit] Nova: first (was “frist”)")
        nova.type("Up", "Up")
        nova.see("lobby> frist")
        nova.type("C-u")
        lisa = Screen(*place, server.port, "-n", "Lisa")
        lisa.see("[join] Lisa joined the chat")
        lisa.see("Nova: first (edited)")
        lines = lisa.lines
        assert lines.index("Nova: first (edited)") < lines.index("[join] Lisa joined the chat")
        assert "Nova: frist" not in lines
        lisa.enter("/reply good morning")
        nova.see("Lisa ↩ Nova “first”: good morning")
