"""Helper that runs the page's modules under node."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from netchat.web.site import PAGE

__all__ = ["NODE", "copy_page", "run"]

NODE = shutil.which("node")


def copy_page(folder: Path) -> None:
    """Copy the page's modules to a folder, where node treats them as modules."""
    for file in PAGE.glob("*.js"):
        shutil.copy(file, folder)
    shutil.copytree(PAGE / "lab", folder / "lab", dirs_exist_ok=True)
    # Without package.json, node before version 22 loads .js files as CommonJS.
    (folder / "package.json").write_text('{"type": "module"}')


def run(folder: Path, *arguments: str, text: str = "") -> str:
    """Run node with a copy of the page's modules; the variable PAGE holds their folder.

    Returns:
        Its standard output.
    """
    assert NODE is not None
    if not (folder / "package.json").exists():
        copy_page(folder)
    done = subprocess.run(
        [NODE, *arguments],
        env={**os.environ, "PAGE": str(folder)},
        input=text,
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
