"""Accounts in a cluster: registered on one server, known on all."""

from __future__ import annotations

import pytest

import netchat
from netchat.errors import CannotConnect, Refused
from netchat.wire import AccountStatus, Login
from tests.net.cluster.recorder import until
from tests.net.cluster.redis_process import needs_redis
from tests.net.cluster.servers import join
from tests.net.serving import raw

pytestmark = needs_redis

GOOD, OTHER = "correct horse", "battery staple"


async def test_accounts_in_a_cluster(redis, tmp_path):
    """Register on one server, log in on the other, and the first one hears of it."""
    options = {"accounts": "optional"}
    async with (
        join(redis.url, tmp_path / "east.db", **options) as east,
        join(redis.url, tmp_path / "west.db", **options) as west,
    ):

        def client(serving, **more):
            return netchat.Client(("127.0.0.1", serving.port), name="Nova", **more)

        desk = await client(east).__aenter__()
        await desk.register(GOOD)
        await until(lambda: bool(west.server.state.shared.accounts))
        async with client(west, password=GOOD) as phone:
            assert phone.account == "Nova"
            await until(lambda: desk._ended is not None)
            assert isinstance(desk._ended, CannotConnect)
            await phone.change_password(GOOD, OTHER)
        await desk._stop()
        await until(lambda: east.server.state.shared.digest() == west.server.state.shared.digest())
        async with raw(east.port) as link:
            assert isinstance(await link.answer(Login(1, bytes(16), "Nova", OTHER)), AccountStatus)
        with pytest.raises(Refused):
            await client(west).__aenter__()
