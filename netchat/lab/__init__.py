"""Lab: hosts on this machine, and an impaired network between them.

from netchat.channels.impairment import Impairments
from netchat.lab import Lab

with Lab("mine", ["h1", "h2"], Impairments(loss=0.01), seed=1) as lab:
    lab.start("h1", ["netchat", "serve", "--lan"])
    ...

`lab` sets up and runs everything; `network` creates the hosts in their `namespaces`, connected by
`veth` pairs; `bridge` forwards frames between them. It needs Linux and root.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from netchat.lab.lab import Lab
    from netchat.lab.network import Host

__all__ = ["Host", "Lab"]


def __getattr__(name: str) -> Any:
    # On first use, since `netchat lab status` and `exec` need neither NumPy nor pyroute2.
    if name == "Lab":
        from netchat.lab.lab import Lab

        return Lab
    if name == "Host":
        from netchat.lab.network import Host

        return Host
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
