"""Type of options that take the secret of a sealed room."""

from __future__ import annotations

import click

from netchat.chat.sealing.room_secret import read_invitation, read_secret

__all__ = ["RoomSecret"]


class RoomSecret(click.ParamType):  # type: ignore[type-arg]
    """Secret of a sealed room: `SECRET`, `CODE#SECRET`, its link, 12 words, or a `/join` line."""

    name = "secret"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> bytes:
        """Return the secret, of 16 bytes."""
        if isinstance(value, bytes):
            return value
        written = str(value).strip().removeprefix("/join ")
        is_invitation = "#" in written or len(written.split()) == 13
        try:
            return read_secret(read_invitation(written)[1] if is_invitation else written)
        except ValueError as error:
            self.fail(str(error), param, ctx)
