"""A network namespace for tests of live capture, which need root on Linux."""

import contextlib
import os
import subprocess
import sys

import pytest

__all__ = ["NAME", "needs_root", "network"]

NAME = f"netchat-test-{os.getpid()}"


def _may() -> bool:
    if sys.platform != "linux" or os.geteuid() != 0:
        return False
    try:
        made = subprocess.run(["ip", "netns", "add", NAME], capture_output=True, check=False)
    except OSError:
        return False
    subprocess.run(["ip", "netns", "del", NAME], capture_output=True, check=False)
    return made.returncode == 0


needs_root = pytest.mark.skipif(
    not _may(), reason="live capture is tested by root, on Linux, with `ip netns`"
)


@contextlib.contextmanager
def network():
    """Create a namespace with a loopback interface and a veth pair, left and right."""
    commands = [
        ["ip", "netns", "add", NAME],
        ["ip", "-n", NAME, "link", "set", "lo", "up"],
        ["ip", "-n", NAME, "link", "add", "left", "type", "veth", "peer", "name", "right"],
        ["ip", "-n", NAME, "link", "set", "left", "up"],
        ["ip", "-n", NAME, "link", "set", "right", "up"],
    ]
    try:
        for command in commands:
            subprocess.run(command, check=True)
        yield ["ip", "netns", "exec", NAME]
    finally:
        subprocess.run(["ip", "netns", "del", NAME], capture_output=True, check=False)
