"""The ladder diagram as SVG."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

from netchat.packets import Item
from netchat.packets.views.ladder_svg import ladder_svg
from tests.packets.views.test_ladder import ladder_of


def test_ladder_as_svg(traced: list[Item]) -> None:
    svg = ladder_svg(ladder_of(traced), "a story")
    root = ElementTree.fromstring(svg)
    texts = ["".join(element.itertext()) for element in root.iter() if "text" in element.tag]
    assert "a story" in texts
    assert any("retransmission" in text for text in texts)
    assert any("bytes missing" in text for text in texts)
    width = float(root.get("width", 0))
    for line in root.iter("{http://www.w3.org/2000/svg}line"):
        assert 0 <= float(line.get("x1", -1)) <= width
