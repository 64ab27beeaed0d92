"""Figures on the pages that follow from the repository's files are up to date."""

from __future__ import annotations

import gzip
import re

import pytest

from netchat.web.site import PAGE
from tests.docs.blocks import ROOT

#: Differences below this are rounding, in KiB.
TOLERANCE = 1.5


@pytest.mark.parametrize(
    ("page", "sentence"),
    [
        ("docs/WEB.md", r"(?P<sent>\d+) KiB with gzip, (?P<whole>\d+) KiB uncompressed"),
        (
            "docs/PERFORMANCE.md",
            r"has (?P<whole>\d+) KiB uncompressed.* and (?P<sent>\d+) KiB as sent",
        ),
    ],
)
def test_the_size_of_the_page(page: str, sentence: str) -> None:
    files = [
        path.read_bytes()
        for path in PAGE.iterdir()
        if path.is_file() and not path.name.startswith("server.")
    ]
    stated = re.search(sentence, (ROOT / page).read_text("utf-8"))
    assert stated, f"{page} does not state the size"
    whole = sum(map(len, files)) / 1024
    sent = sum(len(gzip.compress(content, 9)) for content in files) / 1024
    assert float(stated["whole"]) == pytest.approx(whole, abs=TOLERANCE)
    assert float(stated["sent"]) == pytest.approx(sent, abs=TOLERANCE)


def test_the_picture_of_the_layers_shows_every_package() -> None:
    shown = re.findall(r">(\w+)/</text>", (ROOT / "docs/pictures/layers.svg").read_text("utf-8"))
    packages = [path.parent.name for path in (ROOT / "netchat").glob("*/__init__.py")]
    assert sorted(shown) == sorted(packages)
