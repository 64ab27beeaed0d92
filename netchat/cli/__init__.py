"""The command line: `main` is the console script `netchat`."""

from netchat.cli.main import main

__all__ = ["main"]
