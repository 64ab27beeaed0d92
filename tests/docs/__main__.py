"""`python -m tests.docs [PAGE…]`: read the pages one after another, and tell what does not hold.

It takes the ports of the pages: run it in a network of its own, as the tests do, with
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
    """1 if a page says what is not so."""
    # A job in the background ignores SIGINT, and so would everything it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if ip := shutil.which("ip"):
        # The reader's own machine, and a neighbour of it.
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
