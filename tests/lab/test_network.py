"""Options and names that are rejected before a lab is created. No root is needed."""

import pytest
from click.testing import CliRunner

from netchat.cli.main import cli
from netchat.errors import LabError
from netchat.lab.network import Network, prefix


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--channel", "bec:0.1"], "supports only bit errors"),
        (["--loss", "2"], "0<=x<=1"),
        (["--burst", "3"], "must be between 0 and 1"),
        (["--hosts", "1"], "2<=x<=64"),
        (["--delay", "5 parsecs"], "must be a duration"),
    ],
)
def test_wrong_options(options, says):
    done = CliRunner().invoke(cli, ["lab", "up", *options])
    assert done.exit_code == 2
    assert says in done.output


def test_status_without_a_lab():
    for command in (["status"], ["status", "--json"]):
        done = CliRunner().invoke(
            cli, ["lab", "--name", "missing", *command], standalone_mode=False
        )
        assert done.return_value == 1
        line = 'with: sudo "$(command -v netchat)" lab --name missing up'
        assert line in done.output or done.output == "null\n"


@pytest.mark.parametrize("name", ["../x", "a-b", "", "A", "x" * 21])
def test_invalid_lab_names(name):
    with pytest.raises(LabError, match="lower-case letters and digits"):
        prefix(name)


@pytest.mark.parametrize("hosts", [["one"], ["one", "one"], ["bridge", "one"], ["a b", "one"]])
def test_invalid_host_names(hosts):
    with pytest.raises(LabError):
        Network("lab", hosts)
