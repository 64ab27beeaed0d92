"""Links and channels of `link-bench`, and the parsers of their specifications."""

from __future__ import annotations

import math
from dataclasses import dataclass

from netchat.bench.link.time_varying_channel import TimeVaryingChannel
from netchat.channels.stream import ChannelStream
from netchat.link.code_table import CODES as TABLE
from netchat.link.decode_probability import CANDIDATES, REDUNDANCY_CANDIDATES
from netchat.link.open_request import Mode
from netchat.link.policy_registry import ADAPTIVE, validate_policy
from netchat.wording import cut

__all__ = [
    "BEACH",
    "CHOICES",
    "CODES",
    "ORACLE",
    "SWEEP",
    "LinkSpec",
    "parse_channel",
    "parse_link",
]

#: A clear period, one with bursts, a storm, and another clear period.
BEACH = TimeVaryingChannel(
    (
        ("bsc:1e-5", 10.0),
        ("gilbert-elliott:2e-4,0.01,1e-5,0.3", 10.0),
        ("bsc:2e-2", 10.0),
        ("bsc:1e-5", 10.0),
    ),
    "beach",
)

#: Constant channels of the standard suite.
SWEEP = tuple(
    f"bsc:{p}"
    for p in (
        "1e-5", "1e-4", "3e-4", "1e-3", "2e-3", "5e-3", "1e-2", "2e-2", "4e-2",
    )
)  # fmt: skip

#: Codes that the suite measures alone.
CODES = (
    "uncoded", "rs:255,251", "rs:255,239", "rs:255,223", "rs:255,191", "rs:255,127", "rs:96,32",
    "rs:255,127+hamming:7,4", "nr:5", "nr:18", "nr:53",
)  # fmt: skip

#: Codes from which the oracle chooses: all that the policies know.
CHOICES = tuple(dict.fromkeys(TABLE[number] for number in (*CANDIDATES, *REDUNDANCY_CANDIDATES)))

ORACLE = "oracle"


@dataclass(frozen=True, slots=True)
class LinkSpec:
    """Parsed specification of a link."""

    name: str
    """Text of the specification."""
    selection: str
    """Code, adaptive policy, or `oracle`."""
    mode: Mode
    """Error control mode."""

    @property
    def fixed(self) -> bool:
        """Whether it uses one code for all blocks and retransmits: the baseline for policies."""
        return (
            self.selection not in ADAPTIVE
            and self.selection != ORACLE
            and self.mode is not Mode.FEC
        )


def parse_link(name: str) -> LinkSpec:
    """Parse a link: a code or a policy, optionally followed by `/arq` or `/fec`.

    >>> parse_link("rs:255,223/fec").mode.name
    'FEC'

    Raises:
        ValueError: The code, policy or mode is invalid.
    """
    selection, slash, mode = name.partition("/")
    if slash and mode.upper() not in Mode.__members__:
        raise ValueError(f"{cut(name)!r}: the mode after the slash must be hybrid, arq or fec")
    kind = Mode[mode.upper()] if slash else Mode.HYBRID
    return LinkSpec(name, selection if selection == ORACLE else validate_policy(selection), kind)


def parse_channel(name: str, seconds: float) -> TimeVaryingChannel:
    """Parse a channel: a specification, `beach`, or `SPEC@SECONDS; SPEC@SECONDS; …`.

    Args:
        name: Text to parse.
        seconds: Duration of a channel without `@SECONDS`.

    Raises:
        ValueError: The text is invalid.
    """
    if name == BEACH.name:
        return BEACH
    periods = []
    for part in name.split(";"):
        spec, at, stays = part.strip().partition("@")
        try:
            periods.append((spec, float(stays) if at else seconds))
        except ValueError:
            periods.append((spec, math.nan))
        if not 0 < periods[-1][1] < math.inf:
            raise ValueError(
                f"{cut(part.strip())!r}: the duration after @ must be a number of seconds above 0"
            )
        ChannelStream(spec)
    return TimeVaryingChannel(tuple(periods), name)
