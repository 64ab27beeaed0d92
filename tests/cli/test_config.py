"""Options from the configuration file and the environment."""

from __future__ import annotations

import json

import click
import pytest
from click.testing import CliRunner

from netchat.cli.main import cli
from tests.cli.test_streams import commands


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a command with a configuration file and variables."""
    file = tmp_path / "its.toml"

    def run(line: str, config: str | bytes = "", **environment: str):
        file.write_bytes(config.encode() if isinstance(config, str) else config)
        return CliRunner().invoke(cli, ["--config", str(file), *line.split()], env=environment)

    run.file = file
    return run


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("[serve]\nprot = 1", "unknown key 'prot' in [serve]; did you mean port?"),
        ("[serve]\nno-web = true", "unknown key 'no-web' in [serve]; "),
        ("[sevre]\nport = 1", "unknown key 'sevre' in the file; did you mean serve?"),
        (
            "port = 1",
            "unknown key 'port' in the file; available: serve, accounts, audit, history, recover, ",
        ),
        ("serve = 1", "serve is a command; set its options in [serve]."),
        ("[lab]\nhosts = 1", "unknown key 'hosts' in [lab]; available: name, up, "),
        ("[lab.up]\nhost = 1", "unknown key 'host' in [lab.up]; did you mean hosts?"),
        ("[lab]\nup = 1", "up is a command; set its options in [lab.up]."),
        ("[encode]\nas_json = true", "unknown key 'as_json' in [encode]; "),
    ],
)
def test_an_unknown_key_is_an_error_of_every_command(config, said, run):
    result = run("completion bash", config)
    assert result.exit_code == 2
    line = 2 if config.startswith("[") and said.count("'sevre'") == 0 else 1
    assert f"netchat: {run.file}:{line}: {said}" in result.stderr


@pytest.mark.parametrize(
    ("line", "config", "said"),
    [
        ("serve", "[serve]\nport = 'x'", "port in [serve] of FILE: 'x' is not a valid integer"),
        ("serve", "[serve]\nport = 70000", "port in [serve] of FILE: 70000 is not in the range"),
        ("serve", "[serve]\nport = 1.5", "port in [serve] of FILE: '1.5' is not a valid integer"),
        (
            "serve",
            "[serve]\nport = true",
            "port in [serve] of FILE: must be a number or a string, got True",
        ),
        (
            "serve",
            "[serve]\nport = [1]",
            "port in [serve] of FILE: must be a number or a string, got [1]",
        ),
        (
            "serve",
            "[serve]\nport = {a=1}",
            "port in [serve] of FILE: must be a number or a string, got {",
        ),
        (
            "serve",
            "[serve]\nudp = 'yes'",
            "udp in [serve] of FILE: must be true or false, got 'yes'.",
        ),
        ("serve", "[serve]\nudp = 1", "udp in [serve] of FILE: must be true or false, got 1."),
        (
            "serve",
            "[serve]\nkeep = 'x'",
            "keep in [serve] of FILE: must be a duration such as 90, 90s, 5m, 2h or 30d, got 'x'.",
        ),
        (
            "serve",
            "[serve]\nrate = nan",
            "rate in [serve] of FILE: must be a finite number, got 'nan'.",
        ),
        (
            "serve",
            "[serve]\nrate = inf",
            "rate in [serve] of FILE: must be a finite number, got 'inf'.",
        ),
        (
            "serve",
            "[serve]\norigin = 'x'",
            "origin in [serve] of FILE: must be http://NAME:PORT or https://NAME, got 'x'.",
        ),
        (
            "client",
            "[client]\nlink = 'x'\nname='A'",
            "link in [client] of FILE: a link cannot use the code 'x'",
        ),
        ("encode x", "[encode]\ncode = 'x'", "code in [encode] of FILE: "),
        ("encode x", "[encode]\nseed = -1", "seed in [encode] of FILE: "),
        (
            "lab up",
            "[lab.up]\nhosts = 1",
            "hosts in [lab.up] of FILE: 1 is not in the range 2<=x<=64.",
        ),
    ],
)
def test_an_invalid_value_is_an_error_that_names_its_location(line, config, said, run):
    result = run(line, config)
    assert result.exit_code == 2, result
    place = f"{run.file}:2"
    assert f"netchat: Invalid value for {said.replace('FILE', place)}" in result.stderr


@pytest.mark.parametrize(
    ("line", "variable", "value", "said"),
    [
        ("serve", "NETCHAT_SERVE_PORT", "tcp://10.0.0.1:6464",
         "Invalid value for NETCHAT_SERVE_PORT: 'tcp://10.0.0.1:6464' is not a valid integer range."),
        ("lab up", "NETCHAT_LAB_UP_HOSTS", "1",
         "Invalid value for NETCHAT_LAB_UP_HOSTS: 1 is not in the range 2<=x<=64."),
        ("serve", "NETCHAT_SERVE_UDP", "perhaps", "Invalid value for NETCHAT_SERVE_UDP: 'perhaps'"),
        ("load x --users 1", "NETCHAT_LOAD_SENDERS", "2",
         "--senders must be at most --users 1, got 2. (--senders is set by NETCHAT_LOAD_SENDERS.)"),
        ("codes", "NETCHAT_SERVE_PROT", "1", "The environment sets NETCHAT_SERVE_PROT, but no command "
         "has such an option; did you mean NETCHAT_SERVE_PORT?"),
        ("codes", "NETCHAT_SERV_PORT", "1", "did you mean NETCHAT_SERVE_?"),
        ("codes", "NETCHAT_LAB_UP_HOST", "1", "did you mean NETCHAT_LAB_UP_HOSTS?"),
    ],
)  # fmt: skip
def test_an_invalid_variable_is_an_error_that_names_it(line, variable, value, said, run):
    result = run(line, **{variable: value})
    assert result.exit_code == 2
    assert f"netchat: {said}" in result.stderr or said in result.stderr.splitlines()[-1]


def test_the_variable_for_the_file_is_named_too():
    result = CliRunner().invoke(cli, ["codes"], env={"NETCHAT_CONFIG": "/no/such.toml"})
    assert (
        "netchat: Invalid value for NETCHAT_CONFIG: File '/no/such.toml' does not exist."
        in result.stderr
    )


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("NETCHAT_SERVICE_HOST", "10.0.0.1"),
        ("NETCHAT_SERVE_SERVICE_PORT", "6464"),
        ("NETCHAT_PORT", "tcp://10.0.0.1:6464"),
        ("NETCHAT_SERVE_PORT_6464_TCP_ADDR", "10.0.0.1"),
        ("NETCHAT_NO_APT", "1"),
        ("NETCHAT_QUICK", "0"),
        ("NETCHAT_SERVE_PORT", ""),
    ],
)
def test_unrelated_variables_are_ignored(variable, value, run):
    assert run("completion bash", **{variable: value}).exit_code == 0


def test_a_file_sets_options_by_their_names(run):
    result = run("encode Hi", "[encode]\njson = true\ncode = 'uncoded:8'\nflip = 1\n")
    assert json.loads(result.stdout)["code"] == "uncoded:8"
    result = run(
        "inspect captures/two-users.pcapng", "[inspect]\ntype = ['SEND', 'BYE']\njson = true\n"
    )
    found = {json.loads(line)["type"] for line in result.stdout.splitlines()}
    assert found == {"SEND", "BYE"}
    result = run("inspect captures/two-users.pcapng", "[inspect]\ntype = 'BYE'\n")
    assert "SEND" not in result.stdout


def test_options_override_variables_which_override_the_file(run):
    config = "[encode]\njson = true\ncode = 'uncoded:8'\n"
    result = run("encode Hi", config, NETCHAT_ENCODE_CODE="repetition:3")
    assert json.loads(result.stdout)["code"] == "repetition:3"
    result = run("encode Hi --code uncoded:16", config, NETCHAT_ENCODE_CODE="repetition:3")
    assert json.loads(result.stdout)["code"] == "uncoded:16"
    result = run(
        "inspect captures/two-users.pcapng",
        NETCHAT_INSPECT_TYPE="SEND BYE",
        NETCHAT_INSPECT_JSON="1",
    )
    assert {json.loads(line)["type"] for line in result.stdout.splitlines()} == {"SEND", "BYE"}


def test_a_file_is_utf_8_with_or_without_a_byte_order_mark(run, monkeypatch):
    monkeypatch.setenv("LC_ALL", "C")
    text = "[encode]\ncode = 'uncoded:8' # Schlüssel → Wert\n"
    for config in (text.encode(), b"\xef\xbb\xbf" + text.encode()):
        assert run("encode Hi --json", config).exit_code == 0
    result = run("encode Hi --json", text.encode("utf-16"))
    assert result.exit_code == 2
    assert f"Cannot read the configuration file {run.file}" in result.stderr


def test_every_option_of_every_command_can_be_set(run):
    """Set each option by its name to an invalid value, which must be the reported error."""
    for name, command in commands():
        for param in command.params:
            if isinstance(param, click.Option) and not param.is_eager:
                key = next(opt for opt in param.opts if opt.startswith("--"))[2:]
                result = run("completion bash", f"[{name.replace(' ', '.')}]\n{key} = 1979-05-27\n")
                assert f"Invalid value for {key} in [{name.replace(' ', '.')}]" in result.stderr
