"""Measured rates of one code over one channel."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, Literal, get_args

from netchat.bench import saved_values as saved
from netchat.bench.engine.batch import Speed
from netchat.bench.engine.tally import Tally
from netchat.bench.theory.intervals import Interval, clustered
from netchat.bench.theory.rates import Kind, Theory

__all__ = ["Point", "StoppedBy"]

StoppedBy = Literal["errors", "frames", "seconds", "interrupted"]


@dataclass(frozen=True)
class Point:
    """Measured rates of one code over one channel."""

    code: str
    """Specification of the code."""
    channel: str
    """Specification of the channel."""
    rate: float
    """Code rate."""
    tally: Tally = field(default_factory=Tally)
    """Counts."""
    batches: int = 0
    """Number of batches counted."""
    seconds: float = 0.0
    """Total computing time of all workers, in seconds."""
    speed: Speed = field(default_factory=Speed)
    """Speed in megabits of information per second on one core."""
    theory: Theory = field(default_factory=Theory)
    """Theoretical rates."""
    stopped_by: StoppedBy = "interrupted"
    """Limit that ended the point, or "interrupted"."""
    seeds: tuple[int, ...] = ()
    """Random seeds of merged runs; empty for a point of one run, which has the seed of its results."""

    @property
    def fer(self) -> float | None:
        """Frame error rate: fraction of messages decoded wrongly or not at all."""
        return self.tally.frame_errors / self.tally.frames if self.tally.frames else None

    @property
    def ber(self) -> float | None:
        """Bit error rate of the decoded messages."""
        return self.tally.bit_errors / self.tally.bits if self.tally.bits else None

    @cached_property
    def fer_interval(self) -> Interval:
        """Confidence interval of the frame error rate, at 95 %."""
        return clustered(self.tally.by_frame)

    @cached_property
    def ber_interval(self) -> Interval:
        """Confidence interval of the bit error rate, at 95 %; never above the frame error rate."""
        low, high = clustered(self.tally.by_bit)
        return Interval(low, min(high, self.fer_interval.high))

    @property
    def goodput(self) -> float | None:
        """Information bits delivered per bit sent: rate times the fraction of correct frames."""
        return None if self.fer is None else self.rate * (1 - self.fer)

    def as_dict(self) -> dict[str, Any]:
        """Return the point as a JSON object."""
        tally, speed, theory = self.tally, self.speed, self.theory
        return {
            "code": self.code,
            "channel": self.channel,
            "rate": self.rate,
            "frames": tally.frames,
            "frame_errors": tally.frame_errors,
            "fer": self.fer,
            "fer_low": self.fer_interval.low,
            "fer_high": self.fer_interval.high,
            "bits": tally.bits,
            "bit_errors": tally.bit_errors,
            "ber": self.ber,
            "ber_low": self.ber_interval.low,
            "ber_high": self.ber_interval.high,
            "undetected": tally.undetected,
            "goodput": self.goodput,
            "theory_fer": theory.fer,
            "theory_ber": theory.ber,
            "theory_fer_kind": theory.fer_kind,
            "theory_ber_kind": theory.ber_kind,
            "theory_ber_error": theory.ber_error,
            "theory": theory.name,
            "encode_mbit_s": round(speed.encode, 2),
            "decode_mbit_s": round(speed.decode, 2),
            "end_to_end_mbit_s": round(speed.end_to_end, 2),
            "stopped_by": self.stopped_by,
            "seconds": round(self.seconds, 4),
            "batches": self.batches,
            "clusters": tally.clusters,
            "touched": tally.touched,
            "frame_squares": tally.frame_squares,
            "bit_squares": tally.bit_squares,
            **({"seeds": list(self.seeds)} if self.seeds else {}),
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Point:
        """Create a point from the output of `as_dict`.

        Raises:
            KeyError: A value is missing.
            ValueError: A value is invalid.
        """
        tally = Tally(**{item.name: saved.count(values, item.name) for item in fields(Tally)})
        if not tally.is_possible:
            raise ValueError(f"the counts of {values['code']!r} contradict each other")
        return cls(
            saved.text(values, "code"),
            saved.text(values, "channel"),
            saved.number(values, "rate", most=1),
            tally,
            saved.count(values, "batches"),
            saved.number(values, "seconds"),
            Speed(
                *(saved.number(values, f"{of}_mbit_s") for of in ("encode", "decode", "end_to_end"))
            ),
            Theory(
                saved.maybe_number(values, "theory_fer"),
                saved.maybe_number(values, "theory_ber"),
                saved.one_of(values, "theory_fer_kind", get_args(Kind)),
                saved.one_of(values, "theory_ber_kind", get_args(Kind)),
                saved.text(values, "theory"),
                saved.number(
                    {"theory_ber_error": 0.0, **values}, "theory_ber_error"
                ),  # not in older files
            ),
            saved.one_of(values, "stopped_by", get_args(StoppedBy)),
            tuple(saved.counts_in(values, "seeds")) if "seeds" in values else (),
        )
