"""Replay of a capture's clients against a live server.

`player` sends what the clients sent. `translation` maps captured identifiers to the live server's,
and `matching` compares its answers to the captured ones.
"""

from netchat.packets.replay.matching import Difference
from netchat.packets.replay.player import Replay, ReplayConnection, Step, plan

__all__ = ["Difference", "Replay", "ReplayConnection", "Step", "plan"]
