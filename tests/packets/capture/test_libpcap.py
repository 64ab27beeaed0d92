"""Errors of Scapy's capture thread, as they are reported."""

import pytest
import scapy.sendrecv

from netchat.errors import CaptureError
from netchat.packets.capture.libpcap import LibpcapSource


class Sniffer:
    """Scapy's sniffer, whose thread has already ended."""

    running = False
    exception = None

    def __init__(self, **_):
        self.thread = self

    def start(self):
        pass

    def join(self, timeout):
        pass


@pytest.fixture
def sniffer(monkeypatch):
    """Class whose `exception` is the error of the next capture."""
    monkeypatch.setattr(scapy.sendrecv, "AsyncSniffer", Sniffer)
    monkeypatch.setattr(Sniffer, "exception", None)
    return Sniffer


@pytest.mark.parametrize(
    "error", [PermissionError(1, "Operation not permitted"), OSError("Permission denied")]
)
def test_a_refused_capture(sniffer, error):
    sniffer.exception = error
    with pytest.raises(PermissionError):
        LibpcapSource("lo", ())


def test_an_interface_that_cannot_be_captured(sniffer):
    sniffer.exception = OSError("no such device")
    with pytest.raises(CaptureError, match="Scapy cannot capture: no such device"):
        LibpcapSource("lo", ())


def test_a_permission_that_is_lost_during_the_capture(sniffer):
    source = LibpcapSource("lo", ())
    assert source.read(0.001) is None
    sniffer.exception = PermissionError(13, "Permission denied")
    with pytest.raises(CaptureError, match=r"Scapy cannot capture: .*Permission denied"):
        source.read(0.001)
