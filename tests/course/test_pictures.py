"""Tests of the pictures: well-formed, with the expected content and a description."""

import base64
import re
import xml.etree.ElementTree as ET

import numpy as np

from netchat.course.conversation import SimulatedConversation
from netchat.course.pictures import bit_grid, byte_grid, ladder, nested
from netchat.course.style import plot, show


def shapes(picture) -> list[str]:
    """Return the fill colours of a picture's shapes; fail unless it is XML."""
    root = ET.fromstring(picture.svg)
    styles = [e.get("style", "") for e in root.iter("{http://www.w3.org/2000/svg}path")]
    return [m[1] for style in styles if (m := re.search(r"fill: (#\w+)", style))]


def test_a_byte_has_a_cell_in_the_colour_of_its_part():
    picture = byte_grid(bytes(20), [("head", 3), ("tail", 4)])
    fills = shapes(picture)
    assert fills.count("#b8d8ec") == 3 + 1  # and one in the legend
    assert fills.count("#f9dda6") == 4 + 1
    assert picture.alt == "20 bytes: head 3, tail 4"


def test_bits_are_dark_and_light_and_errors_framed():
    bits = np.eye(4, dtype=int)
    fills = shapes(bit_grid(bits, title="unity"))
    assert (fills.count("#0072b2"), fills.count("#d9eefa")) == (4, 12)
    assert len(shapes(bit_grid(bits))) < len(
        re.findall("<path", bit_grid(bits, marked=[(0, 1)]).svg)
    )


def test_layers_and_curves_and_ladders_are_well_formed():
    assert "54 bytes" in nested([("outer", 14), ("inner", 40)]).alt
    figure, axes = plot("Title", "x", "y")
    axes.plot([1, 2], [3, 4])
    assert shapes(show(figure, "a line"))
    chat = SimulatedConversation(1)
    chat.enter("Nova")
    assert "JOIN" in ladder(chat.capture(), "Nova <comes>").svg


def test_a_notebook_gets_an_image_with_an_alternative_text():
    picture = byte_grid(b"\x00", [('a "part"', 1)])
    page = picture._repr_html_()
    assert 'alt="1 bytes: a &quot;part&quot; 1"' in page
    assert base64.b64decode(re.search(r"base64,([^\"]+)", page)[1]).decode() == picture.svg
