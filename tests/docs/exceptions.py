"""Commands on the pages that the tests cannot run unchanged, and why."""

from __future__ import annotations

import re
import shutil

__all__ = ["ENDLESS", "FAILING", "NOT_RUN", "REPLACEMENTS", "first_match"]

#: Commands that run until interrupted. They must keep running, and must exit cleanly on SIGINT.
ENDLESS = (
    r"^netchat serve\b",
    r"^netchat sniff\b(?!.*--(count|duration))",
    r"^netchat noise\b",
    r"^redis-server\b",
)

#: Commands that are meant to fail, and their allowed exit codes.
FAILING = {
    r"--link none --channel": {1, 3},
    r"and room = |^netchat inspect -nnr ": {2},
}

#: Replacements for the reader's own addresses and files.
REPLACEMENTS = {
    r"\bHOST:PORT\b": "127.0.0.1:6464",
    r"\S+/handed-in\b(?!/)": "experiments/01_a_message_on_the_wire.ipynb",
    r"\bhanded-in/\S+": "experiments/01_a_message_on_the_wire.ipynb",
}

#: Commands that are not run, and why; only their names, options and arguments are checked.
NOT_RUN = {
    r"^make (test|thorough|check|coverage|format|docs|site|setup|demo|fuzz|lock|clean)\b": "takes minutes",
    r"^make (captures|notebooks|solutions|screenshots)\b": "needs root, Jupyter or a browser",
    r"^python -m tests\.(bench|fuzz|end_to_end|captures|screenshots|pictures)\b": "takes minutes",
    r"^netchat sniff -Y .*--count 1$": "waits for a message; tests of the filters run it",
    r"^netchat lab (up|exec|sniff|status|down)\b": "creates networks, as root; tests/lab covers it",
    r"^(pip|pipx|uvx|apt-get|apt|brew|git|cd|source)\b": "not a netchat command",
    r"^netchat class serve\b": "needs free ports; tests/classroom runs it",
    r"^netchat (inspect mystery/|lab solve \w)": "needs a mystery, as root; tests/mystery covers it",
    r"^netchat demo --cluster\b": "tests/cli/demo runs it",
    r"^(systemctl|journalctl|promtool|curl)\b|/opt/netchat|/etc/netchat|/usr/local/share|/var/lib/netchat": (
        "needs root and systemd"
    ),
    r"^netchat encode-bench$|^netchat link-bench\b": "takes minutes",
    r"^netchat encode-bench .*--(cluster|part|merge|rate|target-fer)\b": "tests of bench and cli run it",
    r"^netchat load .*--(users 2000|users 10000|messages 10000)\b": "takes minutes",
}
if shutil.which("redis-server") is None:
    NOT_RUN[r"^redis-(server|cli)\b|^netchat serve .*--cluster\b"] = "needs redis-server"


def first_match(patterns, command: str) -> str | None:
    """Return the first pattern that matches a command, or None."""
    return next((pattern for pattern in patterns if re.search(pattern, command)), None)
