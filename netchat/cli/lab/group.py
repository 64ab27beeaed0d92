"""`netchat lab`: hosts and a bad network on this machine. Its commands are files of their own."""

from __future__ import annotations

import click

from netchat.cli.lazy import LazyGroup

__all__ = ["lab"]

#: Every command of the lab: its name, the module in `netchat.cli` that has it, its line in the help.
COMMANDS = {
    "up": ("lab.up", "Make the hosts and the network between them."),
    "exec": ("lab.exec", "Run a program on a host."),
    "status": ("lab.status", "Show the hosts, and what the network has done."),
    "sniff": ("lab.sniff", "Show the chat on a host's cable."),
    "down": ("lab.down", "End the lab, and whatever runs in it."),
    "grade": ("lab.grade", "Run the self-checks on students' notebooks, and write a CSV."),
}


@click.group(
    cls=LazyGroup,
    table=COMMANDS,
    short_help="Make hosts on this machine, joined by a network that damages.",
)
@click.option(
    "--name", default="lab", show_default=True, metavar="NAME",
    help="Which lab, if there are several at a time.",
)  # fmt: skip
@click.pass_context
def lab(ctx: click.Context, name: str) -> None:
    """Hosts on this machine, joined by a network that loses, reorders and damages.

    The hosts are network namespaces, called h1, h2 and so on. What they send each other passes a
    bridge that does to real Ethernet frames what is asked for. It needs Linux and root.

    \b
    Try it, in four terminals:
      sudo netchat lab up --hosts 3 --channel bsc:1e-5 --loss 0.01 --delay 20ms
      sudo netchat lab exec h1 -- netchat serve --lan
      sudo netchat lab exec h2 -- netchat client h1 --name Nova
      sudo netchat lab sniff

    \b
    For instructors of the course in experiments/, without root:
      netchat lab grade handed-in/*/01*.ipynb -o grades.csv
    """
    ctx.obj = name
