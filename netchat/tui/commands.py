"""What a user can type: commands behind a slash, everything else is said."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from netchat.chat.room_codes import show_code

__all__ = ["COMMANDS", "Command", "Usage", "completions", "help_lines", "parse"]

#: Events that /history shows without a number, and at most.
HISTORY_DEFAULT, HISTORY_MOST = 20, 1000


@dataclass(frozen=True, slots=True)
class Usage:
    """How a command is written.

    Attributes:
        arguments: them, as the help shows them; those in brackets may be left out.
        does: what it does, for the help.
        takes: what Tab completes its first argument with: "names", "rooms" or nothing.
    """

    arguments: str
    does: str
    completes: str = ""

    @property
    def min_arguments(self) -> int:
        """Arguments that must be there."""
        return sum(not word.startswith("[") for word in self.arguments.split())

    @property
    def max_arguments(self) -> int:
        """Arguments there may be."""
        return len(self.arguments.split())


#: Every command, in the order of the help.
COMMANDS = {
    "who": Usage("[CODE]", "who is in the room", "rooms"),
    "msg": Usage("NAME TEXT", "say something to one person in private", "names"),
    "join": Usage("CODE", "join a room by its code"),
    "create": Usage("", "make a new room; give its code to whom you want there"),
    "room": Usage("CODE", "speak in another of your rooms", "rooms"),
    "rooms": Usage("", "list your rooms"),
    "leave": Usage("[CODE]", "leave the room", "rooms"),
    "history": Usage("[N]", f"show the last N events of the room ({HISTORY_DEFAULT})"),
    "nick": Usage("NAME", "take another name"),
    "link": Usage("", "show what the link to the server corrects, and at what cost"),
    "help": Usage("", "show this list"),
    "quit": Usage("", "leave the chat (so do /exit, quit, exit and Ctrl-D)"),
}
_ALIASES = {"exit": "quit"}


@dataclass(frozen=True, slots=True)
class Command:
    """A line as it was understood: a command's name and its arguments.

    What is said in the room is the command "say", with the text as its argument.
    """

    verb: str
    words: tuple[str, ...] = ()


def parse(line: str) -> Command | None:
    """Read one line of input; None if it is blank.

    A line that begins with `//` is said, with one slash.

    Raises:
        ValueError: it is meant as a command, but is none. The text says what to write.
    """
    text = line.strip()
    if not text:
        return None
    if text.casefold() in ("quit", "exit"):
        return Command("quit")
    if not text.startswith("/") or text.startswith("//"):
        return Command("say", (text[1:] if text.startswith("//") else line.rstrip(),))
    word = text.split()[0]
    verb = word[1:].casefold()
    verb = _ALIASES.get(verb, verb)
    usage = COMMANDS.get(verb)
    if usage is None:
        raise ValueError(_unknown(word))
    # The last argument may hold spaces: it is a text, or too much, which is told apart below.
    words = text[len(word) :].split(maxsplit=max(usage.max_arguments - 1, 0))
    spare = verb != "msg" and bool(words) and len(words[-1].split()) > 1
    if not usage.min_arguments <= len(words) <= usage.max_arguments or spare:
        raise ValueError(f"Write /{verb} {usage.arguments}".rstrip() + f": {usage.does}.")
    if verb == "history" and words and not (words[0].isdecimal() and int(words[0]) > 0):
        raise ValueError(f"{words[0]!r} is no number of events; write for example /history 50.")
    return Command(verb, tuple(words))


def _unknown(word: str) -> str:
    near = difflib.get_close_matches(word[1:].casefold(), [*COMMANDS, *_ALIASES], n=1)
    hint = f"did you mean /{near[0]}?" if near else "/help lists the commands."
    return f"There is no command {word[:40]}; {hint} To say it, write /{word[:40]}."


def help_lines() -> list[str]:
    """The commands, one line each."""
    written = {
        f"/{verb} {usage.arguments}".rstrip(): usage.does for verb, usage in COMMANDS.items()
    }
    width = max(map(len, written))
    return [f"{command:<{width}}  {does}" for command, does in written.items()]


def completions(before: str, names: Iterable[str], rooms: Iterable[str]) -> tuple[int, list[str]]:
    """What Tab offers.

    Args:
        before: the line in front of the cursor.
        names: the people that are known of.
        rooms: codes of the rooms the user is in.

    Returns:
        How many characters in front of the cursor are replaced, and by what.
    """
    begun, *arguments = before.lstrip().split(" ")
    if begun.startswith("/") and not arguments:
        offered = [f"/{verb}" for verb in COMMANDS]
        word = begun
    else:
        usage = COMMANDS.get(begun[1:].casefold()) if begun.startswith("/") else None
        first = usage is None or len(arguments) == 1
        takes = usage.completes if usage is not None and first else "names"
        offered = list(names) if takes == "names" else []
        if takes == "rooms":
            offered = [show_code(code) for code in rooms]
        word = arguments[-1] if arguments else begun
    if not word and offered and not before.startswith("/"):
        return 0, []  # nothing is begun: Tab on an empty line offers nobody
    return len(word), [o for o in offered if o.casefold().startswith(word.casefold())]
