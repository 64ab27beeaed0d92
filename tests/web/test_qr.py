"""Tests of QR codes against the matrix from segno's own serializers."""

from __future__ import annotations

import io
import re
from xml.etree import ElementTree

import segno
from PIL import Image

from netchat.web.qr import png_qr, svg_qr, terminal_qr

LINK = "http://192.168.1.5:6480/r/7K3F92MQ0T"


def test_terminal_qr_shows_every_module_dark_on_light():
    lines = terminal_qr(LINK).split("\n")
    found: list[list[int]] = []
    for line in lines:
        assert line.startswith("\033[38;5;16;48;5;231m")
        assert line.endswith("\033[0m")
        blocks = re.sub(r"\033\[[0-9;]*m", "", line)
        found.append([int(block in "▀█") for block in blocks])
        found.append([int(block in "▄█") for block in blocks])
    out = io.StringIO()
    segno.make(LINK, error="l").save(out, kind="txt", border=2)
    wanted = [[int(module) for module in row] for row in out.getvalue().split()]
    assert found[: len(wanted)] == wanted
    assert not any(map(any, found[len(wanted) :]))


def test_svg_qr_has_the_link_as_its_title():
    picture = ElementTree.fromstring(svg_qr(LINK))
    assert picture.tag == "{http://www.w3.org/2000/svg}svg"
    assert picture.find("{*}title").text == LINK
    assert picture.get("viewBox") == "0 0 264 264"
    assert picture.get("style") is None  # the Content-Security-Policy would block it


def test_png_qr_shows_every_module_as_large_as_the_width_allows():
    picture = Image.open(io.BytesIO(png_qr(LINK, 150))).convert("L")
    out = io.StringIO()
    segno.make(LINK, error="m").save(out, kind="txt", border=2)
    wanted = [[int(module) for module in row] for row in out.getvalue().split()]
    scale = 150 // len(wanted)
    assert picture.size == (scale * len(wanted),) * 2
    found = [
        [int(picture.getpixel((scale * x, scale * y)) < 128) for x in range(len(wanted))]
        for y in range(len(wanted))
    ]
    assert found == wanted
    assert Image.open(io.BytesIO(png_qr(LINK, 5))).size == (len(wanted),) * 2
