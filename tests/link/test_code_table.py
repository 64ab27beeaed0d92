"""The table of codes."""

from __future__ import annotations

import pytest

from netchat.link.code_table import CODES, BlockCode, warm_up


def test_warming_up_loads_every_code_of_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    warm: list[str] = []
    monkeypatch.setattr(BlockCode, "warm_up", lambda code: warm.append(code.spec))

    warm_up.__wrapped__()

    assert warm == list(CODES.values())
