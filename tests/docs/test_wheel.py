"""The wheel: built as a release is, complete, small, and usable in an empty environment."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import urllib.request
import zipfile
from pathlib import Path

import pytest

from netchat.version import __version__
from netchat.web.site import PAGE
from tests.docs.blocks import ROOT, blocks, commands

NAME = f"netchat-{__version__}-py3-none-any.whl"

#: Largest size of the wheel in bytes. The modules alone have 1.4 MB, compressed.
LARGEST = 2_300_000

SHARE = f"netchat-{__version__}.data/data/share"


def run(*command: object, **environment: str) -> str:
    done = subprocess.run(
        [*map(str, command)], cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Return the wheel, built from the source archive."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder)
    return folder / NAME


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory) -> Path:
    """Return a new environment with the wheel and the locked packages."""
    folder = tmp_path_factory.mktemp("clean") / "venv"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    pip = ["uv", "pip", "install", "-q", "--python", python]
    if shutil.which("uv") is None:
        pip = [python, "-m", "pip", "install", "-q"]
    locked = [*pip, "--require-hashes", "-r", ROOT / "requirements.lock"]
    if subprocess.run(locked, check=False, cwd=folder).returncode:
        pytest.skip("the packages cannot be downloaded")
    run(*pip, "--no-deps", wheel)
    return folder


def test_twine_accepts_both_archives(wheel: Path) -> None:
    archives = sorted(wheel.parent.iterdir())
    assert [one.name for one in archives] == [NAME, f"netchat-{__version__}.tar.gz"]
    run(sys.executable, "-m", "twine", "check", "--strict", *archives)


def test_the_wheel_is_complete_and_small(wheel: Path) -> None:
    assert wheel.stat().st_size < LARGEST
    names = set(zipfile.ZipFile(wheel).namelist())
    pages = {path.relative_to(PAGE).as_posix() for path in PAGE.rglob("*") if path.is_file()}
    assert {f"netchat/web/page/{page}" for page in pages} <= names
    assert "netchat/packets/wireshark/netchat.lua" in names
    shipped = {
        f"{SHARE}/{path.relative_to(ROOT / 'share').as_posix()}"
        for path in (ROOT / "share").rglob("*")
        if path.is_file()
    }
    assert len(shipped) > 50
    assert shipped | {f"{SHARE}/netchat/grafana.json"} <= names
    assert not [name for name in names if name.startswith("tests/")]


def test_the_installed_command_works(environment: Path) -> None:
    netchat = environment / "bin" / "netchat"
    assert run(netchat, "--version").strip() == f"netchat, version {__version__}"
    assert "Wireshark's dissector for NCP" in run(netchat, "wireshark", "print")
    assert (environment / "share" / "man" / "man1" / "netchat-serve.1").exists()
    assert (environment / "share" / "bash-completion" / "completions" / "netchat").exists()
    assert (environment / "share" / "netchat" / "netchat.service").exists()
    listed = run(
        netchat, _NETCHAT_COMPLETE="bash_complete", COMP_WORDS="netchat ser", COMP_CWORD="1"
    )
    assert listed.split() == ["plain,serve"]


def test_the_installed_server_serves_its_page_and_metrics(environment: Path) -> None:
    with subprocess.Popen(
        [environment / "bin" / "netchat", "serve", "--ephemeral", "--port", "0", "--web-port", "0"],
        stderr=subprocess.PIPE, text=True, cwd=environment,
    ) as server:  # fmt: skip
        assert server.stderr is not None
        try:
            url = next(
                match.group(1)
                for line in server.stderr
                if (match := re.search(r"  page +(http://\S+)", line))
            )
            for path, said in (("/", b"<title>netchat"), ("/metrics", b"netchat_ready 1.0")):
                with urllib.request.urlopen(url + path, timeout=20) as answer:
                    assert said in answer.read()
        finally:
            server.terminate()
        assert server.wait(20) == 0


@pytest.mark.parametrize("tool", ["pipx", "uvx"])
def test_the_lines_of_the_readme(wheel: Path, tool: str) -> None:
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")
    (line,) = (
        command.text
        for block in blocks("README.md")
        for command in commands(block)
        if command.text.startswith(f"{tool} ") and ".whl" in command.text
    )
    typed = line.replace(f"dist/{NAME}", str(wheel)).split()
    assert f"version {__version__}" in run(*typed)
