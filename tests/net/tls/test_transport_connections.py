"""The server's rules for connections (timeouts, slow readers, the last words) hold over TLS."""

from __future__ import annotations

import pytest

from tests.net import test_server_driver as plain
from tests.net.serving import over_tls
from tests.net.test_server_driver import *  # noqa: F403 - the same tests again


@pytest.fixture(autouse=True)
def _tls():
    with over_tls.active():
        yield


class TestConnections(plain.TestConnections):
    #: Refused before the handshake, in plaintext: see test_server.py.
    test_one_too_many = None


class TestFailingDisk(plain.TestFailingDisk):
    #: Over TLS, the server reads in smaller pieces, and may stop reading from the idle user, too.
    test_messages_wait_and_no_message_is_lost = None
