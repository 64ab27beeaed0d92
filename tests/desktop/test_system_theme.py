"""Whether the desktop is dark."""

from __future__ import annotations

import pytest

from netchat.desktop.system_theme import is_desktop_dark


@pytest.mark.parametrize(
    ("answer", "is_dark"),
    [("echo \"'prefer-dark'\"", True), ("echo default", False), ("exit 1", False)],
)
def test_gnome_tells_by_a_command(answer, is_dark, tmp_path, monkeypatch):
    program = tmp_path / "gsettings"
    program.write_text(f"#!/bin/sh\n{answer}\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    assert is_desktop_dark("linux") is is_dark


def test_without_an_answer_it_is_light(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert not any(map(is_desktop_dark, ("linux", "darwin", "win32", "other")))
