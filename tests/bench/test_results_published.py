"""Measured rates against published ones: the intervals overlap. See `tests.bench.references`."""

import pytest

from tests.bench.references import CURVES, compared

#: Uncoded bits have an exact theory; tests/channels/test_modulated.py compares it with their curves.
CODED = [curve for curve in CURVES if not curve.code.startswith("uncoded")]


@pytest.mark.parametrize("curve", CODED, ids=lambda curve: curve.name)
@pytest.mark.slow
def test_published_rates(curve):
    """Of each curve, two points in its middle; `python -m tests.bench.references` compares all."""
    first = sum(point[3] >= 0.9 * point[1] for point in curve.points)
    found = compared(curve, errors=60, seconds=60, points=slice(first + 1, first + 4, 2))
    assert found
    assert all(overlap for *_, overlap in found), found
