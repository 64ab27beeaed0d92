"""Near-identical notebooks: comparison of their code by fingerprints of token sequences.

The method is winnowing (Schleimer, Wilkerson and Aiken, "Winnowing: Local Algorithms for Document
Fingerprinting", SIGMOD 2003). Names, numbers, texts, comments and layout make no difference. What the
lesson itself contains, and what more than half of the class has, does not count.
"""

from __future__ import annotations

import hashlib
import keyword
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import NamedTuple

__all__ = ["SimilarPair", "fingerprints", "similar_pairs"]

#: Tokens in a fingerprint, and the window of which the smallest hash is kept. Common runs of
#: _TOKENS + _WINDOW - 1 tokens are always found.
_TOKENS, _WINDOW = 12, 6

#: Share of common fingerprints from which a pair is reported, and the minimum of fingerprints.
_SHARE, _FEWEST = 0.9, 12

#: Maximum characters of a notebook's code that are compared.
_LONGEST = 100_000

#: Notebooks from which the fingerprints of most of them are ignored.
_A_CLASS = 4

#: Possessive quantifiers, and texts that need not end, so that any source takes linear time.
_TOKEN = re.compile(
    r"(?P<space>\s++|\#[^\n]*+)"
    r"|(?P<text>'''(?:[^'\\]|\\.|'(?!''))*+(?:''')?|\"\"\"(?:[^\"\\]|\\.|\"(?!\"\"))*+(?:\"\"\")?"
    r"|'(?:\\.|[^'\\\n])*+'?|\"(?:\\.|[^\"\\\n])*+\"?)"
    r"|(?P<attribute>\.[^\W\d]\w*+)"
    r"|(?P<number>\d[\w.]*+)"
    r"|(?P<word>[^\W\d]\w*+)"
    r"|(?P<sign>.)",
    re.DOTALL,
)


class SimilarPair(NamedTuple):
    """Two notebooks with almost the same code.

    Attributes:
        first: One notebook.
        second: The other notebook.
        share: Share of their fingerprints that are common, 0 to 1.
    """

    first: str
    second: str
    share: float


def fingerprints(sources: Iterable[str]) -> frozenset[int]:
    """Return the fingerprints of code cells; any text is permitted."""
    tokens = list(_tokens("\n".join(sources)[:_LONGEST]))
    hashes = [_hash(tokens[at : at + _TOKENS]) for at in range(len(tokens) - _TOKENS + 1)]
    last = max(1, len(hashes) - _WINDOW + 1)
    return frozenset(min(hashes[at : at + _WINDOW]) for at in range(last) if hashes)


def similar_pairs(
    notebooks: Mapping[str, frozenset[int]], lesson: frozenset[int] = frozenset()
) -> list[SimilarPair]:
    """Return the pairs of notebooks whose code is almost the same.

    Args:
        notebooks: Fingerprints by notebook.
        lesson: Fingerprints of the lesson as it was handed out.
    """
    counts = Counter(one for found in notebooks.values() for one in found)
    most = len(notebooks) / 2 if len(notebooks) >= _A_CLASS else len(notebooks)
    common = lesson | {one for one, count in counts.items() if count > most}
    own = {name: found - common for name, found in notebooks.items()}
    pairs = []
    for first, second in combinations(own, 2):
        either = own[first] | own[second]
        if min(len(own[first]), len(own[second])) >= _FEWEST:
            share = len(own[first] & own[second]) / len(either)
            if share >= _SHARE:
                pairs.append(SimilarPair(first, second, share))
    return pairs


def _tokens(source: str) -> Iterable[str]:
    for match in _TOKEN.finditer(source):
        kind = match.lastgroup
        if kind == "word":
            yield match[0] if keyword.iskeyword(match[0]) else "name"
        elif kind in ("text", "number"):
            yield kind
        elif kind != "space":
            yield match[0]


def _hash(tokens: list[str]) -> int:
    text = "\0".join(tokens).encode(errors="surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")
