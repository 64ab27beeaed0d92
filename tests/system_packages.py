"""`python -m tests.system_packages`: install the programs that some tests need.

As root on Debian or Ubuntu, it installs missing programs, and prints the packages and their purpose
first. `NETCHAT_NO_APT=1` installs nothing. It prints which programs are still missing, with the tests
that are then skipped. It never fails, so the tests run in any case.
"""

from __future__ import annotations

import os
import shutil
import subprocess

__all__ = ["NEEDED"]

#: Each program, its package, and the tests that are skipped without it.
NEEDED = (
    ("strace", "strace", "tests/end_to_end/test_durability.py: the order of sync and send"),
    ("tshark", "tshark", "tests/packets: the dissector and the counts against tshark's"),
    ("ip", "iproute2", "tests/packets and tests/cli/test_sniff.py: captures in namespaces"),
    ("chromium", "chromium", "tests/end_to_end/test_{page*,dashboard}.py: the page in a browser"),
    ("node", "nodejs", "tests/web: the page's codec and its client's rules"),
    (
        "redis-server",
        "redis-server",
        "tests/net/cluster: the log of several servers on a real Redis",
    ),
    ("openssl", "openssl", "tests/net/tls and tests/end_to_end/test_tls.py: versions and chains"),
    ("sslscan", "sslscan", "tests/end_to_end/test_tls.py: what TLS offers"),
    ("testssl", "testssl.sh", "tests/end_to_end/test_tls.py: known weaknesses of TLS"),
    (
        "nginx",
        "nginx libnginx-mod-stream",
        "tests/docs/test_proxies.py: the configurations of the pages",
    ),
    ("caddy", "caddy", "tests/docs/test_proxies.py: the configuration of docs/TLS.md"),
    ("Xvfb", "xvfb", "tests/desktop and tests/cli/test_window.py: the desktop window"),
    ("tmux", "tmux", "tests/end_to_end, of the client in a terminal: what the screen shows"),
)

#: Environment variable that prevents the installation.
NO_APT = "NETCHAT_NO_APT"

#: Timeout of the package manager in seconds, in case a mirror hangs.
TIMEOUT = 120


def main() -> None:
    """Install missing programs where possible and wanted; print the others."""
    missing = _missing()
    if missing and shutil.which("apt-get") and os.geteuid() == 0 and not os.environ.get(NO_APT):
        print("Installing packages of the system with apt-get, for tests that need their programs:")
        for _, package, tests in missing:
            print(f"  {package:<10} {tests}")
        print(f"{NO_APT}=1 installs nothing; these tests are then skipped.", flush=True)
        _install([name for _, package, _ in missing for name in package.split()])
        missing = _missing()
    for program, package, tests in missing:
        print(
            f"{program} is missing; skipped for it: {tests}. To have it: apt-get install {package}"
        )


def _missing() -> list[tuple[str, str, str]]:
    return [entry for entry in NEEDED if shutil.which(entry[0]) is None]


def _install(packages: list[str]) -> None:
    # A new machine may have no package lists yet: fetch them only if the installation fails.
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
