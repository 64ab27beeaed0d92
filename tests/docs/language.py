"""Phrases that must not appear in netchat's text, and the places where text is found.

`python -m tests.docs.language [PATH ...]` prints every violation below the given paths.

The rules are in CONTRIBUTING.md. This list only catches the patterns that a search can catch.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

__all__ = [
    "LONGEST_SENTENCE",
    "PHRASES",
    "Violation",
    "files",
    "headless",
    "long_sentences",
    "phrases",
    "repeated_sentences",
    "sentences",
    "violations",
]

ROOT = Path(__file__).parents[2]

#: Limit on the words of a sentence in the lessons, their solutions and their hints.
LONGEST_SENTENCE = 30

_PROXY = (
    r"(?:(?:a|an|the|its|your|one|reverse|same) )*"
    r"(?:NAT|proxy|proxies|firewall|load balancer|HAProxy|nginx|Caddy)"
)

#: A pattern, and what to write instead.
PHRASES: tuple[tuple[str, str], ...] = (
    (rf"\bbehind\b(?! {_PROXY})", "after, following, below (behind is for proxies and NAT)"),
    (rf"\bin front of\b(?! {_PROXY})", "before, ahead of"),
    (r"\b(?:whoever|whosoever|whomever)\b", "name the actor: the client, the peer, the user"),
    (r"\b(?:somebody|someone else's)\b", "name the actor: a user, a peer, a client"),
    (r"\bnobody\b", "no user, no client, no other connection"),
    (r"(?<!Hello )\beverybody\b", "every user, all clients, all members"),
    (r"\bunder way\b|\bfor ever\b", "in flight, in transit, running; forever"),
    (
        r"\b(?:is|are|was|were) taken for\b|\btakes? (?:\w+ ){1,3}for one\b",
        "mistaken for, treated as",
    ),
    (r"\blets? (?:it |them )?in\b|\blet in\b", "admit, accept"),
    (r"\b(?:is|are|was|were) held to\b", "must obey, are checked against"),
    (r"\bmust not forget\b|\bhow it ends\b|\bwhat came of\b", "name the thing"),
    (r"\bbrought (?:home|forth)\b|\bsays so of\b|\bcomes? to rest\b", "be plain"),
    (r"(?<![\w,] )(?<!\w)(?:for|to|of|by|from|with|at) who\b", "whom, or better: name the actor"),
    (
        r"(?:^|[.;:!] )who (?:has|is|was|did|does|can|may|wants|needs|asks|sends|joins|says|reads"
        r"|knows|comes)\b(?![^.]*\?)",
        "name the actor: a client that …",
    ),
    (r"\b(?:is|are|was|were) (?-i:none)\b", "say what is wrong: 'must be …, got …'"),
    (r"\b(?:is|was|are|were) asked for\b", "requested, wanted, selected"),
    (r"\bturn(?:s|ed|ing)?(?: \w+){0,3} over\b", "flip"),
    (r"\b(?:send|sends|sent|sending) (?:it |them |this |that )?again\b", "retransmit, resend"),
    (r"\bthe other side\b", "the peer, the receiver, the sender"),
    (r"\bpatience\b", "timeout"),
    (r"\bhappenings?\b", "event"),
    (r"\b(?:no place to|leaves? it away|left away)\b", "omit"),
    (r"\b(?:Take it that|goes alone|go alone|at one's ease|of its own accord)\b", "be direct"),
    (r"\bmend(?:s|ed|ing)?\b", "fix, repair"),
    (r"\bspoil(?:s|t|ed|ing)?\b", "corrupt, damage"),
    (r"\banew\b", "again, from scratch"),
    (r"\bis to be had\b|\bare to be had\b", "is available"),
    (r"\blets? go of\b", "release, evict, drop"),
    (r"\btold of\b|\btells? of\b", "reported, describes"),
    (
        r"\bhow often it is likely\b|\bso many\b|\bso much that\b",
        "give the number or name the quantity",
    ),
    (r"^Be in\b", "use an imperative verb"),
    (r"\bstands? (?:for itself|by itself|by themselves|behind|beside)\b", "be specific"),
    (r"\bthe field's own\b|\bby the byte\b|\bfor the eye\b|\bat home on\b", "be plain"),
    (
        r"\bwhat (?:it|they) (?:is|are) in\b|\bwhere (?:chance|the chance) begins\b",
        "state; random seed",
    ),
    (r"\bas it should\b|\bkeeps? company\b|\bin company\b", "be specific"),
    (r"\b(?:thereupon|thereof|whereupon|wherein|therein|hereby)\b", "plain words"),
    (
        r"\bdoes not (?:take|takes) in\b"
        r"|\btak(?:e|es|en|ing) (?:it |them |bytes |what )?in\b",
        "read, receive, accept",
    ),
    (r"\b(?:honest|faithful)ly? (?:Ethernet|about)\b|^Honest\b", "valid, unbiased"),
    (r"\bonly who\b|\bthose who\b|\beverybody who\b", "name the actor: every client, all users"),
    (r"\b(?:an)?other (?:\w+ ){1,3}than\b", "different … from, or name the difference"),
    (r", also (?:while|when|after|if|those|(?:of )?the one)\b", "even while, including"),
    (r"[,;] else (?:0|-1|empty|None|an? )", "otherwise"),
    (r"\bplaces? in the (?:\w+'s )?log\b", "position in the log"),
    (r"^Most (?:bytes|entries|rooms|users|events)\b", "maximum number of, maximum size"),
    (r"^Learns? (?:that|whether|of)\b", "handle, record, report; called with"),
)

_COMPILED = tuple((re.compile(pattern, re.I), hint) for pattern, hint in PHRASES)

#: Names that contain a banned word and must stay: a JSON key of `doctor`, an option of `replay`.
_EXCEPTIONS = re.compile(r"^mend$|--patience\b")

#: What is checked. Golden vectors, generated notebooks and this list itself are not prose.
_GLOBS = ("*.md", "docs/**/*.md", "captures/*.md", "experiments/**/*.md", "experiments/**/*.py",
          "netchat/**/*.py", "netchat/**/*.md", "netchat/**/*.js", "netchat/**/*.html",
          "netchat/**/*.lua", "tests/**/*.py", "tests/**/*.md", "Makefile", "pyproject.toml")  # fmt: skip
_SKIPPED = {
    "tests/docs/language.py", "tests/docs/test_language.py", "CHANGELOG.md",
    # Lists of words, and code of others.
    "netchat/chat/sealing/wordlist.py", "netchat/web/page/words.js",
    "netchat/web/page/hpke.js", "netchat/web/page/qrcode.js",
}  # fmt: skip


@dataclass(frozen=True)
class Violation:
    """A text to rewrite: where it is, what was found, what to write instead."""

    path: str
    line: int
    found: str
    hint: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.found!r} -> {self.hint}"


class _Block:
    """A paragraph, a string or a comment, line by line."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.lines: list[str] = []

    def add(self, number: int, line: str) -> None:
        """Append a line of the file."""
        self.numbers.append(number)
        self.lines.append(line.strip())

    @property
    def text(self) -> str:
        """The text on one line, so that a phrase is found across a line break."""
        return " ".join(self.lines)

    def line(self, offset: int) -> int:
        """Return the number of the line that contains an offset of `text`."""
        starts = [0, *accumulate(len(line) + 1 for line in self.lines)]
        return self.numbers[bisect_right(starts, offset) - 1]


def files() -> list[Path]:
    """Return every file whose text is checked."""
    found = {path for pattern in _GLOBS for path in ROOT.glob(pattern)}
    return sorted(
        path
        for path in found
        if path.relative_to(ROOT).as_posix() not in _SKIPPED and "solved" not in path.parts
    )


#: Tokens between the parts of a string that is written in several pieces.
_BETWEEN = {tokenize.NL, tokenize.COMMENT} | {
    getattr(tokenize, name) for name in ("FSTRING_START", "FSTRING_END") if hasattr(tokenize, name)
}
_STRINGS = {tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}


def _python(text: str) -> Iterator[_Block]:
    """Yield the comments and the strings of a Python file; adjacent strings are one block."""
    string, comment = _Block(), _Block()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in _STRINGS:
            content = token.string.strip("rbfuRBFU").strip("\"'")
            for number, line in enumerate(content.split("\n"), start=token.start[0]):
                string.add(number, line)
        elif string.lines and token.type not in _BETWEEN:
            yield string
            string = _Block()
        if token.type == tokenize.COMMENT:
            if comment.numbers and token.start[0] != comment.numbers[-1] + 1:
                yield comment
                comment = _Block()
            comment.add(token.start[0], token.string.lstrip("#: "))
    yield comment


def _paragraphs(lines: list[str], marks: str) -> Iterator[_Block]:
    """Yield the lines between blank ones, without indentation and the marks of comments."""
    block = _Block()
    for number, line in enumerate([*lines, ""], start=1):
        if line.strip():
            block.add(number, line.strip().lstrip(marks))
        else:
            yield block
            block = _Block()


def _prose(text: str) -> list[str]:
    """Return the lines of a page, empty in code blocks and without inline code."""
    fence, lines = "", []
    for line in text.split("\n"):
        mark = re.match(r" *(```+|~~~+)", line)
        if mark and (not fence or mark[1].startswith(fence)):
            fence = "" if fence else mark[1]
            lines.append("")
        else:
            lines.append("" if fence else re.sub(r"`[^`]*`", "`…`", line))
    return lines


def phrases(path: Path) -> Iterator[Violation]:
    """Yield the banned phrases of one file."""
    text = path.read_text("utf-8")
    if path.suffix == ".py":
        blocks = _python(text)
    elif path.suffix == ".md":
        blocks = _paragraphs(_prose(text), ">")
    else:
        blocks = _paragraphs(text.split("\n"), "/*#-")
    name = path.relative_to(ROOT).as_posix()
    for block in blocks:
        prose = _EXCEPTIONS.sub(lambda match: "…" * len(match[0]), block.text)
        for pattern, hint in _COMPILED:
            for match in pattern.finditer(prose):
                yield Violation(name, block.line(match.start()), match[0].strip(), hint)


#: A docstring or comment without a noun or a verb at its start: "What a client sends."
_HEADLESS = re.compile(
    r"^ *(?:\"{3}|#:? )"
    r"(?:What|How|Who|Where (?:the|it|a)|That|Every(?:body|thing)|Nobody|Nothing|Somebody)\b(?!.*\?)"
)


def headless(path: Path) -> Iterator[Violation]:
    """Yield the docstrings and comments of code that open with a pronoun or a question word."""
    name = path.relative_to(ROOT).as_posix()
    for number, line in enumerate(path.read_text("utf-8").split("\n"), start=1):
        if path.suffix == ".py" and (match := _HEADLESS.match(line)):
            yield Violation(name, number, match[0].strip(), "open with a noun or an imperative")


def sentences(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the sentences of a page, or of the strings of a Python file, with their lines.

    Code, tables and headings have none. Headings and list items end a sentence.
    """
    text = path.read_text("utf-8")
    for line, paragraph in _strings(text) if path.suffix == ".py" else _items(text):
        for sentence in re.split(r"(?<=[.!?])[\"')*_]*\s+", paragraph):
            yield line, sentence


def _items(text: str) -> Iterator[tuple[int, str]]:
    """Yield the paragraphs and list items of a page, each on one line."""
    paragraph: list[str] = []
    start = 0
    for number, line in enumerate([*_prose(text), ""], start=1):
        starts = re.match(r"\s*(?:[-*#>|]|\d+\.) ", line) or not line.strip()
        if starts and paragraph:
            yield start, " ".join(paragraph)
            paragraph = []
        if line.strip() and not line.lstrip().startswith(("|", "#", "<")):
            start = start if paragraph else number
            paragraph.append(re.sub(r"^\s*(?:[-*>]|\d+\.)\s*", "", line).strip())


def _strings(text: str) -> Iterator[tuple[int, str]]:
    """Yield the strings of a Python file, with the values in f-strings as one word each."""
    tree = ast.parse(text)
    inner = {
        part for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = (
                getattr(part, "value", "") if isinstance(part, ast.Constant) else "…"
                for part in node.values
            )
            yield node.lineno, "".join(str(part) for part in parts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in inner:
            yield from ((node.lineno, item) for item in node.value.split("\n\n"))


def long_sentences(path: Path) -> Iterator[Violation]:
    """Yield the sentences of a lesson's page or checks that are too long."""
    name = path.relative_to(ROOT).as_posix()
    if not name.startswith("experiments/"):
        return
    for line, sentence in sentences(path):
        if (words := len(sentence.split())) > LONGEST_SENTENCE:
            hint = f"at most {LONGEST_SENTENCE} words, not {words}"
            yield Violation(name, line, f"{sentence[:80]}…", hint)


def repeated_sentences(path: Path) -> Iterator[Violation]:
    """Yield the sentences of a page that end like the one before them."""
    last: list[str] = []
    for line, sentence in sentences(path) if path.suffix == ".md" else ():
        end = sentence.split()[-6:]
        if end == last and len(end) == 6:
            hint = "delete it: the sentence before ends alike"
            yield Violation(path.relative_to(ROOT).as_posix(), line, f"{sentence[:80]}…", hint)
        last = end


def violations(path: Path) -> Iterator[Violation]:
    """Yield everything to rewrite in one file."""
    yield from phrases(path)
    yield from headless(path)
    yield from long_sentences(path)
    yield from repeated_sentences(path)


def main() -> None:
    chosen = [Path(argument).resolve() for argument in sys.argv[1:]] or [ROOT]
    paths = [path for path in files() if any(path.is_relative_to(one) for one in chosen)]
    found = [violation for path in paths for violation in violations(path)]
    print(*found, sep="\n", end="\n" if found else "")
    print(f"{len(found)} violations", file=sys.stderr)
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
