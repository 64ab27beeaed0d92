"""Fixtures of the tests of the whole program."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser for all tests of a module."""
    from tests.end_to_end.browsing import browser  # most tests need no browser

    with browser() as running:
        yield running
