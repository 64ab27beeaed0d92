"""Program `netchat` as a child process that does not outlive its parent.

    subprocess.Popen([sys.executable, "-m", "netchat.cli.child", "serve"], stdin=subprocess.PIPE)

Its standard input ends when the parent ends, for whatever reason. It then terminates itself.
"""

from __future__ import annotations

import os
import signal
import threading

from netchat.__main__ import main

__all__: list[str] = []


def _end_with_input() -> None:
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_end_with_input, daemon=True).start()
    main()
