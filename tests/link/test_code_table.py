"""The table of codes."""

from __future__ import annotations

import pytest

from netchat.link.code_table import CODES, BlockCode, warm_up, warm_up_redundancy
from netchat.link.incremental_redundancy import RedundancyCode


def test_warming_up_loads_every_code_of_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    warm: list[str] = []
    for kind in (BlockCode, RedundancyCode):
        monkeypatch.setattr(kind, "warm_up", lambda code: warm.append(code.spec))

    warm_up.__wrapped__()

    assert warm == [spec for number, spec in CODES.items() if number < 16]
    warm_up_redundancy.__wrapped__()
    assert warm[-1] == "nr:3"


def test_warming_up_uses_all_that_a_link_uses(monkeypatch: pytest.MonkeyPatch) -> None:
    used: set[str] = set()
    code = BlockCode("hamming:7,4")
    for name in ("encode", "decode", "decode_combined"):
        function = getattr(BlockCode, name)

        def noted(*args, name=name, function=function):
            used.add(name)
            return function(*args)

        monkeypatch.setattr(BlockCode, name, noted)
    code.warm_up()

    assert used == {"encode", "decode", "decode_combined"}
