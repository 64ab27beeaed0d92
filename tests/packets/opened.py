"""Captures that are indexed and decoded to their end."""

from __future__ import annotations

from pathlib import Path

from netchat.packets import Decoder
from netchat.packets.browse.capture import BrowsedCapture
from tests.end_to_end.processes import ROOT

CAPTURES = sorted((ROOT / "captures").glob("*.pcapng"))


def opened(path: Path | str, ports=(6464,)) -> BrowsedCapture:
    capture = BrowsedCapture.open(path, Decoder(ports, trace="unusual"))
    while not capture.index(0.1):
        pass
    while not capture.decode(0.1):
        pass
    return capture
