"""Options that take the secret of a sealed room."""

from __future__ import annotations

import click
import pytest

from netchat.chat.sealing.room_secret import secret_words, show_secret
from netchat.cli.params.room_secret import RoomSecret

SECRET = bytes(range(16))
WORDS = secret_words(SECRET)
ENCODED = show_secret(SECRET)


@pytest.mark.parametrize(
    "written",
    [
        ENCODED,
        f"7K3F9-2MQ0T#{ENCODED}",
        f"/join 7K3F9-2MQ0T#{ENCODED}",
        f"https://192.0.2.1:6480/r/7K3F92MQ0T#{ENCODED}",
        WORDS,
        f"7K3F9-2MQ0T {WORDS}",
        f"/join 7K3F9-2MQ0T {WORDS}\n",
    ],
)
def test_every_form_that_a_client_shows_is_accepted(written) -> None:
    assert RoomSecret().convert(written, None, None) == SECRET


@pytest.mark.parametrize(
    "written", ["", "7K3F9-2MQ0T", "7K3F9-2MQ0T#", f"{WORDS} {WORDS}", "#" * 9]
)
def test_others_are_refused(written) -> None:
    with pytest.raises(click.UsageError, match="secret has"):
        RoomSecret().convert(written, None, None)
