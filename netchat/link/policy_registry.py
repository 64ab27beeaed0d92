"""What a client may ask for: a code for every block, or somebody who chooses."""

from __future__ import annotations

from netchat.link.code_table import CODES, OPENED, check_spec
from netchat.link.policies.bandit import Bandit
from netchat.link.policies.policy import FixedCode, Policy
from netchat.link.policies.threshold import Threshold
from netchat.wording import cut

__all__ = ["ADAPTIVE", "code_number", "policy", "validate_policy"]

#: The policies that choose block by block, by the name a client gives them. `adaptive` is the one
#: that brings as much as any, and the same each time (`netchat link-bench`).
ADAPTIVE: dict[str, type[Threshold | Bandit]] = {
    "adaptive": Threshold,
    "adaptive:bandit": Bandit,
    "adaptive:threshold": Threshold,
}


def validate_policy(wish: str) -> str:
    """Check what somebody else wishes for.

    Returns:
        It, without spaces.

    Raises:
        ValueError: it is neither a policy nor a code that a link may use; the text says why.
    """
    text = wish.replace(" ", "")
    if text.startswith("adaptive") and text not in ADAPTIVE:
        raise ValueError(f"{cut(wish)!r} is no policy: there are {', '.join(ADAPTIVE)}")
    return text if text in ADAPTIVE else check_spec(text)


def code_number(spec: str) -> int:
    """The number by which a block names a code that OPEN has named.

    >>> code_number("rs:255,223"), code_number("hamming:7,4")
    (4, 255)
    """
    return next((number for number, known in CODES.items() if known == spec), OPENED)


def policy(wish: str) -> Policy:
    """The policy that OPEN asks for.

    Args:
        wish: a name in `ADAPTIVE`, or the spec of a code: that one for every block. It was checked.
    """
    known = ADAPTIVE.get(wish)
    return known() if known is not None else FixedCode(code_number(wish))
