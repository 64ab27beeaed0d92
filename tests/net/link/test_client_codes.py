"""Codes of a client's links: those with incremental redundancy follow in the background."""

from __future__ import annotations

import threading

import pytest

from netchat.link.code_table import table
from netchat.net.link import client_codes
from netchat.net.link.client_codes import ready_code, warm_up_client


def test_a_link_does_not_wait_for_codes_that_it_may_use_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loaded = threading.Event()
    monkeypatch.setattr(client_codes, "warm_up_redundancy", loaded.wait)
    client_codes._loading.cache_clear()
    try:
        warm_up_client("adaptive")
        assert ready_code("rs:255,223") is table()[4]
        assert ready_code("nr:3") is None
        thread = client_codes._loading()
        loaded.set()
        warm_up_client("nr:18")  # waits
        assert not thread.is_alive()
        assert ready_code("nr:3") is table()[16]
    finally:
        loaded.set()
        client_codes._loading.cache_clear()
