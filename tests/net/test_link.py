"""The chat over a link, through real sockets: server and clients in this process."""

from __future__ import annotations

import pytest

from netchat.chat.happenings import Offline
from netchat.net.path import NoisyPath
from tests.net.serving import serve, talker


@pytest.mark.parametrize(
    ("link", "channel"),
    [
        ("uncoded", None),
        ("rs:255,223", "bsc:1e-3"),
        ("rs:255,127+hamming:7,4", "bsc:1e-2"),
        ("uncoded", "bsc:1e-3"),
        ("hamming:15,11", "gilbert-elliott:1e-4,0.01,1e-5,0.3"),
    ],
)
async def test_a_chat_over_a_link_is_whole(link: str, channel: str | None) -> None:
    texts = [f"message {i} " + "x" * (i % 300) for i in range(300)]
    async with serve(rate=0) as serving:
        path = NoisyPath(link, channel, seed=5)
        async with (
            talker(serving.port, "Nova", "lobby", path=path) as nova,
            talker(serving.port, "Sourav", "lobby") as plain,
        ):
            nova.say(*texts)
            plain.say(*texts)
            for one in (nova, plain):
                await one.until(lambda one=one: len(one.texts()) == 600)

            assert nova.texts() == plain.texts()
            assert sorted(nova.texts()) == sorted(texts * 2)
            assert path.link is not None
            assert path.link.opened
            assert nova.all(Offline) == []
            if channel is not None:
                assert path.link.stats.wrong_bits > 0
