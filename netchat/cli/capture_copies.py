"""Copies of captures that can be shared: without TLS secrets, or anonymised."""

from __future__ import annotations

from pathlib import Path

import click

from netchat.exit_codes import FAILED, OK
from netchat.wording import many

__all__ = ["anonymise_capture", "strip_capture"]


def strip_capture(file: str, target: str) -> int:
    """Copy a capture without its secrets; return the exit code."""
    from netchat.files import tighten
    from netchat.packets.capture.strip import strip_secrets

    if notice := tighten(Path(target)):
        click.echo(notice, err=True)
    stripped = strip_secrets(file, target)
    click.echo(
        f"Wrote {target}, without {many(stripped.blocks, 'block')} of TLS secrets.", err=True
    )
    if stripped.rest:
        click.echo(
            f"netchat: {file} is damaged: its last {many(stripped.rest, 'byte')} were left out, "
            "since they may contain secrets",
            err=True,
        )
        return FAILED
    return OK


def anonymise_capture(file: str, target: str, ports: tuple[int, ...], limit: int) -> int:
    """Copy the chat in a capture with stand-ins; return the exit code."""
    from netchat.files import tighten
    from netchat.packets.anonymise import anonymise

    if notice := tighten(Path(target)):
        click.echo(notice, err=True)
    done = anonymise(file, target, ports, limit=limit)
    click.echo(
        f"Wrote {target}: {many(done.packets, 'packet')}, with stand-ins for "
        f"{many(done.names, 'name')}, {many(done.texts, 'text')} and "
        f"{many(done.addresses, 'address', 'addresses')}. "
        f"Left out: {many(done.left_out, 'packet')} that do not belong to a chat.",
        err=True,
    )
    return OK
