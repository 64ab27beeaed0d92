"""Counts of frames, errors and bit errors, and how they cluster."""

from __future__ import annotations

from dataclasses import astuple, dataclass

from netchat.bench.theory.intervals import Clusters

__all__ = ["Tally"]


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of some frames; tallies of different batches can be added."""

    frames: int = 0
    """Number of frames sent."""
    frame_errors: int = 0
    """Number of frames that the decoder failed to decode or decoded to a wrong message."""
    bits: int = 0
    """Number of information bits sent."""
    bit_errors: int = 0
    """Number of wrong bits in the decoded messages, including frames that failed to decode."""
    undetected: int = 0
    """Number of frames decoded to a wrong message without a reported failure."""
    clusters: int = 0
    """Number of clusters: groups of neighbouring frames that are independent of other groups."""
    touched: int = 0
    """Number of clusters with a frame error."""
    frame_squares: int = 0
    """Sum of the squared frame errors of the clusters."""
    bit_squares: int = 0
    """Sum of the squared bit errors of the clusters."""

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    @property
    def is_possible(self) -> bool:
        """Whether the counts are consistent."""
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
        """Frame errors by cluster, for an interval."""
        return Clusters(
            self.frames, self.frame_errors, self.clusters, self.touched, self.frame_squares
        )

    @property
    def by_bit(self) -> Clusters:
        """Bit errors by cluster, for an interval."""
        return Clusters(self.bits, self.bit_errors, self.clusters, self.touched, self.bit_squares)
