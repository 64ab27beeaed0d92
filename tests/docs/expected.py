"""Comparison of the output on a page with a command's real output.

Numbers, random codes and hexadecimal digits vary between runs, and the width between terminals;
differences in these are ignored. Words, their order and punctuation must match. `…` on a page matches
anything.
"""

from __future__ import annotations

import re

__all__ = ["differs"]

_VARYING = re.compile(
    r"\b(?:[0-9a-fA-F]{2}(?= |$)"  # a byte in a dump
    r"|(?=\w*\d)[0-9a-f]{6,}"  # a checksum, a token
    r"|(?=\w*\d)[0-9A-HJKMNP-TV-Z]{10}"  # a room's code
    r"|(?=[\w-]*\d)[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5})\b"
    r"|[-+]?\d[\d.,:]*(?:e[-+]?\d+)?(?: ?[KMGkmµn]i?(?=[Bs/ ]))?"
)
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")

#: Rules, leaders and padding, whose length depends on the figures next to them.
_FILLING = re.compile(r"([-=·~_─━═█▏▎▍▌▋▊▉▒░▓.]){3,}[<>|]?")


def _plain(text: str) -> list[str]:
    text = _FILLING.sub(" ~ ", _VARYING.sub("0", _ANSI.sub("", text)))
    return re.sub(r"(?:\b0 )+0\b", "0", " ".join(text.split())).split()


def differs(shown: str, printed: str) -> str:
    """Return what the page shows but the command did not print.

    Args:
        shown: Output on the page.
        printed: Output of the command, both streams.

    Returns:
        The first part between two `…` that does not follow the previous parts; empty if all match.
    """
    words = " ".join(_plain(printed)) + " "
    at = 0
    for number, part in enumerate(shown.split("…")):
        wanted = " ".join(_plain(part))
        if not wanted:
            continue
        found = words.find(wanted, at)
        # Without a `…` before it, a part must follow immediately.
        if found < 0 or (number == 0 and found > 0):
            return part.strip("\n")
        at = found + len(wanted)
    if not shown.rstrip().endswith("…") and words[at:].strip():
        return f"(the end; but then comes: {words[at:].strip()[:200]})"
    return ""
