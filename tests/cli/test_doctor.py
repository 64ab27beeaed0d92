import ast
import json
import os
import shutil
import socket
import subprocess
import sys

import pytest
from click.testing import CliRunner

from netchat.cli.main import cli
from netchat.doctor import checks as machine
from netchat.doctor.checks import Check, run_checks


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run `netchat doctor` in an empty folder."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return lambda *arguments: CliRunner().invoke(cli, ["doctor", *arguments])


def test_every_check_is_printed(run):
    result = run()
    findings = json.loads(run("--json").stdout)
    assert result.exit_code == 0
    assert [row["name"] for row in findings] == [check.name for check in run_checks()]
    for row in findings:
        assert row["name"] in result.output
        assert row["found"]
        assert row["ok"] == (row["mend"] == "")
        assert row["mend"] in result.output


def test_everything_missing(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr("ctypes.util.find_library", lambda name: None)

    def refuse(*arguments):
        raise PermissionError

    monkeypatch.setattr(socket, "socket", refuse)
    found = {check.name: check for check in run_checks()}
    assert not found["scapy"].ok
    assert found["scapy"].core
    assert found["scapy"].mend == f"{sys.executable} -m pip install scapy"
    assert found["libpcap"].mend.startswith("install libpcap")
    assert found["tshark"].mend.startswith("install tshark")
    assert "netchat" in found["Wireshark dissector"].mend
    if sys.platform == "linux":
        assert found["raw sockets"].mend == 'sudo "$(command -v netchat)" sniff'


@pytest.mark.parametrize(
    ("manager", "line"),
    [
        ("apt-get", "sudo apt-get install -y libpcap0.8"),
        ("dnf", "sudo dnf install -y libpcap"),
        ("brew", "brew install libpcap"),
    ],
)
def test_the_install_command_matches_the_system(monkeypatch, manager, line):
    monkeypatch.setattr(shutil, "which", lambda name: name if name == manager else None)
    assert machine._install("libpcap") == line


@pytest.mark.parametrize(("core", "code"), [(True, 1), (False, 0)])
def test_exit_code(run, monkeypatch, core, code):
    missing = Check("thing", "everything", ok=False, found="gone", mend="fetch thing", core=core)
    monkeypatch.setattr("netchat.cli.doctor.run_checks", lambda: iter([missing]))
    result = run()
    assert result.exit_code == code
    assert "fetch thing" in result.output


@pytest.mark.parametrize(
    ("before", "env", "ok", "says"),
    [
        ("", {"NUMBA_CACHE_DIR": "{0}/cache"}, True, "keeps what it compiled in {0}/cache/reed_solomon_"),
        ("", {"NUMBA_CACHE_DIR": "{0}/none/and/none"}, True, "keeps what it compiled in {0}/none/and/"),
        ("import numba.core.caching as c; c.CacheImpl._locator_classes = []\n", {}, False,
         "compiles in each process: no folder to keep kernels can be written"),
        ("", {"NUMBA_DISABLE_JIT": "1"}, False, "NUMBA_DISABLE_JIT is set"),
    ],
)  # fmt: skip
def test_the_kernel_cache_check_matches_numba(tmp_path, before, env, ok, says):
    """Compare with what Numba does in these cases, not with its documentation."""
    program = f"{before}from netchat.doctor.checks import _numba; print(_numba()._asdict())"
    env = {name: value.format(tmp_path) for name, value in env.items()}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **env}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    check = ast.literal_eval(done.stdout)
    assert check["ok"] == ok
    assert bool(check["mend"]) != ok
    assert says.format(tmp_path) in check["found"]


def test_damaged_kernels_are_counted(tmp_path, monkeypatch):
    (tmp_path / "decode-1.py311.1.nbc").write_bytes(b"x" * 100)
    monkeypatch.setattr("netchat.jit.cache_folder", lambda _: tmp_path)
    check = machine._numba()
    assert check.ok
    assert "damaged, to be compiled again: 1" in check.found
