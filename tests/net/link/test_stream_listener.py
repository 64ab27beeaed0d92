"""The acceptor of links on the chat's TCP port."""

from __future__ import annotations

import pytest

from netchat.link.link import Link
from netchat.net.link import stream_listener as module
from netchat.wire import ErrorCode
from tests.net.serving import raw, serve


async def test_a_link_is_refused_if_its_modules_cannot_be_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tries = []

    def failing() -> None:
        tries.append(1)
        raise ImportError("no module named numba")

    monkeypatch.setattr(module, "_prepare", failing)
    async with serve(handshake_timeout=1000.0) as serving:
        for count in (1, 2):  # the next link tries again
            async with raw(serving.port) as link:
                link.send(Link.client("uncoded").data_to_send(0.0))
                await link.end()
            (error,) = link.got
            assert error.code == ErrorCode.UNEXPECTED
            assert "no module named numba" in error.text
            assert len(tries) == count
            assert len(serving.noted("dismissed")) == count
        async with raw(serving.port, "Nova") as nova:
            assert nova.got  # the chat is not affected
