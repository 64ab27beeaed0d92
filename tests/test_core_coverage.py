"""The coverage of the cores: what counts as reached, and what is printed."""

from __future__ import annotations

from tests.core_coverage import CORES, table, unreached, without_impossible_branches


def module(**changes):
    nothing = {"missing_lines": [], "missing_branches": []}
    return {"executed_lines": [1, 2, 3], "executed_branches": [(2, 3)], **nothing, **changes}


def test_each_package_has_a_row():
    files = {
        "netchat/wire/spec.py": module(),
        "netchat/wire/walk.py": module(missing_lines=[4, 5], missing_branches=[(2, 4), (3, 0)]),
        "netchat/link/policies/bandit.py": module(),
    }
    header, *rows = (line.split() for line in table(files))
    assert header == ["package", "lines", "missing", "branches", "missing", "reached"]
    assert [row[0] for row in rows] == list(CORES)
    assert rows[0] == ["wire", "8", "2", "4", "2", "66.7%"]
    assert rows[2] == ["link", "3", "0", "1", "0", "100.0%"]


def test_lines_and_branches_that_are_not_reached_are_listed():
    missing = module(missing_lines=[4, 5], missing_branches=[(2, 4), (3, 0)])
    assert list(unreached({"netchat/wire/walk.py": missing, "netchat/wire/spec.py": module()})) == [
        "netchat/wire/walk.py: not reached: 3->exit, 4-5"
    ]


def test_only_branches_past_the_last_case_are_impossible(tmp_path):
    path = tmp_path / "program.py"
    path.write_text(
        "match x:\n    case 1:\n        a()\n    case 2:\n        b()\nif x:\n    c()\n"
    )
    branches = [(1, 3), (1, 5), (1, 6), (6, 0)]
    files = without_impossible_branches({str(path): module(missing_branches=branches)})
    assert files[str(path)]["missing_branches"] == [(1, 3), (1, 5), (6, 0)]
