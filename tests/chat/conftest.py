"""Two connections in the lobby, for tests that speak frame by frame."""

import pytest

from netchat.wire import Join
from tests.chat.world import World


@pytest.fixture
def world():
    return World(max_rooms=4)


@pytest.fixture
def nova(world):
    link, _ = world.greet("Nova")
    world.say(link, Join(1, 0, 0, "lobby"))
    return link


@pytest.fixture
def sourav(world, nova):
    link, _ = world.greet("Sourav")
    world.say(link, Join(1, 0, 0, "lobby"))
    nova.take()
    return link
