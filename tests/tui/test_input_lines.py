"""Lines of standard input: encodings, and chunks of any size."""

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchat.tui import input_lines
from netchat.tui.input_lines import InputLine, InputLines


def lines(data, size=5):
    cutter = InputLines()
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    found = [line for piece in pieces for line in cutter.feed(piece)]
    return found + cutter.feed(b"", final=True)


def test_a_byte_order_mark_is_dropped():
    assert lines(codecs.BOM_UTF8 + b"hi\n" + codecs.BOM_UTF8 + b"x") == [
        InputLine("hi"),
        InputLine("\ufeffx"),
    ]


def test_invalid_utf_8_is_reported_with_its_line():
    first, second, third = lines("fein\n\u00e9t\u00e9 \u00fc\nend\n".encode("latin-1"))
    assert (first, third) == (InputLine("fein"), InputLine("end"))
    assert second.text == "\ufffdt\ufffd \ufffd"
    assert second.problem.startswith("Line 2 of the input is not UTF-8: byte 1 is 0xe9.")
    assert "iconv -f latin1" in second.problem


@pytest.mark.parametrize("name", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_recognised(name):
    (line, *_) = lines("\ufeffhi\n".encode(name))
    assert "iconv -f utf-16" in line.problem


@given(st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]))))
def test_lines_do_not_depend_on_the_chunks(texts):
    data = "\n".join(texts).encode()
    expected = [InputLine(line) for line in data.removeprefix(codecs.BOM_UTF8).decode().split("\n")]
    if not expected[-1].text:
        expected.pop()
    for size in (1, 3, 1000):
        assert lines(data, size) == expected


def test_a_long_line_is_split_between_characters(monkeypatch):
    monkeypatch.setattr(input_lines, "LONGEST_LINE", 10)
    found = lines(("\N{EURO SIGN}" * 20).encode(), 7)
    assert "".join(line.text for line in found) == "\N{EURO SIGN}" * 20
    assert not any(line.problem for line in found)
    assert max(len(line.text.encode()) for line in found) <= 10
