"""Installation of the Wireshark dissector."""

import subprocess

import pytest

from netchat.errors import NetchatError
from netchat.packets.wireshark import plugin
from netchat.packets.wireshark.dissector import dissector
from tests.packets.sharks import TSHARK, needs_tshark


@needs_tshark
def test_an_installed_dissector_is_loaded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    path = plugin.install()
    assert path.read_text("utf-8") == dissector()
    out = subprocess.run([TSHARK, "-G", "protocols"], capture_output=True, text=True, check=True)
    assert "\tnetchat\n" in out.stdout


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NetchatError, match="Cannot write"):
        plugin.install(tmp_path / "file" / "plugins")


def test_without_tshark_the_usual_folder_is_taken(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert plugin.plugin_folder().is_relative_to(tmp_path)
