"""Running the page's modules under node."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from netchat.web.site import PAGE

__all__ = ["NODE", "run"]

NODE = shutil.which("node")


def run(folder: Path, *arguments: str, text: str = "") -> str:
    """Run node with a copy of the page's modules, whose folder is in the variable PAGE.

    Returns:
        What it prints.
    """
    assert NODE is not None
    for file in PAGE.glob("*.js"):
        shutil.copy(file, folder)
    # Without it, node before version 22 takes a .js file for a script.
    (folder / "package.json").write_text('{"type": "module"}')
    done = subprocess.run(
        [NODE, *arguments],
        env={**os.environ, "PAGE": str(folder)},
        input=text,
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
