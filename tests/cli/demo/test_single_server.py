"""`netchat demo`, without its load test."""

import subprocess
import sys

from tests.end_to_end.processes import ROOT


def test_the_demo_survives_its_own_faults():
    done = subprocess.run(
        [sys.executable, "-m", "netchat", "demo", "--quick"],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    titles = [line.split(".")[0] for line in done.stdout.splitlines() if line[:1].isdigit()]
    assert titles == ["1", "2", "3", "4"]
    assert "Maya is back and has received what she missed" in done.stdout
    assert "50 messages sent meanwhile, 0 lost" in done.stdout
    assert "magic" in done.stdout.split("4. One message on the wire")[1]
