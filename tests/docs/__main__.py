"""`python -m tests.docs [PAGE…]`: run the commands on the pages and report what does not work.

It needs the ports used on the pages. Run it in its own network namespace, as the tests do, with
`unshare -n` (as root) or `unshare -rn`.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.docs.blocks import PAGES
from tests.docs.session import Session


def main(pages: list[str]) -> int:
    """Check pages; return 1 if there are problems, otherwise 0."""
    # Background jobs ignore SIGINT, and their children would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if ip := shutil.which("ip"):
        # Loopback, and the address that the pages use for another host.
        subprocess.run([ip, "link", "set", "lo", "up"], check=False)
        subprocess.run([ip, "address", "add", "192.168.1.20/24", "dev", "lo"], check=False)
    with tempfile.TemporaryDirectory(prefix="netchat-pages-") as folder:
        session = Session(Path(folder))
        try:
            for page in pages or PAGES:
                session.read(page)
        finally:
            session.close()
    print("\n".join(session.problems))
    return bool(session.problems)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
