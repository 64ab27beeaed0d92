"""Judgement of answers: kind, place and size, each with an explanation."""

from __future__ import annotations

import math
from dataclasses import dataclass

from netchat.errors import LabError
from netchat.mystery.drawing import Mystery
from netchat.mystery.fault import KINDS, Answer, parse_kind, parse_place

__all__ = ["Judgement", "judge"]

#: Ratio of sizes that suggests another unit, such as milliseconds.
_OTHER_UNIT = 30.0


@dataclass(frozen=True, slots=True)
class Judgement:
    """Verdict on an answer, with an explanation.

    Its text reveals the fault only if all three parts are right.
    """

    kind: bool
    """Whether the kind is right."""
    place: bool
    """Whether the place is right; only judged if the kind is."""
    size: bool
    """Whether the size is within the tolerance; only judged if kind and place are."""
    text: str
    """Explanation, one sentence per line."""

    @property
    def is_solved(self) -> bool:
        """Whether all of it is right."""
        return self.kind and self.place and self.size

    def __str__(self) -> str:
        return self.text


def judge(mystery: Mystery, answer: Answer) -> Judgement:
    """Judge an answer.

    Raises:
        LabError: Its kind does not exist, its place is impossible for that kind, or its size is not a
            number.
    """
    name = parse_kind(answer.kind)
    if not math.isfinite(answer.size):
        raise LabError(f"the size must be a finite number, got {answer.size}")
    place = parse_place(name, answer.place)
    fault, kind = mystery.fault, KINDS[name]
    if name != fault.kind:
        text = (
            f"No: {name} is not what is wrong here.\n"
            f"It would look like this: {kind.evidence}\n"
            "Which part of that do the captures contradict?"
        )
        return Judgement(False, False, False, text)
    if place != fault.place:
        text = (
            f"Yes, it is {name}, but not at {place}.\n"
            f"Compare the captures pair by pair: {kind.evidence}"
        )
        return Judgement(True, False, False, text)
    if not _is_close(answer.size, fault.size, kind.tolerance):
        text = (
            f"Yes, it is {name} at {place}, but the size is wrong.\n"
            f"Give it as: {kind.unit}. {_hint(mystery, answer.size)}"
        )
        return Judgement(True, True, False, text)
    lines = [f"Solved: {fault.kind} at {fault.place}. In this network {kind.text}."]
    lines.append(f"Your size is {answer.size:.4g}; the lab's is {fault.size:.4g} ({kind.unit}).")
    if fault.end - fault.begin < 1:
        lines.append(f"It lasts for {fault.end - fault.begin:.0%} of the time only.")
    lines.append(f"The evidence: {kind.evidence}")
    return Judgement(True, True, True, "\n".join(lines))


def _is_close(given: float, true: float, tolerance: float) -> bool:
    if given == 0 or (given < 0) != (true < 0):
        return False
    # A little more than the tolerance, for sizes that differ only by rounding.
    return abs(_log_ratio(given, true)) <= math.log(tolerance) + 1e-9


def _log_ratio(one: float, other: float) -> float:
    """Return the logarithm of |one / other|; their quotient may be too small for a float."""
    return math.log(abs(one)) - math.log(abs(other))


def _hint(mystery: Mystery, size: float) -> str:
    fault, tolerance = mystery.fault, KINDS[mystery.fault.kind].tolerance
    allowed = f"A factor of {tolerance:g} is allowed either way."
    if tolerance == 1:
        allowed = "It must be exact."
    if (size < 0) != (fault.size < 0):
        return f"{allowed} Check its sign."
    large = "large" if abs(size) > abs(fault.size) else "small"
    if size and abs(_log_ratio(size, fault.size)) > math.log(_OTHER_UNIT):
        return f"{allowed} Your size is far too {large}: is it in this unit?"
    when = " Does it act all the time?" if fault.end - fault.begin < 1 else ""
    return f"{allowed} Your size is too {large}.{when}"
