"""Items of a short chat."""

from __future__ import annotations

import pytest

from netchat.packets import Item
from tests.packets.chatter import decode
from tests.packets.story import story


@pytest.fixture(scope="module")
def items() -> list[Item]:
    return decode(story())


@pytest.fixture(scope="module")
def traced() -> list[Item]:
    return decode(story(), trace=True)
