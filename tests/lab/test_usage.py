"""What is refused before anything is made. No root is needed."""

import pytest
from click.testing import CliRunner

from netchat.cli.main import cli
from netchat.errors import LabError
from netchat.lab.network import Network, prefix


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--channel", "bec:0.1"], "can only turn"),
        (["--loss", "2"], "0<=x<=1"),
        (["--burst", "3"], "some loss"),
        (["--hosts", "1"], "2<=x<=64"),
        (["--delay", "5 parsecs"], "must be a duration"),
    ],
)
def test_wrong_options(options, says):
    done = CliRunner().invoke(cli, ["lab", "up", *options])
    assert done.exit_code == 2
    assert says in done.output


def test_no_lab_is_up():
    for command in (["status"], ["status", "--json"]):
        done = CliRunner().invoke(
            cli, ["lab", "--name", "nobodys", *command], standalone_mode=False
        )
        assert done.return_value == 1
        line = 'with: sudo "$(command -v netchat)" lab --name nobodys up'
        assert line in done.output or done.output == "null\n"


@pytest.mark.parametrize("name", ["../x", "a-b", "", "A", "x" * 21])
def test_names_of_labs_are_plain(name):
    with pytest.raises(LabError, match="small letters and digits"):
        prefix(name)


@pytest.mark.parametrize("hosts", [["one"], ["one", "one"], ["bridge", "one"], ["a b", "one"]])
def test_names_of_hosts_are_plain_and_their_own(hosts):
    with pytest.raises(LabError):
        Network("lab", hosts)
