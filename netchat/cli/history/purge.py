"""`netchat history purge`: delete old events."""

from __future__ import annotations

from pathlib import Path

import click

from netchat.cli.params.duration import DURATION
from netchat.net.history.offline import purge_history
from netchat.wording import many

__all__ = ["purge"]


@click.command(short_help="Delete old events.")
@click.option("--keep", type=DURATION, required=True, help="Age from which events are deleted.")
@click.pass_obj
def purge(path: Path, keep: float) -> None:
    """Delete events older than --keep at once. Stop the server first.

    The last event of each room stays, so that its sequence numbers continue. A running server deletes old
    events itself: netchat serve --keep.

    \b
    Example:
      netchat history purge --keep 30d
    """
    click.echo(f"{many(purge_history(path, keep), 'event')} deleted from {path}")
