"""`netchat lab` of a test's own, which needs root on Linux."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

from tests.packets.namespaces import needs_root

__all__ = ["NAME", "TIMEOUT", "lab", "leftovers", "needs_root", "started"]

#: A lab that no other run of the tests has.
NAME = f"t{os.getpid()}"

#: Seconds for anything that is waited for.
TIMEOUT = 20


def _line(*arguments):
    return [sys.executable, "-m", "netchat", "lab", "--name", NAME, *arguments]


def lab(*arguments, code=0, **options):
    """Run a command of the lab to its end; it has to end with this exit code."""
    done = subprocess.run(
        _line(*arguments), capture_output=True, text=True, check=False, timeout=TIMEOUT, **options
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


@contextlib.contextmanager
def started(*arguments, **options):
    """A command of the lab, for as long as the `with` block lasts."""
    with subprocess.Popen(_line(*arguments), text=True, **options) as process:
        try:
            yield process
        finally:
            process.kill()


def leftovers():
    """Whatever there is of this lab."""
    places = (Path("/run/netns"), Path("/etc/netns"), Path("/run/netchat"))
    return [
        path
        for place in places
        if place.is_dir()
        for path in place.iterdir()
        if path.name.startswith((f"netchat-{NAME}-", f"{NAME}."))
    ]
