"""Lines of keys, compared with a search for marks in the file."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchat.cli.toml_lines import key_lines

TEXT = '''
# comment
top = 1
[serve]                   # a table
port = 7000
origin = [
    "https://a.example",  # port = 3
    "https://b.example",
]
"quoted key" = 2
text = """
[lab]
port = 9
"""
a.b = 4

[lab.up]
hosts = 3
inline = { x = 1, y = 2 }
[[many]]
one = 1
'''

LINES = {
    ("top",): 3,
    ("serve",): 4,
    ("serve", "port"): 5,
    ("serve", "origin"): 6,
    ("serve", "quoted key"): 10,
    ("serve", "text"): 11,
    ("serve", "a"): 15,
    ("serve", "a", "b"): 15,
    ("lab",): 17,
    ("lab", "up"): 17,
    ("lab", "up", "hosts"): 18,
    ("lab", "up", "inline"): 19,
    ("lab", "up", "inline", "x"): 19,
    ("lab", "up", "inline", "y"): 19,
    ("many",): 20,
    ("many", "one"): 21,
}


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_every_key_has_its_line(ends: str) -> None:
    assert key_lines(TEXT.replace("\n", ends)) == LINES


KEYS = st.text("abcdefgh-", min_size=1, max_size=5)
VALUES = st.sampled_from(
    ["1", '"x"', "[1,\n 2]", '"""\n[t]\nk = 1\n"""', "true", "{ z = 1 }", "''"]
)


@given(st.dictionaries(KEYS, st.dictionaries(KEYS, VALUES, max_size=4), max_size=4))
def test_generated_files(tables: dict[str, dict[str, str]]) -> None:
    text, wanted = "", {}
    for table, values in tables.items():
        wanted[table,] = text.count("\n") + 1
        text += f"['{table}']\n"
        for key, value in values.items():
            wanted[table, key] = text.count("\n") + 1
            text += f"'{key}' = {value}\n"
    tomllib.loads(text)
    found = key_lines(text)
    assert {path: line for path, line in found.items() if path[-1] != "z"} == wanted


def test_a_value_that_does_not_end_is_given_up() -> None:
    assert key_lines("a = 1\nb = [\n" + "1,\n" * 5000) == {("a",): 1}
