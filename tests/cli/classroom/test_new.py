"""Tests of `netchat class new` on the command line."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from netchat.classroom.class_folder import ClassFolder
from netchat.cli.main import cli

COURSE = Path(__file__).parents[3] / "experiments"


def new(path: Path, *options: str):
    command = ["class", "new", "Networks 2027", "--folder", str(path), "--course", str(COURSE)]
    return CliRunner().invoke(cli, [*command, *options])


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ((), "either --students N or --roster FILE"),
        (("--students", "2", "--roster", __file__), "either --students N or --roster FILE"),
        (("--students", "2", "--lessons", "3-1"), "must be numbers such as 1-3,5, got '3-1'"),
        (("--students", "2", "--lessons", "x"), "must be numbers such as 1-3,5, got 'x'"),
        (("--students", "2", "--accounts"), "--accounts needs --tls"),
        (("--students", "2", "--tls", "--accounts", "--rooms", "2"), "--rooms cannot be combined"),
        (("--students", "2", "--port", "6480"), "must differ"),
    ],
)
def test_usage_errors(tmp_path, options, reason):
    result = new(tmp_path / "c", *options)
    assert result.exit_code == 2
    assert reason in result.stderr
    assert not (tmp_path / "c").exists()


def test_a_class_from_a_roster_has_its_names(tmp_path):
    roster = tmp_path / "students.csv"
    roster.write_text("id,name\n77,Zoë\n", encoding="utf-8")
    result = new(tmp_path / "c", "--roster", str(roster), "--lessons", "1,2-2")
    assert result.exit_code == 0, result.output
    folder = ClassFolder(tmp_path / "c")
    assert [one.name for one in folder.roster] == ["Zoë"]
    assert folder.settings.lessons == [1, 2]
    assert "Zoë" in (folder.path / "sheets.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("options", "when"),
    [
        ((), "a card per student; print it\n"),
        (("--rooms", "2"), "print it after the first start, which adds the rooms"),
        (("--tls", "--accounts"), "print it after the first start, which adds the invitations"),
    ],
)
def test_it_says_when_to_print(tmp_path, options, when):
    result = new(tmp_path / "my class", "--students", "1", "--lessons", "1", *options)
    assert when in result.output
    assert f"netchat class serve '{tmp_path / 'my class'}'" in result.output
