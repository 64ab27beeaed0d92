"""Test of docs/SECURITY.md: each test that it names exists."""

from __future__ import annotations

import re

from tests.docs.blocks import ROOT

_NAMED = re.compile(r"`(tests/[\w/]+\.py|…)::(\w+)`")


def test_the_tests_beside_the_claims_exist() -> None:
    text = (ROOT / "docs" / "SECURITY.md").read_text("utf-8")
    named, path = _NAMED.findall(text), ""
    assert len(named) > 30
    for file, name in named:
        path = path if file == "…" else file
        source = (ROOT / path).read_text("utf-8")
        assert re.search(rf"^ *(async )?def {name}\(", source, re.MULTILINE), f"{path}::{name}"
