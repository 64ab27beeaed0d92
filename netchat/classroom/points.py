"""Points of exercises: their weights, and partial credit by private checks."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from netchat.course.grade import Grade
from netchat.errors import NetchatError
from netchat.wording import cannot

__all__ = ["PointScheme", "read_points", "show_points"]


@dataclass(frozen=True)
class PointScheme:
    """Points of each exercise.

    Attributes:
        default: Points of an exercise that is not listed.
        public: Weight of the public check beside the private ones.
        points: Points by exercise.
    """

    default: float = 1.0
    public: float = 1.0
    points: Mapping[str, float] = field(default_factory=dict)

    def most(self, exercise: str) -> float:
        """Return the points that an exercise is worth."""
        return self.points.get(exercise, self.default)

    def earned(self, grade: Grade) -> float:
        """Return the points of a grade: the share of the passed checks, by weight.

        Without a check that has a weight, the public one decides.
        """
        passed = self.public * (grade.result == "passed")
        total = self.public
        for check in grade.checks:
            passed += check.weight * (check.result == "passed")
            total += check.weight
        if total == 0:
            passed, total = float(grade.result == "passed"), 1.0
        return self.most(grade.exercise) * passed / total


def read_points(path: Path) -> PointScheme:
    """Read the points of exercises from a TOML file.

    For example:

        default = 1          # points of an exercise that is not listed
        public = 1           # weight of the public check beside the private ones
        [points]
        "1.3" = 3

    Raises:
        NetchatError: The file cannot be read, or has other keys or values.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise NetchatError(cannot("read", path, error)) from error
    table = data.pop("points", {})
    unknown = sorted(data.keys() - {"default", "public"})
    if unknown or not isinstance(table, dict):
        raise NetchatError(
            f"{path}: its keys must be default, public and a table [points], got "
            f"{', '.join(unknown) or 'points that are no table'}"
        )
    values = {**{f"[points] {key!r}": value for key, value in table.items()}, **data}
    for key, value in values.items():
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not number or not 0 <= value < math.inf:
            raise NetchatError(f"{path}: {key} must be a number of points, got {value!r}")
    return PointScheme(data.get("default", 1.0), data.get("public", 1.0), table)


def show_points(points: float) -> str:
    """Return points for users, with at most two decimals.

    >>> show_points(2.0), show_points(0.333333), show_points(1.5)
    ('2', '0.33', '1.5')
    """
    return f"{points:.2f}".rstrip("0").rstrip(".")
