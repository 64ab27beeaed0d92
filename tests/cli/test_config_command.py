"""`netchat config`: what is set, where, and whether it is valid."""

from __future__ import annotations

import json
import tomllib

import click
import pytest
from click.testing import CliRunner

from netchat.cli.config import params_by_key
from netchat.cli.main import cli
from tests.cli.test_streams import commands


@pytest.fixture
def run(tmp_path):
    """Run `netchat config` with a configuration file and variables."""
    file = tmp_path / "its.toml"

    def run(*arguments: str, config: str = "", **environment: str):
        file.write_text(config, "utf-8")
        line = ["--config", str(file), "config", *arguments]
        return CliRunner().invoke(cli, line, env=environment)

    run.file = file
    return run


CONFIG = """
[serve]
port = 7000
udp = true
origin = ["https://a.example", "https://b.example"]

[lab.up]
hosts = 3
"""


def test_values_name_their_file_and_line_or_variable(run) -> None:
    result = run(config=CONFIG, NETCHAT_SERVE_KEEP="2d", NETCHAT_CLIENT_NAME="Nova")
    assert result.exit_code == 0, result.output
    for line in (
        f"# {run.file}:3", f"# {run.file}:4", f"# {run.file}:5", f"# {run.file}:8",
        "# NETCHAT_SERVE_KEEP", "# NETCHAT_CLIENT_NAME",
    ):  # fmt: skip
        assert f"{line}\n" in result.output
    assert f"# 6 values set and valid; {run.file}" in result.output


def test_the_output_is_a_configuration_with_the_same_values(run) -> None:
    result = run(config=CONFIG)
    assert tomllib.loads(result.output) == tomllib.loads(CONFIG)
    again = run(config=result.output)
    assert tomllib.loads(again.output) == tomllib.loads(CONFIG)


def test_json(run) -> None:
    found = json.loads(run("--json", config=CONFIG).output)
    assert found["lab up"] == {"hosts": {"value": "3", "set by": f"{run.file}:8"}}


def test_one_command(run) -> None:
    assert tomllib.loads(run("lab", config=CONFIG).output) == {"lab": {"up": {"hosts": 3}}}
    result = run("sevre", config=CONFIG)
    assert (result.exit_code, "No such command 'sevre'" in result.stderr) == (2, True)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("\n[serve]\nport = 70000", "port in [serve] of FILE:3: 70000 is not in the range"),
        ("[serve]\n\nkeep = 'x'", "keep in [serve] of FILE:3: must be a duration"),
        ("[lab.up]\nhosts = 1", "hosts in [lab.up] of FILE:2: 1 is not in the range"),
        ("[serve]\nmetrics = 'a b'", "metrics in [serve] of FILE:2: 'a b' is not a valid address"),
    ],
)
def test_every_value_is_checked(run, config: str, said: str) -> None:
    result = run(config=config)
    assert result.exit_code == 2
    assert f"Invalid value for {said.replace('FILE', str(run.file))}" in result.stderr


def test_a_variable_is_checked(run) -> None:
    result = run(NETCHAT_SERVE_PORT="x")
    assert result.exit_code == 2
    assert "Invalid value for NETCHAT_SERVE_PORT: 'x' is not a valid integer" in result.stderr


def test_without_a_file_the_output_says_so(monkeypatch) -> None:
    monkeypatch.setattr("netchat.cli.config.users_file", lambda: None)
    monkeypatch.setattr("netchat.cli.config_command.users_file", lambda: None)
    result = CliRunner().invoke(cli, ["config"])
    assert result.output == "# 0 values set and valid; no configuration file\n"


def test_every_key_of_every_command_is_documented(run) -> None:
    documented = json.loads(run("--keys", "--json").output)
    for name, command in commands():
        wanted = {str(param.name) for param in command.params if _has_key(param)}
        keys = params_by_key(command)
        assert {str(keys[key].name) for key in documented.get(name, {})} == wanted, name
        assert all(row["help"] for row in documented.get(name, {}).values())


def _has_key(param: click.Parameter) -> bool:
    return isinstance(param, click.Argument) or any(opt.startswith("--") for opt in param.opts)


def test_the_list_of_keys_is_a_template(run) -> None:
    text = run("--keys", "serve").output
    assert "#port = 6464\n" in text
    assert set(tomllib.loads(text)) == {"serve"}
    # Without the marks of comments before keys that have a default, it sets these defaults.
    lines = [
        line[1:] if line.startswith("#") and line[1] != " " else line for line in text.split("\n")
    ]
    defaults = "\n".join(line for line in lines if not line.endswith(" = "))
    assert tomllib.loads(defaults)["serve"]["keep"] == "30d"
    assert run(config=defaults).exit_code == 0
