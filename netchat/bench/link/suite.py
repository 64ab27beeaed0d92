"""What `link-bench` runs: links, channels that stay and a day at the beach."""

from __future__ import annotations

import math
from dataclasses import dataclass

from netchat.bench.link.time_varying_channel import TimeVaryingChannel
from netchat.channels.stream import ChannelStream
from netchat.link.open_request import Mode
from netchat.link.policy_registry import ADAPTIVE, validate_policy
from netchat.wording import cut

__all__ = ["BEACH", "CODES", "ORACLE", "SWEEP", "Contestant", "contestant", "weather"]

#: Clear, a stretch with bursts, a storm, and clear again.
BEACH = TimeVaryingChannel(
    (
        ("bsc:1e-5", 10.0),
        ("gilbert-elliott:2e-4,0.01,1e-5,0.3", 10.0),
        ("bsc:2e-2", 10.0),
        ("bsc:1e-5", 10.0),
    ),
    "beach",
)

#: Bit error rates of channels that stay.
SWEEP = tuple(
    f"bsc:{p}"
    for p in (
        "1e-5", "1e-4", "3e-4", "1e-3", "2e-3", "5e-3", "1e-2", "2e-2", "4e-2",
    )
)  # fmt: skip

#: The codes that the oracle, as every policy, chooses from; each is also run by itself.
CODES = (
    "uncoded", "rs:255,251", "rs:255,239", "rs:255,223", "rs:255,191", "rs:255,127", "rs:96,32",
    "rs:255,127+hamming:7,4",
)  # fmt: skip

ORACLE = "oracle"


@dataclass(frozen=True, slots=True)
class Contestant:
    """A link as it is run."""

    name: str
    """How it is written."""
    wish: str
    """Its code, or who chooses; `oracle` for the oracle."""
    mode: Mode
    """What it does about losses."""

    @property
    def fixed(self) -> bool:
        """Whether it has one code for all blocks, and retransmission: what a policy has to beat."""
        return self.wish not in ADAPTIVE and self.wish != ORACLE and self.mode is not Mode.FEC


def contestant(name: str) -> Contestant:
    """Read how a link is written: a code or who chooses, with `/arq` or `/fec` behind it perhaps.

    >>> contestant("rs:255,223/fec").mode.name
    'FEC'

    Raises:
        ValueError: there is no such code, policy or mode.
    """
    wish, slash, mode = name.partition("/")
    if slash and mode.upper() not in Mode.__members__:
        raise ValueError(f"{cut(name)!r}: behind the slash stands hybrid, arq or fec")
    kind = Mode[mode.upper()] if slash else Mode.HYBRID
    return Contestant(name, wish if wish == ORACLE else validate_policy(wish), kind)


def weather(name: str, seconds: float) -> TimeVaryingChannel:
    """Read how a channel is written: a spec, `beach`, or `SPEC@SECONDS; SPEC@SECONDS; …`.

    Args:
        name: that.
        seconds: how long a channel that stays is looked at.

    Raises:
        ValueError: it is none of these; the text says why.
    """
    if name == BEACH.name:
        return BEACH
    spells = []
    for part in name.split(";"):
        spec, at, stays = part.strip().partition("@")
        try:
            spells.append((spec, float(stays) if at else seconds))
        except ValueError:
            spells.append((spec, math.nan))
        if not 0 < spells[-1][1] < math.inf:
            raise ValueError(
                f"{cut(part.strip())!r}: after @ comes a number of seconds, more than 0"
            )
        ChannelStream(spec)
    return TimeVaryingChannel(tuple(spells), name)
