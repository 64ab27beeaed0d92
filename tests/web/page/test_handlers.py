"""Tests of moderation with Python's clients, run on the page's client under node."""

import pytest

from tests.chat import world as chat
from tests.chat.test_moderation_rules import (  # noqa: F401
    TestBans,
    TestMutes,
    TestRanks,
    TestRemoval,
    TestRooms,
    school,
    world,
)
from tests.web.page_client import NODE, Node

pytestmark = pytest.mark.skipif(
    NODE is None, reason="node is not installed: apt-get install nodejs"
)


@pytest.fixture(scope="module")
def node():
    process = Node()
    yield process
    process.close()


@pytest.fixture(autouse=True)
def page_clients(node, monkeypatch):
    """Make every client of the simulated world one of the page's."""
    monkeypatch.setattr(chat, "ChatClient", node.client)
