"""Fenced blocks of a Markdown page, and the commands in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PAGES", "ROOT", "Block", "Command", "blocks", "commands"]

ROOT = Path(__file__).parents[2]

_LINK = re.compile(r"\]\(([\w/.]+\.md)\)")


def _reading_order() -> list[str]:
    """Return every page: the README, those it links to in order, and the rest."""
    found = sorted(
        path.relative_to(ROOT).as_posix()
        for pattern in ("*.md", "docs/*.md", "captures/*.md", "experiments/*.md", "tests/*/*.md")
        for path in ROOT.glob(pattern)
    )
    contents = (ROOT / "README.md").read_text("utf-8").partition("## Where things are")[2]
    linked = [page for page in _LINK.findall(contents) if page in found]
    return list(dict.fromkeys(["README.md", *linked, *found]))


#: Every page, in reading order. tests/course runs the course's notebooks.
PAGES = _reading_order()

_FENCE = re.compile(r"^( *)(```+|~~~+) *([\w+-]*)")

#: A comment after a command. A `#` without spaces around it belongs to the command.
_COMMENT = re.compile(r"(^|\s+)#(\s.*)?$")


@dataclass(frozen=True)
class Block:
    """Fenced block.

    Attributes:
        page: Path of the page from the repository's root.
        line: Line of the page on which its text begins.
        language: Info string of its opening fence.
        text: Content without the fences.
    """

    page: str
    line: int
    language: str
    text: str


@dataclass(frozen=True)
class Command:
    """Command line of a block.

    Attributes:
        line: Line of the page.
        text: The command, without prompt and comment.
        output: Output that the page shows; None if it shows none.
    """

    line: int
    text: str
    output: str | None = None


def blocks(page: str) -> list[Block]:
    """Return the fenced blocks of a page, in order."""
    found: list[Block] = []
    fence = language = ""
    begins, indent, lines = 0, 0, list[str]()
    for number, line in enumerate((ROOT / page).read_text("utf-8").splitlines(), 1):
        match = _FENCE.match(line)
        if not fence and match:
            indent, fence, language = len(match[1]), match[2], match[3]
            begins, lines = number + 1, []
        elif fence and line.strip() == fence:
            found.append(Block(page, begins, language, "\n".join(lines)))
            fence = ""
        elif fence:
            lines.append(line[indent:] if line[:indent].isspace() or not indent else line)
    assert not fence, f"{page}:{begins}: this block does not end"
    return found


def commands(block: Block) -> list[Command]:
    """Return the shell commands of a block: all lines of `sh`, and lines after `$` elsewhere."""
    if block.language in ("sh", "bash", "shell"):
        return list(_lines(block))
    if block.language in ("", "console", "text") and block.text.startswith("$ "):
        return list(_prompts(block))
    return []


def _lines(block: Block):
    begun, text = 0, ""
    for number, line in enumerate(block.text.splitlines(), block.line):
        begun = begun if text else number
        text += _COMMENT.sub("", line).strip()
        if text.endswith("\\"):
            text = text[:-1]
            continue
        if text:
            yield Command(begun, text)
        text = ""


def _prompts(block: Block):
    lines = block.text.splitlines()
    starts = [at for at, line in enumerate(lines) if line.startswith("$ ")]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        text, at = lines[start][2:], start + 1
        while text.endswith("\\"):
            text, at = text[:-1] + lines[at].strip(), at + 1
        output = "\n".join(lines[at:end]).strip("\n")
        text = _COMMENT.sub("", text).strip()
        yield Command(block.line + start, text, output or None)
