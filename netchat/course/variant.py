"""Reproducible random numbers for each student, lesson and purpose."""

from __future__ import annotations

import hashlib
import random
import unicodedata
from dataclasses import dataclass

import numpy as np

__all__ = ["PEOPLE", "Variant", "identity"]

#: Names of the people in captures: stars that are easy to spell.
PEOPLE = (
    "Altair", "Bellatrix", "Capella", "Deneb", "Electra", "Fomalhaut", "Gemma", "Hadar", "Izar",
    "Kochab", "Lyra", "Mira", "Nova", "Orion", "Polaris", "Rigel", "Sirius", "Talitha", "Vega",
)  # fmt: skip


def identity(name: str) -> str:
    """Return the student's identity: the name, normalised.

    Case, spaces, composed or decomposed letters, compatibility variants (NFKC) and invisible
    format characters make no difference.
    """
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    shown = (" " if unicodedata.category(c) == "Cc" else c for c in text)
    return " ".join("".join(c for c in shown if unicodedata.category(c) != "Cf").split())


@dataclass(frozen=True)
class Variant:
    """The random numbers of a student in a lesson; equal names give equal numbers anywhere.

    Attributes:
        student: The name, as in the notebook.
        lesson: The lesson's number.
    """

    student: str
    lesson: int

    def seed(self, purpose: str) -> int:
        """Return a 64-bit seed for one purpose, from the normalised name."""
        text = f"{identity(self.student)}|{self.lesson}|{purpose}"
        digest = hashlib.sha256(text.encode(errors="surrogatepass")).digest()
        return int.from_bytes(digest[:8], "big")

    def random(self, purpose: str) -> random.Random:
        """Return a random number generator for one purpose."""
        return random.Random(self.seed(purpose))

    def numpy(self, purpose: str) -> np.random.Generator:
        """Return a NumPy generator for one purpose, for arrays and channels."""
        return np.random.Generator(np.random.SFC64(self.seed(purpose)))

    def people(self, purpose: str, count: int) -> list[str]:
        """Return the names of `count` different people."""
        return self.random(purpose).sample(PEOPLE, count)
