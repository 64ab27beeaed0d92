"""`python -m tests.system_packages`: programs of the system that some tests drive.

As root on Debian and its kin, what is missing is installed; which packages, and what for, is printed
first. `NETCHAT_NO_APT=1` installs nothing. What is then missing is named, with the tests that will
skip themselves. Either way the tests go on: this never fails.
"""

from __future__ import annotations

import os
import shutil
import subprocess

__all__ = ["NEEDED"]

#: The program, its package, and which tests skip themselves without it.
NEEDED = (
    ("strace", "strace", "tests/end_to_end/test_durability.py: the order of sync and send"),
    ("tshark", "tshark", "tests/packets: the dissector and the counts against tshark's"),
    ("ip", "iproute2", "tests/packets and tests/cli/test_sniff.py: captures in namespaces"),
    ("chromium", "chromium", "tests/end_to_end/test_{page*,dashboard}.py: the page in a browser"),
    ("node", "nodejs", "tests/web: the page's codec and its client's rules"),
    ("tmux", "tmux", "tests/end_to_end, of the client in a terminal: what the screen shows"),
)

#: The variable that, if it is set, keeps this from changing the machine.
NO_APT = "NETCHAT_NO_APT"

#: Seconds for the package manager; a mirror that hangs must not keep the tests waiting for ever.
TIMEOUT = 120


def main() -> None:
    """Install what is missing, where that is possible and wanted; name the rest."""
    missing = _missing()
    if missing and shutil.which("apt-get") and os.geteuid() == 0 and not os.environ.get(NO_APT):
        print("Installing packages of the system with apt-get, for tests that need their programs:")
        for _, package, tests in missing:
            print(f"  {package:<10} {tests}")
        print(f"{NO_APT}=1 installs nothing; these tests are then skipped.", flush=True)
        _install([package for _, package, _ in missing])
        missing = _missing()
    for program, package, tests in missing:
        print(
            f"{program} is missing; skipped for it: {tests}. To have it: apt-get install {package}"
        )


def _missing() -> list[tuple[str, str, str]]:
    return [entry for entry in NEEDED if shutil.which(entry[0]) is None]


def _install(packages: list[str]) -> None:
    # A fresh machine may have no package lists yet: they are fetched only if it fails without.
    if not _apt("install", *packages):
        _apt("update")
        _apt("install", *packages)


def _apt(*command: str) -> bool:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            ["apt-get", "-qq", "-y", "--no-install-recommends", *command],
            env=environment,
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


if __name__ == "__main__":
    main()
