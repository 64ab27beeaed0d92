"""The page of a server of a cluster that stops responding."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.end_to_end.browsing import People, browser, needs_chromium
from tests.end_to_end.processes import Server, free_port
from tests.net.cluster.redis_process import RedisProcess, needs_redis

pytestmark = [needs_chromium, needs_redis]

#: Longest time until the page moves, in ms: twice 5 s of silence, on a busy machine.
MOVE_TIMEOUT = 60_000


def member(redis: RedisProcess, history: Path) -> Server:
    """Return a server of a cluster, with a page."""
    page = str(free_port())
    cluster = ("--cluster", str(redis.url), "--history", str(history))
    return Server(*cluster, "--web", "--web-port", page, port=free_port())


@pytest.fixture
def redis(tmp_path: Path):
    running = RedisProcess(tmp_path)
    running.start()
    yield running
    running.stop()


@pytest.mark.timeout(180)
def test_an_open_page_moves_to_a_server_that_joined_later(redis, tmp_path):
    """The frozen server's lease has expired by then, and nothing is lost or duplicated."""
    with browser() as chromium, member(redis, tmp_path / "east.db") as east:
        east.wait_for("cluster")
        people = People(chromium, f"http://127.0.0.1:{east.wait_for('page')['port']}")
        maya = people.new()
        maya.enter("Maya")
        link = maya.page.locator(".invitation a").first
        expect(link).to_have_attribute("href", re.compile(f":{east.wait_for('page')['port']}/r/"))
        with member(redis, tmp_path / "west.db") as west:
            west.wait_for("cluster")
            maya.say("before")
            maya.sees("before")  # after the list of servers, on the same connection
            os.kill(east.pid, signal.SIGSTOP)
            maya.say("during")
            west.wait_for("resumed", name="Maya", timeout=MOVE_TIMEOUT / 1000)
            expect(maya.pending).to_have_count(0)
            maya.say("after")
            maya.sees("after")
            assert maya.texts() == ["before", "during", "after"]
            expect(link).to_have_attribute(
                "href", re.compile(f":{west.wait_for('page')['port']}/r/")
            )
            expect(maya.page.locator(".invitation img").first).to_be_hidden()
            people.go_home()
