"""Wording: counts of one are in the singular, and one failure has one message."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from netchat.wording import cannot, cut, many, show_size
from tests.end_to_end.processes import ROOT


@pytest.mark.parametrize(
    ("count", "words", "said"),
    [
        (0, ("packet",), "0 packets"),
        (1, ("packet",), "1 packet"),
        (2000, ("packet",), "2,000 packets"),
        (1, ("byte is", "bytes are"), "1 byte is"),
        (2, ("retry", "retries"), "2 retries"),
    ],
)
def test_a_count_and_its_noun_agree(count, words, said):
    assert many(count, *words) == said


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (0, "0 bytes"), (1, "1 byte"), (999, "999 bytes"), (1000, "1.0 kB"), (9_949, "9.9 kB"),
        (9_950, "10 kB"), (999_499, "999 kB"), (999_500, "1.0 MB"), (10**9, "1.0 GB"), (10**16, "10000 TB"),
    ],
)  # fmt: skip
def test_sizes(size, shown):
    assert show_size(size) == shown


def test_a_long_text_is_cut():
    assert cut("x" * 80) == "x" * 80
    assert cut("x" * 81) == "x" * 80 + "…"


#: Nouns that messages count; constants and figures with a unit, such as `1 bytes/s`, are not counts.
_NOUN = re.compile(
    r"^ (wrong )?(bits|blocks|bytes|characters|clients|connections|datagrams|events|frames|gaps|headers|"
    r"laws|members|messages|notebooks|packets|points|retransmissions|rooms|segments|symbols|users)\b(?!/)"
)


def _counts(path: Path) -> Iterator[str]:
    """Yield the f-strings of a source in which a plural follows a number."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            parts = [ast.Constant(""), *node.values]
            for before, value, text in zip(parts, parts[1:], parts[2:], strict=False):
                if (
                    isinstance(value, ast.FormattedValue)
                    and isinstance(text, ast.Constant)
                    and _NOUN.match(str(text.value))
                    and not str(getattr(before, "value", "")).endswith(
                        "#"
                    )  # an ordinal: #1 bytes 0 to 9
                    and not ast.unparse(value.value).isupper()  # a constant
                ):
                    yield ast.unparse(node)


@pytest.mark.parametrize(
    "path",
    [
        *sorted((ROOT / "netchat" / "cli").glob("*.py")),
        *sorted((ROOT / "netchat" / "packets" / "views").glob("*.py")),
    ],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_counts_on_the_command_line_use_singular_and_plural(path):
    found = list(_counts(path))
    assert found == [], found


def test_the_reason_of_a_failure_is_the_systems():
    error = FileNotFoundError(2, "No such file or directory", "x.json")
    assert cannot("read", Path("x.json"), error) == "Cannot read x.json: No such file or directory"
    assert cannot("use", "the history h.db", ValueError("damaged")) == (
        "Cannot use the history h.db: damaged"
    )
    with pytest.raises(UnicodeDecodeError) as caught:
        b"caf\xe9".decode()
    assert cannot("read", "names.txt", caught.value) == (
        "Cannot read names.txt: byte 4 is not UTF-8"
    )


#: Messages that a file or stream cannot be used, in words of their own.
_OWN_WORDS = re.compile(
    r"^(The [\w' ]+ )?{} cannot be (read|written|opened|used|saved): {}"
    r"|[Cc]annot (read|write|open|use) (the [\w' ]+ )?{}: {}"
)


def _worded_by_hand(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            parts = [v.value if isinstance(v, ast.Constant) else "{}" for v in node.values]
            if _OWN_WORDS.search("".join(map(str, parts))):
                yield ast.unparse(node)


@pytest.mark.parametrize(
    "package", sorted(path.name for path in (ROOT / "netchat").iterdir() if path.is_dir())
)
@pytest.mark.slow
def test_a_file_that_cannot_be_used_has_one_message(package):
    found = {
        str(path.relative_to(ROOT)): list(_worded_by_hand(path))
        for path in (ROOT / "netchat" / package).rglob("*.py")
        if path.name != "streams.py"  # `netchat: cannot write standard output`, after its prefix
    }
    assert not any(found.values()), found
