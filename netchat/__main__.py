"""Program `netchat`, also as `python -m netchat`."""

import os
import signal

from netchat.exit_codes import INTERRUPTED

__all__ = ["main"]


def main() -> None:
    """Load the command line and run it; an interrupt while it loads ends the program at once."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:  # not if the shell makes a background job ignore it
        signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))
    from netchat.cli import main as run

    signal.signal(signal.SIGINT, before)
    run()


if __name__ == "__main__":
    main()
