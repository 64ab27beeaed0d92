"""The checks of `netchat doctor`: what they find, and the fixes they suggest."""

import ast
import datetime
import os
import shutil
import socket
import subprocess
import sys

import pytest

from netchat.doctor import checks, run_checks
from netchat.errors import NotPermitted
from netchat.net.tls.server import TlsServer


def test_fixes_if_nothing_is_installed(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr("ctypes.util.find_library", lambda name: None)

    def refuse(*arguments):
        raise PermissionError

    monkeypatch.setattr(socket, "socket", refuse)
    found = {check.name: check for check in run_checks()}
    assert not found["scapy"].ok
    assert found["scapy"].core
    assert found["scapy"].fix == f"{sys.executable} -m pip install scapy"
    assert found["libpcap"].fix.startswith("install libpcap")
    assert found["tshark"].fix.startswith("install tshark")
    assert "netchat" in found["Wireshark dissector"].fix
    if sys.platform == "linux":
        assert found["raw sockets"].fix == 'sudo "$(command -v netchat)" sniff'


@pytest.mark.parametrize(
    ("manager", "line"),
    [
        ("apt-get", "sudo apt-get install -y libpcap0.8"),
        ("dnf", "sudo dnf install -y libpcap"),
        ("brew", "brew install libpcap"),
    ],
)
def test_install_commands_use_this_systems_package_manager(monkeypatch, manager, line):
    monkeypatch.setattr(shutil, "which", lambda name: name if name == manager else None)
    assert checks._install("libpcap") == line


@pytest.mark.parametrize(
    ("before", "env", "ok", "says"),
    [
        ("", {"NUMBA_CACHE_DIR": "{0}/cache"}, True, "cached in {0}/cache/reed_solomon_"),
        ("", {"NUMBA_CACHE_DIR": "{0}/none/and/none"}, True, "cached in {0}/none/and/"),
        ("import numba.core.caching as c; c.CacheImpl._locator_classes = []\n", {}, False,
         "compiles in each process: no cache folder is writable"),
        ("", {"NUMBA_DISABLE_JIT": "1"}, False, "NUMBA_DISABLE_JIT is set"),
    ],
)  # fmt: skip
@pytest.mark.slow
def test_cache_folder_of_kernels(tmp_path, before, env, ok, says):
    """Run Numba itself, rather than rely on its documentation."""
    program = f"{before}from netchat.doctor.checks import _numba; print(_numba().as_dict())"
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
    check = checks._numba()
    assert check.ok
    assert "damaged, will be recompiled: 1" in check.found


@pytest.mark.parametrize(
    ("days", "ok", "says"), [(1, True, "certificate until"), (366, False, "expired on")]
)
def test_an_expired_certificate_is_found(tmp_path, monkeypatch, days, ok, says):
    now = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=days)
    monkeypatch.setattr("netchat.net.tls.server.default_folder", lambda: tmp_path)
    TlsServer(folder=tmp_path, now=lambda: now)
    (check,) = [check for check in run_checks() if check.name == "TLS 1.3"]
    assert check.ok is ok
    assert says in check.found
    assert ok or check.fix == "netchat serve --tls"


@pytest.mark.parametrize(
    ("level", "missing", "filtered", "ok", "says"),
    [
        ("namespaces", "", b"filter", True, "namespaces, with a seccomp filter"),
        ("namespaces", "", b"", False, "no seccomp filter for"),
        (
            "rights",
            "notebooks run with your rights (no)",
            b"filter",
            False,
            "with your rights (no)",
        ),
    ],
)
def test_a_missing_sandbox_is_found(monkeypatch, level, missing, filtered, ok, says):
    monkeypatch.setattr("netchat.course.student_process.isolation", lambda: (level, missing))
    monkeypatch.setattr("netchat.course.syscall_filter.compile_filter", lambda: filtered)
    check = checks._sandbox()
    assert check.ok is ok
    assert says in check.found
    assert ok or "--no-sandbox" in check.fix


def test_a_sandbox_that_root_lacks_is_found(monkeypatch):
    def refuse():
        raise NotPermitted("Notebooks would run as root.")

    monkeypatch.setattr("netchat.course.student_process.isolation", refuse)
    assert checks._sandbox()[2:] == (
        False,
        "root without namespaces",
        "grade as another user",
        False,
    )
