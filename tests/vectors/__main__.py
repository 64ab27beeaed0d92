"""`python -m tests.vectors`: print the length and CRC that each golden vector must have."""

from __future__ import annotations

import sys

from tests.vectors import VECTORS, problems


def main() -> int:
    """Return 1 if a vector's length or CRC is wrong."""
    wrong = 0
    for vector in VECTORS:
        for problem in problems(vector):
            wrong += 1
            print(f"{vector['message']}, {vector['name']!r}: {problem}")
    if not wrong:
        print(f"The lengths and CRCs of all {len(VECTORS)} vectors are right.")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
