"""What is counted: frames, errors, wrong bits, and how they keep company."""

from __future__ import annotations

from dataclasses import astuple, dataclass

from netchat.bench.theory.intervals import Clusters

__all__ = ["Tally"]


@dataclass(frozen=True, slots=True)
class Tally:
    """The counts of some frames. Tallies add up; those of the same batches are always the same."""

    frames: int = 0
    frame_errors: int = 0
    """Frames whose decoder gave up, or whose message came out wrong."""
    bits: int = 0
    """Bits of information sent."""
    bit_errors: int = 0
    """Of these, wrong in what the decoder gave out, whether or not it gave the frame up."""
    undetected: int = 0
    """Frames that came out wrong without the decoder saying so."""
    clusters: int = 0
    """Groups of neighbouring frames that depend on each other, but on no other group."""
    touched: int = 0
    """Groups with a frame error."""
    frame_squares: int = 0
    """Sum over the groups of the square of their frame errors."""
    bit_squares: int = 0
    """Sum over the groups of the square of their bit errors."""

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    @property
    def is_possible(self) -> bool:
        """Whether the counts can be those of some frames."""
        squares_fit = all(
            hits <= squares <= hits**2
            for hits, squares in (
                (self.frame_errors, self.frame_squares), (self.bit_errors, self.bit_squares)
            )
        )  # fmt: skip
        return (
            squares_fit
            and self.undetected <= self.frame_errors <= self.frames <= self.bits
            and self.bit_errors <= self.bits
            and self.touched <= self.frame_errors
            and self.touched <= self.clusters <= self.frames
            and bool(self.touched) == bool(self.frame_errors)
            and bool(self.clusters) == bool(self.frames)
            and bool(self.frame_errors) >= bool(self.bit_errors)
        )

    @property
    def by_frame(self) -> Clusters:
        """Frame errors, for an interval."""
        return Clusters(
            self.frames, self.frame_errors, self.clusters, self.touched, self.frame_squares
        )

    @property
    def by_bit(self) -> Clusters:
        """Bit errors, for an interval."""
        return Clusters(self.bits, self.bit_errors, self.clusters, self.touched, self.bit_squares)
