"""Phrases that must not appear in netchat's text, and the places where text is found.

`python -m tests.docs.language [PATH ...]` prints every violation below the given paths.

The rules are in CONTRIBUTING.md. This list only catches the patterns that a search can catch.
"""

from __future__ import annotations

import io
import re
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["LONGEST_SENTENCE", "PHRASES", "Violation", "files", "sentences", "violations"]

ROOT = Path(__file__).parents[2]

#: Words a sentence of a lesson may have.
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
    (r"(?<![\w,] )(?<!\w)(?:for|to|of|by|from|with|at) who\b", "whom, or better: name the actor"),
    (
        r"(?:^|[.;:!] )[Ww]ho (?:has|is|was|did|does|can|may|wants|needs|asks|sends|joins|says|reads"
        r"|knows|comes)\b(?![^.]*\?)",
        "name the actor: a client that …",
    ),
    (r"\b(?:is|are|was|were) none\b", "say what is wrong: 'must be …, got …'"),
    (r"\b(?:is|was|are|were) asked for\b", "requested, wanted, selected"),
    (r"\bturn(?:s|ed|ing)?(?: \w+){0,3} over\b", "flip"),
    (r"\b(?:send|sends|sent|sending) (?:it |them |this |that )?again\b", "retransmit, resend"),
    (r"\bthe other side\b", "the peer, the receiver, the sender"),
    (r"(?<!--)\bpatience\b", "timeout"),
    (r"\bhappenings?\b", "event"),
    (r"\b(?:no place to|leaves? it away|left away)\b", "omit"),
    (r"\b(?:Take it that|goes alone|go alone|at one's ease|of its own accord)\b", "be direct"),
    (r"\bmend(?:s|ed|ing)?\b(?!\")", "fix, repair"),
    (r"\bspoil(?:s|t|ed|ing)?\b", "corrupt, damage"),
    (r"\banew\b", "again, from scratch"),
    (r"\bis to be had\b|\bare to be had\b", "is available"),
    (r"\blets? go of\b", "release, evict, drop"),
    (r"\btold of\b|\btells? of\b", "reported, describes"),
    (
        r"\bhow often it is likely\b|\bso many\b|\bso much that\b",
        "give the number or name the quantity",
    ),
    (r"\bno longer (?:in|be)\b.*\bBe in\b|^Be in\b", "use an imperative verb"),
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
    (r"\b(?:honest|faithful)ly? (?:Ethernet|about)\b|\bHonest\b", "valid, unbiased"),
    (r"\bonly who\b|\bthose who\b|\beverybody who\b", "name the actor: every client, all users"),
)

_COMPILED = tuple((re.compile(pattern, re.M), hint) for pattern, hint in PHRASES)

#: What is checked. Golden vectors, generated notebooks and this list itself are not prose.
_GLOBS = ("*.md", "docs/**/*.md", "captures/*.md", "experiments/**/*.md", "experiments/**/*.py",
          "netchat/**/*.py", "netchat/**/*.md", "netchat/**/*.js", "netchat/**/*.html",
          "netchat/**/*.lua", "tests/**/*.py", "tests/**/*.md", "Makefile", "pyproject.toml")  # fmt: skip
_SKIPPED = {"tests/docs/language.py", "CHANGELOG.md"}


@dataclass(frozen=True)
class Violation:
    """A phrase to rewrite: where it is, what was found, what to write instead."""

    path: str
    line: int
    found: str
    hint: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.found!r} -> {self.hint}"


def files() -> list[Path]:
    """Return every file whose text is checked."""
    found = {path for pattern in _GLOBS for path in ROOT.glob(pattern)}
    return sorted(
        path
        for path in found
        if path.relative_to(ROOT).as_posix() not in _SKIPPED and "solved" not in path.parts
    )


def _python(text: str) -> Iterator[tuple[int, str]]:
    """Yield the comments and the strings of a Python file, with their lines."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in (tokenize.COMMENT, tokenize.STRING):
            for offset, line in enumerate(token.string.split("\n")):
                yield token.start[0] + offset, line


def _markdown(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines of a page outside its code blocks, without inline code."""
    fence = ""
    for number, line in enumerate(text.split("\n"), start=1):
        mark = re.match(r" *(```+|~~~+)", line)
        if mark and (not fence or mark[1].startswith(fence)):
            fence = "" if fence else mark[1]
        elif not fence:
            yield number, re.sub(r"`[^`]*`", "`…`", line)


def violations(path: Path) -> Iterator[Violation]:
    """Yield the banned phrases of one file."""
    text = path.read_text("utf-8")
    parts = {".py": _python, ".md": _markdown}.get(path.suffix)
    lines = parts(text) if parts else enumerate(text.split("\n"), start=1)
    name = path.relative_to(ROOT).as_posix()
    for number, line in lines:
        for pattern, hint in _COMPILED:
            for match in pattern.finditer(line):
                yield Violation(name, number, match[0].strip(), hint)


def sentences(page: Path) -> Iterator[str]:
    """Yield the sentences of a lesson: its paragraphs and list items, without code and tables."""
    paragraph: list[str] = []
    lines = [line for _, line in _markdown(page.read_text("utf-8"))]
    for line in [*lines, ""]:
        starts = re.match(r"\s*(?:[-*#>|]|\d+\.)", line) or not line.strip()
        if starts and paragraph:
            yield from re.split(r"(?<=[.!?:;])[\"')*_]*\s+", " ".join(paragraph))
            paragraph = []
        if line.strip() and not line.lstrip().startswith(("|", "#", "<")):
            paragraph.append(re.sub(r"^\s*(?:[-*>]|\d+\.)\s*", "", line).strip())


def main() -> None:
    chosen = [Path(argument).resolve() for argument in sys.argv[1:]] or [ROOT]
    count = 0
    for path in files():
        if any(path == one or one in path.parents for one in chosen):
            for violation in violations(path):
                count += 1
                print(violation)
            if re.match(r"experiments/\d", path.relative_to(ROOT).as_posix()):
                for sentence in sentences(path):
                    if len(sentence.split()) > LONGEST_SENTENCE:
                        count += 1
                        print(f"{path.relative_to(ROOT)}: over 30 words: {sentence[:90]}…")
    print(f"{count} violations", file=sys.stderr)
    sys.exit(count > 0)


if __name__ == "__main__":
    main()
