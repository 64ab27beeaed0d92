"""What a page tells people to type and a test cannot do as it stands, and why."""

from __future__ import annotations

import re

__all__ = ["ENDLESS", "FAILING", "INSTEAD", "NOT_HERE", "first"]

#: Commands that go on until they are stopped. They must still be there after a while, and then end
#: well when they are interrupted.
ENDLESS = (
    r"^netchat serve\b",
    r"^netchat sniff\b(?!.*--(count|duration))",
    r"^netchat noise\b",
)

#: Commands that are shown because they fail, and the exit codes that they may have.
FAILING = {
    r"--link none --channel": {1, 3},
}

#: What stands for something else: addresses and files of the reader's own.
INSTEAD = {
    r"\bHOST:PORT\b": "127.0.0.1:6464",
    r"\bhanded-in/\S+": "experiments/01_a_message_on_the_wire.ipynb",
}

#: Commands that are not run: their names, options and arguments are checked and no more.
NOT_HERE = {
    r"^make (test|check|format|docs|site|setup|demo|fuzz|lock|clean)\b": "takes minutes",
    r"^make (captures|notebooks|solutions|screenshots)\b": "needs root, Jupyter or a browser",
    r"^python -m tests\.(bench|fuzz|end_to_end|captures|screenshots|pictures)\b": "takes minutes",
    r"^netchat lab (up|exec|sniff|status|down)\b": "makes networks, as root; tests/lab does that",
    r"^(pip|pipx|apt-get|apt|brew|git|cd|source)\b": "is no command of netchat",
    r"^netchat encode-bench$|^netchat link-bench\b": "takes minutes",
    r"^netchat load .*--(users 2000|messages 10000)\b": "takes minutes",
}


def first(patterns, command: str) -> str | None:
    """The first of the patterns that a command matches."""
    return next((pattern for pattern in patterns if re.search(pattern, command)), None)
