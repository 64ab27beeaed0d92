"""`netchat lab`: group of the lab's commands."""

from __future__ import annotations

import click

from netchat.cli.lazy_group import LazyGroup

__all__ = ["lab"]

#: Name of each command of the lab, its module in `netchat.cli`, and its line in the help.
COMMANDS = {
    "up": ("lab.up", "Create the hosts and the network between them."),
    "exec": ("lab.exec", "Run a program on a host."),
    "status": ("lab.status", "Show the hosts and the network's counters."),
    "sniff": ("lab.sniff", "Capture chat traffic on a host's cable."),
    "solve": ("lab.solve", "Answer what is wrong in a mystery."),
    "down": ("lab.down", "Remove the lab and end its programs."),
    "grade": ("grade", "Grade students' notebooks: netchat grade by its earlier name."),
}


@click.group(
    cls=LazyGroup,
    table=COMMANDS,
    short_help="Create hosts on this machine, connected by a lossy network.",
)
@click.option(
    "--name", default="lab", show_default=True, metavar="NAME",
    help="Name of the lab, to run several at once.",
)  # fmt: skip
@click.pass_context
def lab(ctx: click.Context, name: str) -> None:
    """Create hosts on this machine, connected by a network that loses, reorders and damages packets.

    The hosts are network namespaces, named h1, h2 and so on. A bridge between them applies the
    selected impairments to real Ethernet frames. The lab requires Linux and root.

    \b
    Try it, in four terminals:
      sudo netchat lab up --hosts 3 --channel bsc:1e-5 --loss 0.01 --delay 20ms
      sudo netchat lab exec h1 -- netchat serve --lan --ephemeral
      sudo netchat lab exec h2 -- netchat client h1 --name Nova
      sudo netchat lab sniff

    \b
    Teachers of the course in experiments/ grade notebooks without root:
      netchat grade handed-in/*/01*.ipynb -o grades.csv
    """
    ctx.obj = name
