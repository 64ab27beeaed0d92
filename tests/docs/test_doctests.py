"""The examples in docstrings."""

from __future__ import annotations

import ast
import doctest
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in ROOT.glob("netchat/**/*.py")
    if ">>> " in path.read_text("utf-8")
)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0
    assert result.failed == 0


#: Characters that only diagrams repeat.
DIAGRAM = re.compile(r"---|\+-| -> |\S {3,}\S")


def _is_code(line: str) -> bool:
    """Return whether a line is a statement or a call, rather than words."""
    try:
        body = ast.parse(f"{line} pass" if line.endswith(":") else line).body
    except SyntaxError:
        return False
    return any(
        not isinstance(node, ast.Expr) or isinstance(node.value, (ast.Call, ast.Await))
        for node in body
    )


def _text_lines(docstring: str) -> Iterator[str]:
    """Yield the lines of a docstring that are not indented and not part of a doctest."""
    in_doctest = False
    for line in docstring.splitlines():
        in_doctest = line.startswith(">>>") or (in_doctest and bool(line))
        if line and not line.startswith(" ") and not in_doctest:
            yield line


def _unmarked(docstring: str) -> list[str]:
    return [line for line in _text_lines(docstring) if _is_code(line) or DIAGRAM.search(line)]


def test_code_and_diagrams_in_docstrings_are_indented() -> None:
    """They are literal blocks below a line of text; otherwise, a reader sees one paragraph."""
    nodes = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found = {
        path.relative_to(ROOT).as_posix(): unmarked
        for path in ROOT.glob("netchat/**/*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, nodes) and (unmarked := _unmarked(ast.get_docstring(node) or ""))
    }
    assert found == {}


def test_unmarked_code_is_found() -> None:
    assert _unmarked("Send.\n\nwith Chat() as chat:\n    chat.send()") == ["with Chat() as chat:"]
    assert _unmarked("Send.\n\nFor example:\n\n    chat.send()\n\n>>> 1 + 1\n2") == []
    assert _unmarked("Read.\n\nbytes -> frames") == ["bytes -> frames"]
