import pytest

from netchat.coding.block.uncoded import Uncoded
from netchat.coding.code import LONGEST


@pytest.mark.parametrize("k", [0, -1, LONGEST + 1])
def test_invalid_arguments(k):
    with pytest.raises(ValueError, match=f"'k' must be from 1 to {LONGEST}, got {k}"):
        Uncoded(k)
