"""Channel at which a code reaches a frame error rate, and its distance from the limits."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from netchat.bench import saved_values as saved

__all__ = ["Target"]


@dataclass(frozen=True, slots=True)
class Target:
    """Channel at which a code reaches a frame error rate."""

    code: str
    """Specification of the code."""
    channel: str
    """Kind of channel, such as `awgn` or `awgn,qam16`."""
    fer: float
    """Frame error rate."""
    value: float | None
    """Eb/N0 in dB or probability, interpolated; None if the code does not reach the rate."""
    low: float | None = None
    """Lower end of the 95 % interval of the value."""
    high: float | None = None
    """Upper end of that interval."""
    limit: float | None = None
    """Shannon limit for the rate of the code, with the decisions of its decoder."""
    best: float | None = None
    """Limit for the length: value at which the lower bound of all codes with this length and rate reaches
    the FER; for QAM and fading, the normal approximation."""

    def as_dict(self) -> dict[str, Any]:
        """Return the target as a JSON object."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Target:
        """Create a target from the output of `as_dict`.

        Raises:
            KeyError: A value is missing.
            ValueError: A value is invalid.
        """
        places = {
            name: None if values[name] is None else saved.real(values, name)
            for name in ("value", "low", "high", "limit", "best")
        }
        return cls(
            saved.text(values, "code"), saved.text(values, "channel"),
            saved.number(values, "fer", most=1), **places,
        )  # fmt: skip
