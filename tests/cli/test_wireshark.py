import json

import pytest
from click.testing import CliRunner

from netchat.cli.main import cli
from netchat.packets.wireshark.dissector import dissector


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run `netchat wireshark` in an empty folder, as a user without plugins."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    return lambda *arguments: CliRunner().invoke(cli, ["wireshark", *arguments])


def test_print(run):
    assert run("print").stdout == dissector()


def test_write_and_check(run, tmp_path):
    assert run("write", "n.lua").exit_code == 0
    assert (tmp_path / "n.lua").read_text("utf-8") == dissector()
    assert run("check", "n.lua").output == "n.lua is up to date.\n"
    (tmp_path / "n.lua").write_text(dissector() + "\n", "utf-8")
    result = run("check", "n.lua")
    assert result.exit_code == 1
    assert "n.lua is out of date" in result.stderr
    assert run("check", "none.lua").exit_code == 1
    assert run("write", "none/n.lua").exit_code == 1


def test_the_committed_dissector_is_up_to_date(run):
    assert run("check").exit_code == 0


def test_install(run, tmp_path):
    result = run("install", "--dir", "plugins")
    assert result.output == "Wrote plugins/netchat.lua.\n"
    result = run("install", "--dir", "plugins", "--json")
    assert json.loads(result.stdout) == {"path": "plugins/netchat.lua", "loaded": None}
    assert (tmp_path / "plugins" / "netchat.lua").read_text("utf-8") == dissector()


@pytest.mark.parametrize(
    ("loaded", "code", "words"),
    [
        (True, 0, "Wireshark loads it"),
        (None, 0, "not installed"),
        (False, 1, "does not load the dissector"),
    ],
)
def test_install_reports_whether_wireshark_loads_it(run, monkeypatch, loaded, code, words):
    monkeypatch.setattr("netchat.packets.wireshark.plugin.is_loaded", lambda: loaded)
    result = run("install")
    assert result.exit_code == code
    assert words in result.output + str(result.exception or "")
