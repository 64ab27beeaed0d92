"""Traces by strace: which system call ended before another one began."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

__all__ = ["Call", "faults", "read_trace", "strace", "unusable"]

_CALLS = "fdatasync,fsync,pwrite64,write,writev,sendto,sendmsg,sendmmsg"
_SENDS = {"write", "writev", "sendto", "sendmsg", "sendmmsg"}
_SYNCS = {"fdatasync", "fsync"}

_WHOLE = re.compile(r"(\d+) +(\w+)\((.*)\) += (-?\d+)")
_BEGUN = re.compile(r"(\d+) +(\w+)\((.*) <unfinished \.\.\.>$")
_ENDED = re.compile(r"(\d+) +<\.\.\. (\w+) resumed>(.*)\) += (-?\d+)")


class Call(NamedTuple):
    """A system call; `began` and `ended` are line numbers of the trace, which give the order."""

    name: str
    arguments: str
    began: int
    ended: int


def strace(to: Path) -> list[str]:
    """Return the command that runs another one under strace.

    -f follows threads; -y names the file of each descriptor; -s is longer than a page of the
    database, so that a message is found in it.
    """
    return ["strace", "-f", "-y", "-s", "9000", "-o", str(to), "-e", f"trace={_CALLS}"]


def unusable() -> str:
    """Return why strace cannot be used here, or an empty string."""
    if shutil.which("strace") is None:
        return "strace is not installed (apt-get install strace)"
    test = subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, check=False)
    return "" if test.returncode == 0 else f"strace is not permitted here: {test.stderr.decode()}"


def read_trace(path: Path) -> list[Call]:
    """Return the calls in a trace, in the order in which they began."""
    calls: list[Call] = []
    open_calls: dict[str, int] = {}
    for number, line in enumerate(path.read_text(errors="replace").splitlines()):
        if found := _WHOLE.match(line):
            calls.append(Call(found[2], found[3], number, number))
        elif found := _BEGUN.match(line):
            open_calls[found[1]] = len(calls)
            calls.append(Call(found[2], found[3], number, number))
        elif (found := _ENDED.match(line)) and found[1] in open_calls:
            at = open_calls.pop(found[1])
            calls[at] = calls[at]._replace(arguments=calls[at].arguments + found[3], ended=number)
    return calls


def faults(calls: list[Call], message: str) -> Iterator[str]:
    """Return what is wrong with the order in which a message was written, synced and sent.

    Args:
        calls: System calls of the server.
        message: Text that no other message contains.
    """
    written = [c for c in calls if c.name == "pwrite64" and "-wal>" in c.arguments]
    written = [c for c in written if message in c.arguments]
    shown = [c for c in calls if c.name in _SENDS and "<socket:" in c.arguments]
    shown = [c for c in shown if message in c.arguments]
    if not written:
        yield f"{message}: was never written to the write-ahead log"
    if not shown:
        yield f"{message}: was never sent to a client"
    if not written or not shown:
        return
    synced = [
        c
        for c in calls
        if c.name in _SYNCS and "-wal>" in c.arguments and c.began > written[0].ended
    ]
    if not synced:
        yield f"{message}: the log was not synced after its write"
    elif synced[0].ended > shown[0].began:
        yield f"{message}: was sent (line {shown[0].began}) before its sync ended ({synced[0].ended})"
