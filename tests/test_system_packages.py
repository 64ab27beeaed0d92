"""`make test` prints which packages it installs before it does, and can be told to install none."""

from __future__ import annotations

import os
import shutil

import pytest

from tests import system_packages


@pytest.fixture
def machine(monkeypatch):
    """Simulate root on a machine without strace and tmux; return the calls of apt-get."""
    here = {"apt-get", *(program for program, _, _ in system_packages.NEEDED)} - {"strace", "tmux"}
    calls: list[tuple[str, ...]] = []

    def apt(*command: str) -> bool:
        calls.append(command)
        here.update(command[1:])
        return True

    monkeypatch.setattr(shutil, "which", lambda program: program if program in here else None)
    monkeypatch.setattr(os, "geteuid", lambda: 0, raising=False)
    monkeypatch.setattr(system_packages, "_apt", apt)
    monkeypatch.delenv("NETCHAT_NO_APT", raising=False)
    return calls


def test_the_packages_and_their_purpose_are_printed_first(machine, monkeypatch, capsys):
    said: list[str] = []
    install = system_packages._install
    monkeypatch.setattr(
        system_packages,
        "_install",
        lambda packages: (said.append(capsys.readouterr().out), install(packages)),
    )
    system_packages.main()
    assert machine == [("install", "strace", "tmux")]
    assert "strace     tests/end_to_end/test_durability.py: the order of sync and send" in said[0]
    assert "tmux       tests/end_to_end, of the client in a terminal" in said[0]
    assert "NETCHAT_NO_APT=1 installs nothing" in said[0]
    assert capsys.readouterr().out == ""


def test_nothing_is_installed_if_disabled(machine, monkeypatch, capsys):
    monkeypatch.setenv("NETCHAT_NO_APT", "1")
    system_packages.main()
    assert machine == []
    out = capsys.readouterr().out
    assert "strace is missing; skipped for it: " in out
    assert "To have it: apt-get install tmux" in out


def test_without_root_nothing_is_installed(machine, monkeypatch, capsys):
    monkeypatch.setattr(os, "geteuid", lambda: 1000, raising=False)
    system_packages.main()
    assert machine == []
    assert "strace is missing" in capsys.readouterr().out
