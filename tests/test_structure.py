"""Structure of the source tree: no import cycles, no shared class names, tests mirror the package."""

from __future__ import annotations

import ast
import functools
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import SLOW, UNIX

ROOT = Path(__file__).parents[1]
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))

#: File types that tests may be about.
LANGUAGES = {".py", ".js", ".lua"}

#: Folders and files of tests that are about no single module.
ONLY_TESTS = {
    "captures",  # the files in captures/
    "compatibility",  # files of earlier versions
    "docs",  # README, docs/ and the examples in docstrings
    "end_to_end",  # real processes
    "fuzz",
    "laws",  # what holds for every code, channel, message and output
    "test_exports.py",  # the public API
    "test_structure.py",
    "test_workflow.py",  # the CI workflow
    "vectors",  # golden frames
}

#: Statements up to which a module needs no test of its own.
SMALL = 40

#: Modules that are tested in another place: the file of the test, and what in it leads there.
TESTED_ELSEWHERE = {
    "netchat.bench.report.grid": ("tests/bench/engine/test_run.py", "results.grid()"),
    "netchat.bench.report.table": ("tests/bench/engine/test_run.py", "results.table("),
    "netchat.cli.lab.solve": ("tests/mystery/test_mystery_lab.py", '["lab", "solve"'),
    "netchat.cli.lab.status": ("tests/mystery/test_mystery_lab.py", 'lab("status")'),
    "netchat.cli.lab.up": ("tests/lab/test_lab.py", 'lab("up"'),
    "netchat.cli.link_bench": ("tests/cli/test_output_files.py", "link-bench"),
    "netchat.cli.noise": ("tests/net/test_noise.py", '"noise"'),
    "netchat.cli.render.codeword": ("tests/cli/test_encode.py", "encode"),
    "netchat.cli.render.frame_dump": ("tests/cli/test_craft.py", "craft"),
    "netchat.cli.render.man_page": ("tests/cli/test_man.py", "man_pages("),
    "netchat.cli.render.items": ("tests/cli/test_inspect.py", "inspect"),
    "netchat.cli.render.transcript": ("tests/cli/test_replay.py", "replay"),
    "netchat.course.student_program": ("tests/course/test_student_process.py", "student"),
    "netchat.net.probe": ("tests/course/test_server.py", "Probe("),
    "netchat.packets.tcp.connection": ("tests/packets/decode/test_decoder.py", "doubled"),
}


#: Names of classes that two modules share, with the reason.
SHARED_NAMES = {"Room": "the state of a room in the server, and a program's handle on it"}


@functools.cache
def _modules() -> dict[str, Path]:
    found = {}
    for path in (ROOT / "netchat").rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def _nodes(node: ast.AST) -> Iterator[ast.stmt]:
    """Yield the statements in a node, at any depth."""
    for field in ("body", "orelse", "finalbody", "handlers", "cases"):
        for child in getattr(node, field, ()):
            if isinstance(child, ast.stmt):
                yield child
            yield from _nodes(child)


@functools.cache
def _imports(path: Path) -> set[str]:
    """Return the modules of netchat that a file imports, also inside functions."""
    modules, found = _modules(), set()
    for node in _nodes(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                found.add(name if name in modules else node.module)
    return found & modules.keys()


def _cycles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Return the strongly connected components of more than one module (Tarjan 1972)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in sorted(graph[node]):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            group = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(group) > 1:
                found.append(sorted(group))

    for node in sorted(graph):
        if node not in index:
            visit(node)
    return found


def test_no_import_cycles() -> None:
    modules = _modules()
    graph = {name: _imports(path) - {name} for name, path in modules.items()}
    assert _cycles(graph) == []


def test_a_cycle_is_found() -> None:
    graph = defaultdict(set, {"a": {"b"}, "b": {"c"}, "c": {"b"}})
    assert _cycles(dict(graph)) == [["b", "c"]]


def test_no_two_classes_share_a_name() -> None:
    modules = defaultdict(set)
    for module, path in _modules().items():
        for node in _nodes(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                modules[node.name].add(module)
    shared = {name: sorted(found) for name, found in modules.items() if len(found) > 1}
    assert {name: found for name, found in shared.items() if name not in SHARED_NAMES} == {}
    assert sorted(SHARED_NAMES.keys() - shared) == [], "these need not be listed"


def _tested(stem: str, folder: Path) -> list[str]:
    """Return what in a folder of the package a test can be about, by its name.

    `test_hub.py` and `test_hub_frame_cost.py` test `hub`: a module, a package, or a file of another
    language.
    """
    words = stem.removeprefix("test_").split("_")
    names = {"_".join(words[:count]) for count in range(1, len(words) + 1)}
    found = {path.stem for path in folder.glob("*") if path.is_dir() or path.suffix in LANGUAGES}
    return sorted(names & found)


@pytest.mark.parametrize(
    "path",
    [path for path in TESTS if path.relative_to(ROOT / "tests").parts[0] not in ONLY_TESTS],
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_tests_mirror_the_package(path: Path) -> None:
    folder = path.parent.relative_to(ROOT / "tests")
    helper = path.with_name(path.name.removeprefix("test_"))
    assert helper.exists() or _tested(path.stem, ROOT / "netchat" / folder), (
        f"netchat/{folder}/ has no module for {path.name} to test"
    )


def test_every_module_has_a_test() -> None:
    modules = _modules()
    imported = {name: _imports(path) - {name} for name, path in modules.items()}
    covered: set[str] = set()
    for test in TESTS:
        # The mirrored folder, and the package that the test is about: test_udp.py covers udp/.
        folder = ROOT / "netchat" / test.parent.relative_to(ROOT / "tests")
        about = _tested(test.stem, folder)
        folders = {folder, *(folder / name for name in about)}
        uses = _imports(test)
        covered |= {
            name
            for name, path in modules.items()
            if (path.parent == folder and path.stem in about)
            or (path.parent in folders and name in uses)
        }
    # A module is also tested through the modules of its package that use it.
    waiting = list(covered)
    while waiting:
        name = waiting.pop()
        near = {other for other in imported[name] if modules[other].parent == modules[name].parent}
        waiting += near - covered
        covered |= near
    missing = {
        name
        for name, path in modules.items()
        if path.name != "__init__.py" and name not in covered and _statements(path) > SMALL
    }
    assert sorted(missing - TESTED_ELSEWHERE.keys()) == [], "these modules have no test"
    assert sorted(TESTED_ELSEWHERE.keys() - missing) == [], "these need not be listed"


@pytest.mark.parametrize("name", TESTED_ELSEWHERE)
def test_modules_tested_elsewhere_are_used_there(name: str) -> None:
    """The test exists, and reaches the module by import or by a command."""
    path, how = TESTED_ELSEWHERE[name]
    assert how in (ROOT / path).read_text("utf-8")


def _statements(path: Path) -> int:
    """Return the lines of a file on which a statement begins, without docstrings."""
    tree = ast.parse(path.read_text("utf-8"))
    return len({node.lineno for node in _nodes(tree) if not _is_text(node)})


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def test_tests_that_import_unix_modules_are_not_collected_on_windows():
    needing = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.parse(path.read_text("utf-8")).body:
            names = {alias.name for alias in node.names} if isinstance(node, ast.Import) else set()
            if names & {"fcntl", "pty", "pwd", "resource", "termios", "tty"}:
                needing.add(path.relative_to(ROOT / "tests").as_posix())
    assert needing <= set(UNIX)
    assert all((ROOT / "tests" / name).exists() for name in (*UNIX, *SLOW))
