"""`netchat doctor`: its output and exit code."""

import json

import pytest
from click.testing import CliRunner

from netchat.cli.main import cli
from netchat.doctor import Check, run_checks


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run `netchat doctor` in an empty folder."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return lambda *arguments: CliRunner().invoke(cli, ["doctor", *arguments])


def test_every_check_is_printed(run, monkeypatch):
    checks = list(run_checks())  # once: they start browsers and other programs
    monkeypatch.setattr("netchat.cli.doctor.run_checks", lambda: iter(checks))
    result = run()
    findings = json.loads(run("--json").stdout)
    assert result.exit_code == 0
    assert [row["name"] for row in findings] == [check.name for check in checks]
    for row in findings:
        assert row["name"] in result.output
        assert row["found"]
        assert row["ok"] == (row["mend"] == "")
        assert row["mend"] in result.output


@pytest.mark.parametrize(("core", "code"), [(True, 1), (False, 0)])
def test_exit_code(run, monkeypatch, core, code):
    missing = Check("thing", "everything", ok=False, found="gone", fix="fetch thing", core=core)
    monkeypatch.setattr("netchat.cli.doctor.run_checks", lambda: iter([missing]))
    result = run()
    assert result.exit_code == code
    assert "fetch thing" in result.output
