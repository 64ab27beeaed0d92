"""Command line: `main` is the console script `netchat`.

`main.py` lists the commands; each is a separate module, imported when it runs. `lab/` holds the
subcommands of `netchat lab`, `params/` options that several commands share, `render/` output for the
terminal. `config` reads the configuration file and the environment.
"""

from netchat.cli.main import main

__all__ = ["main"]
