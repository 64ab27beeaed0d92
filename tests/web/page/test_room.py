"""Tests of the page's room model, run under node."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.web.node import NODE, run

pytestmark = pytest.mark.skipif(
    NODE is None, reason="node is not installed: apt-get install nodejs"
)


def test_room_model_under_node(tmp_path: Path) -> None:
    printed = run(tmp_path, "--test", str(Path(__file__).with_name("room.mjs")))
    assert "# fail 0" in printed
    assert "# pass 0" not in printed
