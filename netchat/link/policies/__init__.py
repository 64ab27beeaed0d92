"""Policies that choose the code of each block.

`policy` defines the interface, a fixed code and the oracle of the bench. `threshold` and `bandit` are
the adaptive policies. `netchat.link.policy_registry` finds them by name.
"""

from netchat.link.policies.policy import ChannelReport, FixedCode, Oracle, Outcome, Policy

__all__ = ["ChannelReport", "FixedCode", "Oracle", "Outcome", "Policy"]
