"""Lab: hosts on this machine, and an impaired network between them.

    from netchat.channels import Impairments

    with Lab("mine", ["h1", "h2"], Impairments(loss=0.01), seed=1) as lab:
        lab.start("h1", ["netchat", "serve", "--lan"])

`lab` sets up and runs everything; `network` creates the hosts in their `namespaces`, connected by
`veth` pairs; `bridge` forwards frames between them. It needs Linux and root.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netchat.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from netchat.lab.lab import Lab
    from netchat.lab.network import Host, Network
else:
    # `netchat lab status` and `exec` need neither NumPy nor pyroute2.
    __getattr__, __dir__ = lazy_exports(__name__, {"lab": "Lab", "network": "Host Network"})

__all__ = ["Host", "Lab", "Network"]
