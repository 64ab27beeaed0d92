"""A student's own numbers: everything that differs from neighbour to neighbour comes from here."""

from __future__ import annotations

import hashlib
import random
import unicodedata
from dataclasses import dataclass

import numpy as np

__all__ = ["PEOPLE", "Variant", "identity"]

#: Names for the people in captures: as many as there are stars that everybody can spell.
PEOPLE = (
    "Altair", "Bellatrix", "Capella", "Deneb", "Electra", "Fomalhaut", "Gemma", "Hadar", "Izar",
    "Kochab", "Lyra", "Mira", "Nova", "Orion", "Polaris", "Rigel", "Sirius", "Talitha", "Vega",
)  # fmt: skip


def identity(name: str) -> str:
    """Return what identifies a student: the name without regard to how it was typed.

    Case, spaces, composed or decomposed letters, compatibility variants (NFKC) and invisible
    format characters make no difference.
    """
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    shown = (" " if unicodedata.category(c) == "Cc" else c for c in text)
    return " ".join("".join(c for c in shown if unicodedata.category(c) != "Cf").split())


@dataclass(frozen=True)
class Variant:
    """What a student's name makes of a lesson. The same name gives the same numbers anywhere.

    Attributes:
        student: the name, as the notebook has it.
        lesson: the lesson's number.
    """

    student: str
    lesson: int

    def seed(self, purpose: str) -> int:
        """A number of 64 bits for one purpose; it does not matter how the name is typed."""
        text = f"{identity(self.student)}|{self.lesson}|{purpose}"
        digest = hashlib.sha256(text.encode(errors="surrogatepass")).digest()
        return int.from_bytes(digest[:8], "big")

    def random(self, purpose: str) -> random.Random:
        """Chance for one purpose."""
        return random.Random(self.seed(purpose))

    def numpy(self, purpose: str) -> np.random.Generator:
        """The same for arrays and channels."""
        return np.random.Generator(np.random.SFC64(self.seed(purpose)))

    def people(self, purpose: str, count: int) -> list[str]:
        """So many different people."""
        return self.random(purpose).sample(PEOPLE, count)
