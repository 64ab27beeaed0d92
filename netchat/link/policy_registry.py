"""Requested coding policy by name: a fixed code or an adaptive policy."""

from __future__ import annotations

from netchat.link.code_table import check_spec, numbered
from netchat.link.policies.bandit import Bandit
from netchat.link.policies.policy import FixedCode, Policy
from netchat.link.policies.threshold import Threshold
from netchat.wording import cut

__all__ = ["ADAPTIVE", "policy", "validate_policy"]

#: Adaptive policies by name. `adaptive` is the threshold policy, whose goodput is as high as any and
#: which is deterministic (`netchat link-bench`).
ADAPTIVE: dict[str, type[Threshold | Bandit]] = {
    "adaptive": Threshold,
    "adaptive:bandit": Bandit,
    "adaptive:threshold": Threshold,
}


def validate_policy(spec: str) -> str:
    """Check the name of a policy or the spec of a code from an untrusted source.

    Returns:
        The spec, without spaces.

    Raises:
        ValueError: It is neither a policy nor a code for links; the text gives the reason.
    """
    text = spec.replace(" ", "")
    if text.startswith("adaptive") and text not in ADAPTIVE:
        raise ValueError(f"unknown policy {cut(spec)!r}; use one of {', '.join(ADAPTIVE)}")
    return text if text in ADAPTIVE else check_spec(text)


def policy(spec: str) -> Policy:
    """Create the policy that OPEN requests.

    Args:
        spec: Validated name in `ADAPTIVE`, or spec of a code to use for every block.
    """
    adaptive = ADAPTIVE.get(spec)
    return adaptive() if adaptive is not None else FixedCode(numbered(spec))
