"""`netchat class`: group of the commands for a class."""

from __future__ import annotations

import click

from netchat.cli.lazy_group import LazyGroup

__all__ = ["class_"]

#: Name of each command, its module in `netchat.cli`, and its line in the help.
COMMANDS = {
    "new": ("classroom.new", "Create the folder of a class."),
    "serve": ("classroom.serve", "Start the chat server and the class's page."),
}


@click.group("class", cls=LazyGroup, table=COMMANDS, short_help="Set up a class, and serve it.")
def class_() -> None:
    """Set up a class: personalised notebooks, roster, sheets with QR codes, and its server.

    \b
    From the first lesson to the grades:
      netchat class new "Networks 2027" --students 60 --lessons 1-3
      netchat class serve networks-2027
      netchat grade networks-2027/handed-in --roster networks-2027/students.csv --report results
    """
