"""Labs for tests, which need root on Linux."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

from tests.packets.namespaces import needs_root

__all__ = ["NAME", "TIMEOUT", "lab", "leftovers", "needs_root", "started"]

#: Name of a lab that no other test run uses.
NAME = f"t{os.getpid()}"

#: Timeout of all waits, in seconds.
TIMEOUT = 20


def _line(*arguments):
    return [sys.executable, "-m", "netchat", "lab", "--name", NAME, *arguments]


def lab(*arguments, code=0, **options):
    """Run a command of the lab and check its exit code."""
    done = subprocess.run(
        _line(*arguments), capture_output=True, text=True, check=False, timeout=TIMEOUT, **options
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


@contextlib.contextmanager
def started(*arguments, **options):
    """Run a command of the lab while the `with` block runs."""
    with subprocess.Popen(_line(*arguments), text=True, **options) as process:
        try:
            yield process
        finally:
            process.kill()


def leftovers():
    """Return everything that exists of this lab."""
    places = (Path("/run/netns"), Path("/etc/netns"), Path("/run/netchat"))
    return [
        path
        for place in places
        if place.is_dir()
        for path in place.iterdir()
        if path.name.startswith((f"netchat-{NAME}-", f"{NAME}."))
    ]
