"""`netchat man`: the pages are up to date, complete, and accepted by groff."""

from __future__ import annotations

import re
import shutil
import subprocess

import click
import pytest
from click.testing import CliRunner

from netchat.cli.main import cli
from netchat.cli.render.man_page import man_pages
from tests.cli.test_streams import commands
from tests.end_to_end.processes import ROOT

SHARE = ROOT / "share"
PAGES = dict(man_pages(click.Context(cli, info_name="netchat")))


def run(*arguments: object):
    return CliRunner().invoke(cli, ["man", *map(str, arguments)])


def test_the_shipped_pages_are_up_to_date() -> None:
    result = run("--check", SHARE)
    assert result.exit_code == 0, result.exception


def test_every_command_has_a_page_with_every_option() -> None:
    for name, command in commands():
        page = PAGES["-".join(("netchat", *name.split()))].replace("\\-", "-")
        for param in command.params:
            if isinstance(param, click.Option) and not param.hidden:
                assert all(option in page for option in param.opts), (name, param.opts)


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
@pytest.mark.skipif(shutil.which("man") is None, reason="man is not installed")
def test_groff_accepts_and_shows_the_pages() -> None:
    files = sorted((SHARE / "man" / "man1").glob("*.1"))
    for file in files:
        done = subprocess.run(
            ["groff", "-Kutf8", "-Tutf8", "-man", "-ww", "-z", file],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, ""), file
    shown = subprocess.run(
        ["groff", "-Kutf8", "-Tascii", "-P-cbou", "-man", SHARE / "man" / "man1" / "netchat-serve.1"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "netchat serve --lan --tls             with TLS for clients" in shown
    assert re.search(r"^ +--port INTEGER RANGE\n +TCP port; 0 takes a free one\.", shown, re.M)


def test_a_page_is_printed_and_files_are_written(tmp_path) -> None:
    assert run("lab", "up").output == PAGES["netchat-lab-up"]
    assert run().output == PAGES["netchat"]
    assert f"{len(PAGES) + 3} files in " in run("--write", tmp_path).output
    assert run("--check", tmp_path).exit_code == 0
    (tmp_path / "man" / "man1" / "netchat-gone.1").touch()
    assert "1 file in" in str(run("--check", tmp_path).exception)
    (tmp_path / "man" / "man1" / "netchat-serve.1").write_text("old")
    assert "such as man/man1/netchat-serve.1" in str(run("--check", tmp_path).exception)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["sevre"], "No such command 'sevre'"),
        (["serve", "--write", "x"], "omit the command"),
        (["--write", "x", "--check", "."], "exclude each other"),
    ],
)
def test_mistakes(arguments: list[str], said: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert said in result.stderr


@pytest.mark.parametrize(
    ("shell", "script"),
    [
        ("bash", "bash-completion/completions/netchat"),
        ("zsh", "zsh/site-functions/_netchat"),
        ("fish", "fish/vendor_completions.d/netchat.fish"),
    ],
)
def test_the_shells_accept_the_completions(shell: str, script: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    subprocess.run([shell, "-n", SHARE / script], check=True)
