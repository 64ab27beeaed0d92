"""How the page connects again, checked by node."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from netchat.web.site import PAGE

NODE = shutil.which("node")
SCRIPT = Path(__file__).with_name("page_connection.mjs")


def waits(*lasting: int) -> list[int]:
    """The waits in ms after connections that were online for so long."""
    assert NODE is not None
    command = [NODE, SCRIPT, PAGE / "connection.js", ",".join(map(str, lasting))]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return json.loads(done.stdout)


@pytest.mark.skipif(NODE is None, reason="needs node")
def test_a_server_that_greets_and_then_fails_is_asked_less_and_less_often() -> None:
    assert waits(10, 10, 10, 10, 10, 10, 10, 10) == [200 * 2**i for i in range(6)] + [10_000] * 2


@pytest.mark.skipif(NODE is None, reason="needs node")
def test_a_connection_that_lasted_makes_the_next_wait_short() -> None:
    assert waits(10, 10, 5000, 10) == [200, 400, 200, 400]
