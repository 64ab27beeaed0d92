"""Programs on pages and in lessons use the public API only, and README's are short."""

from __future__ import annotations

import ast
import doctest
import re
from collections.abc import Iterator

import pytest

from tests.docs.blocks import PAGES, ROOT, blocks
from tests.public_api import PUBLIC, exported

_SOLUTIONS = [path.relative_to(ROOT).as_posix() for path in ROOT.glob("experiments/*/*.md")]
_PROGRAMS = [
    path.relative_to(ROOT).as_posix()
    for pattern in ("experiments/*.py", "experiments/checks/*.py")
    for path in ROOT.glob(pattern)
]


def _code(source: str) -> Iterator[str]:
    """Yield the Python programs of a page or file."""
    if source.endswith(".py"):
        yield (ROOT / source).read_text("utf-8")
        return
    for block in blocks(source):
        if block.language in ("py", "python"):
            text = block.text
            if ">>>" in text:
                text = "\n".join(each.source for each in doctest.DocTestParser().get_examples(text))
            yield re.sub(
                r"^( *)([%!])[a-z].*", r"\1...  # \2", text, flags=re.MULTILINE
            )  # IPython's commands


def _used(code: str) -> set[str]:
    """Return the dotted names of netchat that a program imports or accesses."""
    found = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}".removesuffix(".*") for alias in node.names}
        elif isinstance(node, ast.Attribute):
            found.add(ast.unparse(node))
    return {name for name in found if re.fullmatch(r"netchat(\.\w+)*", name)}


def _is_public(dotted: str) -> bool:
    """Return whether a dotted name is a public module, or begins with a public name."""
    if dotted in PUBLIC:
        return True
    module = max((name for name in PUBLIC if dotted.startswith(f"{name}.")), key=len)
    return dotted.removeprefix(f"{module}.").partition(".")[0] in exported(module)


@pytest.mark.parametrize("source", [*PAGES, *_SOLUTIONS, *_PROGRAMS])
def test_programs_use_the_public_api_only(source: str) -> None:
    for code in _code(source):
        assert {name for name in _used(code) if not _is_public(name)} == set()
        attributes = {
            node.attr for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Attribute)
        }
        assert attributes & {"core", "flush"} == set()  # a client sends by itself


def test_private_names_are_found() -> None:
    code = "import netchat.coding.registry\nfrom netchat.link.link import Link\nnetchat.bench.point.Point"
    assert sorted(name for name in _used(code) if not _is_public(name)) == [
        "netchat.bench.point",
        "netchat.bench.point.Point",
        "netchat.coding.registry",
        "netchat.link.link.Link",
    ]
    assert all(map(_is_public, _used("from netchat.coding import Hamming\nnetchat.Client.join")))


def test_the_examples_of_the_readme_are_short() -> None:
    programs = list(_code("README.md"))
    assert len(programs) >= 4
    for code in programs:
        assert len([line for line in code.splitlines() if line.strip()]) <= 6, code
