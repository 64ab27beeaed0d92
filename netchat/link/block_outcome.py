"""Outcome of a received block of data, for observers of a link."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["BlockOutcome"]


class BlockOutcome(NamedTuple):
    """Outcome of a received block with a payload."""

    code: str
    """Spec of its code."""
    size: int
    """Payload bytes."""
    coded: int
    """The same after coding, in bytes."""
    corrected: int
    """Symbols corrected in the payload."""
    combined: bool
    """Whether earlier copies or pieces were needed."""
    decoded: bool
    """Whether the payload could be decoded."""
