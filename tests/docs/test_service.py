"""`share/netchat/netchat.service`: valid for systemd, hardened, and consistent with the command."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT
from tests.docs.parse import parse

UNIT = ROOT / "share" / "netchat" / "netchat.service"
TEXT = UNIT.read_text("utf-8")

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd is not installed"
)


def test_the_command_is_valid() -> None:
    (line,) = re.findall(r"^ExecStart=(.*)$", TEXT, re.M)
    program, *arguments = shlex.split(line)
    assert program == "/opt/netchat/bin/netchat"
    assert arguments[0] == "--config"
    assert parse(arguments[2:]) == 0


@needs_systemd
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    # The program is not installed where the unit expects it, and its manual may not be either.
    unit = tmp_path / UNIT.name
    text = TEXT.replace("/opt/netchat/bin/netchat", "/bin/true")
    unit.write_text(re.sub(r"^Documentation=man:.*\n", "", text, flags=re.M), "utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False
    )
    complaints = [line for line in done.stderr.splitlines() if UNIT.name in line]
    assert (done.returncode, complaints) == (0, []), done.stderr


@needs_systemd
def test_the_unit_is_hardened() -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", UNIT],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
