"""Answers to options and arguments of tcpdump, tshark and ngrep, with the line that does the same."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import click

__all__ = ["HabitCommand", "suggest"]

#: Options without effect here: nothing is resolved, and lines and packets are written at once.
_NEEDLESS = "nlUtpS"

#: Options with a value, which is dropped: the snapshot length, and privileges.
_NEEDLESS_WITH_VALUE = ("-s", "-Z", "-B")

_FLAGS = {"-A": ["--hex"], "-X": ["--hex"], "-xx": ["--hex"], "-XX": ["--hex"], "-P": []}

_RENAMED = {"-R": "-Y", "-d": "-i", "-I": "-r", "-O": "--write"}

_STATISTICS = {
    "conv": ["--stats", "--tcp"], "io": ["--plot"], "follow": ["--follow"], "endpoints": ["--stats"],
    "flow": ["--ladder"], "expert": ["--stats", "--tcp"],
}  # fmt: skip

_NUMBER = re.compile(r"[0-9]+")


class HabitCommand(click.Command):
    """Command whose usage errors show the line that was probably meant."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments; an error names another line, if other programs have such options."""
        given = list(args)
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            line = suggest(self.name or "", given)
            if line is None:
                raise
            message = error.format_message().rstrip(".")
            raise click.UsageError(f"{message}. Use: {line}", ctx) from error


def suggest(command: str, args: Sequence[str]) -> str | None:
    """Return the line that does what the arguments mean to another program; None if unknown.

    Args:
        command: `inspect` or `sniff`.
        args: The arguments as typed.
    """
    left, made, files, words = list(args), list[str](), list[str](), list[str]()
    is_named = any(re.fullmatch(r"-I|--read|-[A-Za-z]*r", arg) for arg in args)
    while left:
        arg = left.pop(0)
        value = left[0] if left else ""
        new = _option(command, arg, value)
        if new is not None:
            made += new
            last = new[-1] if new else ""
            if last in _OURS_WITH_VALUE or re.fullmatch("-[A-Za-z]*[rwic]", last):
                made.append(value)  # renamed, with the same value
                left = left[1:]
            elif arg in _VALUED:
                words += value.split() if arg == "-f" else []
                left = left[1:]
        elif arg.startswith("-") and arg != "-":
            made.append(arg)
            if arg in _OURS_WITH_VALUE and left:
                made.append(left.pop(0))
        elif command == "inspect" and (not (files or words or is_named) or Path(arg).is_file()):
            files.append(arg)
        else:
            words += arg.split()
    if "-D" in made:
        return "ip -br link"
    made += _filter(command, words)
    if len(files) > 1:
        return f"mergecap -w - {shlex.join(files)} | netchat inspect {shlex.join(['-', *made])}"
    found = [*files, *made]
    if sorted(found) == sorted(args):  # only the order differs: nothing was translated
        return None
    return f"netchat {command} {shlex.join(found)}".rstrip()


#: Options of netchat that are followed by a value.
_OURS_WITH_VALUE = (
    "-Y", "--filter", "-T", "--form", "-e", "--field", "-r", "--read", "-c", "--first", "--last", "-i",
    "--interface", "-w", "--write", "--port", "--user", "--room", "--type", "--keylog", "--count",
    "--duration", "--rotate", "--keep", "--max-frame", "--room-secret", "--svg", "--compare",
)  # fmt: skip


#: Options of the other programs that are followed by a value.
_VALUED = (*_NEEDLESS_WITH_VALUE, "-z", "-C", "-G", "-W", "-a", "-b", "-f")


def _option(command: str, arg: str, value: str) -> list[str] | None:
    """Return the options here for one of another program; None if there is no such one."""
    if arg in _FLAGS:
        return _FLAGS[arg]
    if arg in _RENAMED:
        return [_RENAMED[arg]]
    if arg in _NEEDLESS_WITH_VALUE or arg == "-f":
        return []
    name, _, limit = value.partition(":")
    match arg:
        case "-q" if command == "inspect":
            return []
        case "-z":
            return _STATISTICS.get(value.partition(",")[0], ["--stats"])
        case "-C" if command == "sniff":
            return ["--rotate", value if not _NUMBER.fullmatch(value) else f"{value}MB"]
        case "-G" if command == "sniff":
            return ["--rotate", f"{value}s"]
        case "-W" if command == "sniff":
            return ["--keep", value]
        case "-a" if name == "duration":
            return ["--duration", f"{limit}s"]
        case "-b" if name in ("filesize", "duration", "files"):
            units = {"filesize": ["--rotate", f"{limit}kB"], "duration": ["--rotate", f"{limit}s"]}
            return units.get(name, ["--keep", limit])
        case _:
            pass
    if re.fullmatch(r"-[A-Za-z]+", arg) and set(arg[1:]) & set(_NEEDLESS):
        kept = "".join(letter for letter in arg[1:] if letter not in _NEEDLESS)
        return [f"-{kept}"] if kept else []
    return None


def _filter(command: str, words: list[str]) -> list[str]:
    """Return options for a filter of tcpdump, such as `tcp port 6464 and host 10.0.0.1`."""
    if not words:
        return []
    if command == "sniff" and len(words) == 2 and words[0] == "port" and words[1].isdigit():
        return ["--port", words[1]]
    parts: list[str] = []
    left, transport, side = list(words), "", ""
    while left:
        word = left.pop(0)
        if word in ("and", "or", "not", "&&", "||", "!", "(", ")"):
            parts.append(word)
        elif word in ("tcp", "udp"):
            if left and left[0] in ("port", "src", "dst"):
                transport = word
            else:
                parts.append(word)
        elif word in ("src", "dst"):
            side = word
        elif word == "port" and left:
            field = f"{transport or 'tcp'}.{side}port" if transport or side else "port"
            parts.append(f"{field} == {left.pop(0)}")
            transport = side = ""
        elif (word in ("host", "net") and left) or side:
            address = left.pop(0) if word in ("host", "net") and left else word
            prefix = "ipv6" if ":" in address else "ip"
            parts.append(f"{prefix}.{side} == {address}" if side else f"host == {address}")
            side = ""
        else:
            quoted = word.replace("\\", "\\\\").replace('"', '\\"')
            parts.append(f'text matches "{quoted}"')
    joined = parts[:1]
    for before, part in pairwise(parts):
        operators = ("and", "or", "not", "&&", "||", "!", "(")
        if before not in operators and part not in (*operators[:2], "&&", "||", ")"):
            joined.append("and")
        joined.append(part)
    return ["-Y", " ".join(joined)]
