"""Skeletons of text: texts that look alike have the same skeleton (Unicode UTS #39, section 4).

`confusables.txt` is Unicode's table of confusable characters.
"""

from __future__ import annotations

import functools
import unicodedata
from importlib.resources import files

__all__ = ["load_confusables", "skeleton"]


def skeleton(text: str) -> str:
    """Return the skeleton of a text: `maria` and `rnaria` have the same one.

    The caller limits the length of the text and removes invisible characters.
    """
    decomposed = unicodedata.normalize("NFD", text).translate(load_confusables())
    return unicodedata.normalize("NFD", decomposed)


@functools.cache
def load_confusables() -> dict[int, str]:
    """Return the prototype of each confusable character, by code point."""
    table: dict[int, str] = {}
    for line in (files("netchat.chat") / "confusables.txt").read_text("utf-8").splitlines():
        if not line.startswith("#"):
            source, *prototype = [int(number, 16) for number in line.split()]
            table[source] = "".join(map(chr, prototype))
    return table
