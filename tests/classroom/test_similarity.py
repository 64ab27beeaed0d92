"""Tests of the comparison of notebooks: copies are found, independent solutions are not."""

from pathlib import Path

import pytest

from netchat.classroom.similarity import fingerprints, similar_pairs
from netchat.course.submission import read_submission

COURSE = Path(__file__).parents[2] / "experiments"

OWN = """
def text_field(text):
    data = text.encode()
    return len(data).to_bytes(2, "big") + data

def my_frame(counter, room, text):
    body = counter.to_bytes(8, "big") + text_field(room) + text_field(text)
    header = b"NC" + bytes([1, 0x20, 0, 0, 0, 0]) + len(body).to_bytes(4, "big")
    return header + zlib.crc32(header + bytes(4) + body).to_bytes(4, "big") + body

def cost(size):
    total = 33 + size
    parts = (total + 1459) // 1460
    return total + 54 * parts
"""
#: The same code with other names, comments, numbers and layout.
DISGUISED = (
    OWN.replace("text_field", "f")
    .replace("body", "inhalt")
    .replace("total", "t")
    .replace("    data = text.encode()", "    # my own idea\n    d2 = text.encode()")
    .replace("(data)", "(d2)")
    .replace("+ data", "+ d2")
    .replace("1459", "9999")
)
OTHER = """
def text_field(text):
    import struct
    return struct.pack(">H", len(bytes(text, "utf-8"))) + bytes(text, "utf-8")

def my_frame(counter, room, text):
    parts = [struct.pack(">Q", counter)]
    for item in (room, text):
        parts.append(text_field(item))
    whole = b"".join(parts)
    start = struct.pack(">2sBBII", b"NC", 1, 32, 0, len(whole))
    return start + struct.pack(">I", binascii.crc32(start + b"\\0" * 4 + whole)) + whole

def cost(size):
    result = size + 33
    while size > -33:
        result += 54
        size -= 1460
    return result
"""


def pairs(**sources: str):
    found = {name: fingerprints([source]) for name, source in sources.items()}
    return [(one.first, one.second) for one in similar_pairs(found)]


def test_a_disguised_copy_is_found_and_another_solution_is_not():
    assert pairs(a=OWN, b=DISGUISED, c=OTHER) == [("a", "b")]


def test_what_the_lesson_contains_does_not_count():
    lesson = fingerprints([OWN])
    found = {"a": fingerprints([OWN]), "b": fingerprints([OWN])}
    assert similar_pairs(found, lesson) == []


def test_what_most_of_the_class_has_does_not_count():
    assert pairs(a=OWN, b=OWN, c=OWN, d=OTHER) == []


def test_short_answers_are_not_compared():
    assert pairs(a="x = 1 + 2", b="x = 1 + 2") == []


def test_the_open_notebooks_of_a_lesson_are_not_similar():
    path = next(COURSE.glob("01_*.ipynb"))
    cells = read_submission(path).cells.values()
    found = {name: fingerprints(cells) for name in "ab"}
    assert similar_pairs(found, fingerprints(cells)) == []


@pytest.mark.parametrize(
    "source",
    ["", "'", '"""', "\ud800\udfff", "\x00", "'''\\", "a" * 300_000, "'\\" * 50_000, "# " * 50_000],
    ids=range(9),
)
def test_any_text_has_fingerprints(source):
    assert isinstance(fingerprints([source]), frozenset)
