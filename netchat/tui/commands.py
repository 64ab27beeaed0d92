"""Parser of the user's input: a line with a slash is a command, any other line a message."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from netchat.chat.room_codes import show_code

__all__ = ["COMMANDS", "PASSWORDS", "ParsedLine", "Usage", "completions", "help_lines", "parse"]

#: Default and maximum number of events of /history.
HISTORY_DEFAULT, HISTORY_MOST = 20, 1000


@dataclass(frozen=True, slots=True)
class Usage:
    """Syntax of a command.

    Attributes:
        arguments: Arguments as the help shows them; those in brackets are optional.
        does: Description for the help.
        completes: Completion of the first argument: "names", "rooms" or nothing.
        role: Least rights that it needs: 0 member, 1 moderator, 2 owner.
        is_open_ended: Whether the last argument is a text of any number of words.
        is_whole: Whether the action parses its arguments itself, as one text.
    """

    arguments: str
    does: str
    completes: str = ""
    role: int = 0
    is_open_ended: bool = False
    is_whole: bool = False

    @property
    def min_arguments(self) -> int:
        """Minimum number of arguments."""
        return sum(not word.startswith("[") for word in self.arguments.split())

    @property
    def max_arguments(self) -> int:
        """Maximum number of arguments."""
        return len(self.arguments.split())


#: Every command, in the order of the help.
COMMANDS = {
    "who": Usage("[CODE]", "list the members of the room", "rooms"),
    "msg": Usage("NAME TEXT", "send a private message", "names", is_open_ended=True),
    "join": Usage(
        "CODE [SECRET]", "join a room by its code; a sealed one by CODE#SECRET or words",
        is_open_ended=True,
    ),
    "create": Usage("[--sealed]", "create a room; --sealed encrypts its texts end to end"),
    "room": Usage("CODE", "switch to another of your rooms", "rooms"),
    "rooms": Usage("", "list your rooms"),
    "leave": Usage("[CODE]", "leave the room", "rooms"),
    "history": Usage("[N]", f"show the last N events of the room (default {HISTORY_DEFAULT})"),
    "search": Usage(
        "WORDS", "show the last messages of the room that contain all words", is_whole=True
    ),
    "edit": Usage(
        "[#N] TEXT", "change your last message, or the one with number N (see /history)",
        is_whole=True,
    ),
    "delete": Usage("[#N]", "delete your last message, or the one with number N", is_whole=True),
    "reply": Usage(
        "[#N] TEXT", "answer the last message, the one with number N, or the last of @NAME",
        is_whole=True,
    ),
    "react": Usage(
        "[#N] EMOJI", "react to it, or take that back; also +1, -1, heart, joy, tada", is_whole=True
    ),
    "nick": Usage("NAME", "change your name"),
    "register": Usage("[INVITATION]", "register your name, with a password"),
    "login": Usage("NAME", "log in to an account"),
    "logout": Usage("[everywhere]", "log out and leave the chat; everywhere: on all devices"),
    "passwd": Usage("", "change the password of your account"),
    "safety": Usage(
        "[NAME] [ACTION]",
        "show the safety number of the room, or of you and a user; actions: verified, forget",
        "names",
    ),
    "rekey": Usage("", "give the sealed room a new secret; old links stop working"),
    "link": Usage("", "show the state of the link and its corrections"),
    "send": Usage("FILE", "send a file to the room", is_open_ended=True),
    "sendto": Usage("NAME FILE", "send a file to a user", "names", is_open_ended=True),
    "save": Usage("N [FILE]", "save the file with number N", is_open_ended=True),
    "pause": Usage("[N]", "pause all transfers of files, or the one with number N"),
    "resume": Usage("[N]", "continue them"),
    "cancel": Usage("[N]", "give them up"),
    "export": Usage("FILE", "save the room's log, as .txt, .jsonl, .csv or .html"),
    "help": Usage("", "show this list"),
    "quit": Usage("", "leave the chat (also /exit, quit, exit and Ctrl-D)"),
    "kick": Usage("NAME [REASON]", "remove a member, who may return", "names", 1, True),
    "mute": Usage(
        "NAME [TIME] [REASON]", "reject a member's messages, for example for 10m", "names", 1, True
    ),
    "unmute": Usage("NAME", "let a member write again", "names", 1),
    "ban": Usage(
        "NAME [TIME] [REASON]",
        "remove a user's name and device, for example for 2h; also name:NAME, device:NAME, address:NAME",
        "names", 1, True,
    ),
    "unban": Usage("NAME", "lift a ban; also by #NUMBER or address", "", 1),
    "bans": Usage("", "list the bans of the room", "", 1),
    "title": Usage("[TITLE]", "give the room a title, or remove it", "", 1, True),
    "lock": Usage("[REASON]", "let no new members in", "", 1, True),
    "unlock": Usage("", "let new members in again", "", 1),
    "readonly": Usage("[REASON]", "let only moderators write", "", 1, True),
    "writable": Usage("", "let everyone write again", "", 1),
    "clear": Usage("[REASON]", "delete the history of the room for everyone", "", 1, True),
    "close": Usage("[REASON]", "delete the room and remove its members", "", 1, True),
    "op": Usage("NAME", "make a user a moderator", "names", 2),
    "deop": Usage("NAME", "take away a moderator's rights", "names", 2),
}  # fmt: skip

#: Passwords that a command needs. A front end reads them without showing them, and passes them to
#: `run_command`; a prompt that begins with "Repeat" is for typing mistakes.
PASSWORDS = {
    "login": ("Password: ",),
    "register": ("New password: ", "Repeat it: "),
    "passwd": ("Current password: ", "New password: ", "Repeat it: "),
}

_ALIASES = {"exit": "quit"}


@dataclass(frozen=True, slots=True)
class ParsedLine:
    """A line of input: name of a command and its arguments.

    A message to the room is the command "say", with the text as its argument.
    """

    verb: str
    words: tuple[str, ...] = ()


def parse(line: str) -> ParsedLine | None:
    """Parse one line of input; return None if it is blank.

    A line that begins with `//` is a message that begins with one slash.

    Raises:
        ValueError: The command does not exist or has wrong arguments. The text gives its syntax.
    """
    text = line.strip()
    if not text:
        return None
    if text.casefold() in ("quit", "exit"):
        return ParsedLine("quit")
    if not text.startswith("/") or text.startswith("//"):
        return ParsedLine("say", (text[1:] if text.startswith("//") else line.rstrip(),))
    word = text.split()[0]
    verb = word[1:].casefold()
    verb = _ALIASES.get(verb, verb)
    usage = COMMANDS.get(verb)
    if usage is None:
        raise ValueError(_unknown(word))
    if usage.is_whole:
        written = text[len(word) :].strip()
        if usage.min_arguments and not written:
            raise ValueError(_syntax(verb, usage))
        return ParsedLine(verb, (written,))
    # The last argument may contain spaces: either it is a text, or there are too many arguments.
    words = text[len(word) :].split(maxsplit=max(usage.max_arguments - 1, 0))
    has_surplus = not usage.is_open_ended and bool(words) and len(words[-1].split()) > 1
    if not usage.min_arguments <= len(words) <= usage.max_arguments or has_surplus:
        raise ValueError(_syntax(verb, usage))
    if verb == "history" and words and not (words[0].isdecimal() and int(words[0]) > 0):
        raise ValueError(
            f"N must be a positive number, got {words[0]!r}; write for example /history 50."
        )
    if verb == "logout" and words and words[0].casefold() != "everywhere":
        raise ValueError(f"Usage: /{verb} {usage.arguments} ({usage.does}).")
    return ParsedLine(verb, tuple(words))


def _syntax(verb: str, usage: Usage) -> str:
    return f"Usage: /{verb} {usage.arguments}".rstrip() + f" ({usage.does})."


def _unknown(word: str) -> str:
    near = difflib.get_close_matches(word[1:].casefold(), [*COMMANDS, *_ALIASES], n=1)
    hint = f"did you mean /{near[0]}?" if near else "/help lists the commands."
    return f"Unknown command {word[:40]}; {hint} To send it as a message, write /{word[:40]}."


def help_lines(role: int = 0) -> list[str]:
    """Return the help, one line per command that a user may use.

    Args:
        role: The user's rights in the current room: 0 member, 1 moderator, 2 owner.
    """
    written = {
        f"/{verb} {usage.arguments}".rstrip(): usage.does
        for verb, usage in COMMANDS.items()
        if usage.role <= role
    }
    width = max(map(len, written))
    return [f"{command:<{width}}  {does}" for command, does in written.items()]


def completions(
    before: str, names: Iterable[str], rooms: Iterable[str], role: int = 0
) -> tuple[int, list[str]]:
    """Return the completions of a line.

    Args:
        before: Line up to the cursor.
        names: User names to offer.
        rooms: Codes of the user's rooms.
        role: The user's rights in the current room.

    Returns:
        Number of characters before the cursor to replace, and the candidates.
    """
    begun, *arguments = before.lstrip().split(" ")
    if begun.startswith("/") and not arguments:
        offered = [f"/{verb}" for verb, usage in COMMANDS.items() if usage.role <= role]
        word = begun
    else:
        usage = COMMANDS.get(begun[1:].casefold()) if begun.startswith("/") else None
        first = usage is None or len(arguments) == 1
        takes = usage.completes if usage is not None and first else "names"
        offered = list(names) if takes == "names" else []
        word = arguments[-1] if arguments else begun
        if word.startswith("@"):
            offered = [f"@{name}" for name in names]
        if takes == "rooms":
            offered = [show_code(code) for code in rooms]
    if not word and offered and not before.startswith("/"):
        return 0, []  # Tab on an empty line offers no names
    return len(word), [o for o in offered if o.casefold().startswith(word.casefold())]
