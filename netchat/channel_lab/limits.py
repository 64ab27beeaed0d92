"""Limits of the channel lab, for the server and its worker processes."""

from __future__ import annotations

__all__ = [
    "MAX_CELLS", "MAX_CODES", "MAX_ERRORS", "MAX_FRAMES", "MAX_JOBS", "MAX_POINTS", "MAX_REQUEST",
    "MAX_RUNS", "MAX_RUN_SECONDS", "MAX_SEED", "MAX_SPEC", "MAX_TEXT", "MAX_TOUCHED", "MAX_VISITORS",
]  # fmt: skip

#: Bytes of a text, in UTF-8.
MAX_TEXT = 256
#: Bits on the line.
MAX_CELLS = 5000
#: Bits that a visitor has flipped or erased.
MAX_TOUCHED = 500
#: Characters of a specification.
MAX_SPEC = 80
#: Largest random seed.
MAX_SEED = 2**31 - 1

#: Bytes of a request.
MAX_REQUEST = 16 * 1024
#: Requests of one visitor that may wait for an answer.
MAX_JOBS = 8
#: Simultaneous visitors.
MAX_VISITORS = 300

#: Codes and points of a measurement.
MAX_CODES, MAX_POINTS = 6, 40
#: Frame errors and frames that end a point.
MAX_ERRORS, MAX_FRAMES = 1000, 1_000_000
#: Seconds of CPU time of a measurement.
MAX_RUN_SECONDS = 30.0
#: Measurements of all visitors together that may wait or run.
MAX_RUNS = 100
