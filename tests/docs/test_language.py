"""The text of code, docs, lessons and page follows the rules of CONTRIBUTING.md."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import pytest

from tests.docs import language
from tests.docs.language import ROOT, Violation, files, phrases, violations


def _folder(path: Path) -> str:
    """Return the folder whose files are tested together: `docs`, `netchat/chat`, `tests/web`."""
    parent = path.relative_to(ROOT).parent
    return "/".join(parent.parts[: 1 if parent.parts[:1] == ("docs",) else 2]) or "."


FOLDERS = {
    folder: list(paths) for folder, paths in groupby(sorted(files(), key=_folder), key=_folder)
}


@pytest.mark.parametrize("folder", FOLDERS)
def test_text_has_no_banned_phrase_and_no_long_sentence(folder: str) -> None:
    assert not [str(violation) for path in FOLDERS[folder] for violation in violations(path)]


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of lessons in a tree that contains nothing else."""
    monkeypatch.setattr(language, "ROOT", tmp_path)
    (tmp_path / "experiments").mkdir()
    return tmp_path / "experiments"


def _found(path: Path, text: str) -> list[tuple[int, str]]:
    path.write_text(text, encoding="utf-8")
    return sorted((violation.line, violation.found) for violation in violations(path))


def test_phrases_are_found_in_every_kind_of_text(page: Path) -> None:
    assert _found(
        page / "a.py", 'x = 1\n# Whoever\n# waits in\n# front of it.\n""" Nobody. """\n'
    ) == [
        (2, "Whoever"),
        (3, "in front of"),
        (5, "Nobody"),
    ]
    assert _found(page / "a.md", "One line.\n\nIt waits in\nfront of a queue.\n") == [
        (3, "in front of")
    ]
    assert _found(page / "a.js", "f();\n// It is sent\n// again.\n") == [(2, "sent again")]


def test_code_names_and_exceptions_are_not_prose(page: Path) -> None:
    assert not _found(page / "a.py", "nobody = whoever\n")
    assert not _found(page / "a.md", "Set `nobody`.\n\n```sh\necho nobody\n```\n")
    assert not _found(page / "a.py", 'row["mend"]  # `replay --patience` waits\n')
    assert _found(page / "a.py", '"""Mend it, with patience."""\n')


def test_a_long_sentence_is_found_in_pages_and_in_hints(page: Path) -> None:
    words = " ".join(["word"] * 16)
    assert not _found(page / "a.md", f"{words}. {words} end.\n\n- {words}\n- {words} end\n")
    [(line, _)] = _found(page / "a.md", f"# Title\n\n{words}\n{words}.\n")
    assert line == 3
    assert not _found(page / "a.py", f'hint = "{words}. {words}"\n')
    assert _found(page / "a.py", f'hint = f"{words} {{n}} "\\\n    "{words}"\n')


def test_docstrings_and_comments_open_with_a_noun_or_a_verb(page: Path) -> None:
    assert _found(page / "a.py", '"""What it sends."""\n#: How it stops.\n') == [
        (1, '"""What'),
        (2, "#: How"),
    ]
    assert not _found(page / "a.py", '"""The bytes that it sends."""\n# What is it?\n')


def test_a_repeated_sentence_is_found(page: Path) -> None:
    text = "So both sides have to agree on the order of bytes."
    assert _found(page / "a.md", f"{text} And {text}\n") == [(1, f"And {text}…")]
    assert not _found(page / "a.md", f"{text} More. {text}\n")


def test_every_phrase_has_a_better_one() -> None:
    for pattern, hint in language.PHRASES:
        assert hint, pattern
    assert str(Violation("a.py", 1, "Nobody", "no user")) == "a.py:1: 'Nobody' -> no user"


def test_only_lessons_limit_their_sentences(page: Path) -> None:
    path = page.parent / "README.md"
    assert not _found(path, " ".join(["word"] * 40))
    assert not list(phrases(path))
