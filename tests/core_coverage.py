"""Coverage of the cores: the lines and branches of the packages without I/O that the tests reach.

`CORE_COVERAGE=1 pytest` measures it, prints a table at the end, and fails unless everything is
reached. `tests/conftest.py` starts it before any test imports netchat.

SlipCover measures. On Python 3.11, coverage.py's trace function slows down all code, whether measured
or not; SlipCover adds probes to the bytecode of the measured modules only, and removes those that have
been reached. From Python 3.12 on, it uses `sys.monitoring`.

Files named `*kernels.py` are not measured: Numba compiles their functions, so Python executes no line
of them. Their tests compare the results with other implementations.

The processes of pytest-xdist send their results to the process that started them. Programs that the
tests start are not measured: adding the probes again would more than double the CPU time of their
start, and the tests must reach everything without them.
"""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import slipcover
from slipcover.slipcover import format_missing

ROOT = Path(__file__).parents[1]

#: The packages without I/O.
CORES = ("wire", "chat", "link", "coding")
SOURCES = [str(ROOT / "netchat" / core) for core in CORES]
OMITTED = ["*kernels.py"]

#: Key under which a process of pytest-xdist sends its result.
RESULT = "core_coverage"

Files = dict[str, dict[str, Any]]


class CoreCoverage:
    """Pytest plugin that measures the cores in this process, and collects what others measured."""

    def __init__(self) -> None:
        loaded = [name for name in sys.modules if name.startswith("netchat.")]
        assert not loaded, f"these modules were imported before the measurement: {loaded}"
        # Without `immediate`, SlipCover scans modules and frames while other threads change them.
        self._measured = slipcover.Slipcover(branch=True, immediate=True, omit=OMITTED)
        matcher = slipcover.FileMatcher(sources=SOURCES, omit=OMITTED)
        slipcover.ImportManager(self._measured, matcher).__enter__()
        self._received: list[dict[str, Any]] = []
        self._files: Files = {}

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Collect the result of a process of pytest-xdist."""
        result = getattr(node, "workeroutput", {}).get(RESULT)
        if result is not None:
            self._received.append(json.loads(result))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Send the result, or merge all results and fail if something was not reached."""
        output = getattr(session.config, "workeroutput", None)
        if output is not None:
            output[RESULT] = json.dumps(self._measured.get_coverage())
            return
        self._measured.source = SOURCES  # include the modules that no test imports
        result = self._measured.get_coverage()
        for received in self._received:
            slipcover.merge_coverage(result, received)
        self._files = without_impossible_branches(result["files"])
        if session.exitstatus == pytest.ExitCode.OK and any(unreached(self._files)):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print a table of the packages, and what was not reached."""
        terminalreporter.section("coverage of the cores")
        for line in (*table(self._files), *unreached(self._files)):
            terminalreporter.write_line(line)


def without_impossible_branches(files: Files) -> Files:
    """Remove the branches past the last case of a `match`.

    In the cores, mypy's check `exhaustive-match` proves that one of the cases applies.
    """
    for path, file in files.items():
        if file["missing_branches"]:
            cases = {
                node.lineno: {case.body[0].lineno for case in node.cases}
                for node in ast.walk(ast.parse((ROOT / path).read_text("utf-8")))
                if isinstance(node, ast.Match)
            }
            file["missing_branches"] = [
                (start, end)
                for start, end in file["missing_branches"]
                if start not in cases or end in cases[start]
            ]
    return files


def table(files: Files) -> Iterator[str]:
    """Yield the lines of a table with one row for each package."""
    yield f"{'package':8} {'lines':>7} {'missing':>8} {'branches':>9} {'missing':>8} {'reached':>9}"
    for core in CORES:
        found = [file for path, file in files.items() if Path(path).parts[:2] == ("netchat", core)]
        reached, missing, ways, missing_ways = (
            sum(len(file[kind]) for file in found)
            for kind in ("executed_lines", "missing_lines", "executed_branches", "missing_branches")
        )
        share = (reached + ways) / max(1, reached + missing + ways + missing_ways)
        yield (
            f"{core:8} {reached + missing:7} {missing:8} {ways + missing_ways:9} {missing_ways:8} "
            f"{share:9.1%}"
        )


def unreached(files: Files) -> Iterator[str]:
    """Yield a line for each module of which something was not reached."""
    for path, file in sorted(files.items()):
        if file["missing_lines"] or file["missing_branches"]:
            places = format_missing(
                file["missing_lines"], file["executed_lines"], file["missing_branches"]
            )
            yield f"{path}: not reached: {places}"
