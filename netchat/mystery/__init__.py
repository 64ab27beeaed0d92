"""Mysteries: networks in which something is wrong, to be found from captures of all sides.

    from netchat.mystery import Answer, draw, judge, simulate

    mystery = draw("Ada", level=2)
    captures = simulate(mystery)          # packets as each host's cable carries them, without root
    captures["h1"].save("h1.pcapng")
    print(judge(mystery, Answer("loss", "h1 > h2", 0.05)))

`fault` describes the faults, and `judge` the answers. `drawing` makes a mystery from a seed. The same
`faulty_line` damages the frames of the simulated hosts (`simulation`, `tcp_peer`, `network_host`, `frames`)
and those of a real lab (`mystery_lab`, with the programs in `traffic`); `script` is what their users do.
`capture_recorder` records what each host's cable carries, and `observation` pairs the packets of two
captures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netchat.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from netchat.mystery.capture_recorder import CableCapture, HostClock
    from netchat.mystery.drawing import LEVELS, Mystery, draw
    from netchat.mystery.fault import KINDS, Answer, Fault, FaultKind
    from netchat.mystery.judgement import Judgement, judge
    from netchat.mystery.observation import (
        Crossing,
        Observation,
        observe,
        pair,
        read_observations,
    )
    from netchat.mystery.simulation import simulate
else:
    __getattr__, __dir__ = lazy_exports(
        __name__,
        {
            "capture_recorder": "CableCapture HostClock",
            "drawing": "LEVELS Mystery draw",
            "fault": "KINDS Answer Fault FaultKind",
            "judgement": "Judgement judge",
            "observation": "Observation Crossing observe pair read_observations",
            "simulation": "simulate",
        },
    )

__all__ = [
    "KINDS",
    "LEVELS",
    "Answer",
    "CableCapture",
    "Crossing",
    "Fault",
    "FaultKind",
    "HostClock",
    "Judgement",
    "Mystery",
    "Observation",
    "draw",
    "judge",
    "observe",
    "pair",
    "read_observations",
    "simulate",
]
