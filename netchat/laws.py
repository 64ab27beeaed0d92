"""Result of checking a law, and the loop that checks all laws of a code or channel."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

__all__ = ["LawResult", "check_laws"]

_Subject = TypeVar("_Subject")


@dataclass(frozen=True, slots=True)
class LawResult:
    """Result of checking one law."""

    law: str
    """Statement of the law."""
    counterexample: str | None
    """Counterexample, or None if none was found."""


def check_laws(
    laws: Iterable[Callable[[_Subject, np.random.Generator], str | None]],
    subject: _Subject,
    make_rng: Callable[[], np.random.Generator],
) -> list[LawResult]:
    """Check every law; an exception counts as a counterexample.

    Args:
        laws: Functions that return a counterexample or None; their docstrings state the laws.
        subject: Code or channel to check.
        make_rng: Makes the random generator of one law, so that laws do not depend on their order.
    """
    results = []
    for law in laws:
        try:
            counterexample = law(subject, make_rng())
        except Exception as error:
            counterexample = f"it raised {type(error).__name__}: {error}"
        results.append(LawResult((law.__doc__ or "").partition("\n")[0], counterexample))
    return results
