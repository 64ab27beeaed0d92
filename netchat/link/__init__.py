"""Noisy link: a reliable byte stream over a channel that flips bits, without I/O.

    >>> from netchat.link import Link
    >>> client, server = Link.client("uncoded"), Link.server()
    >>> client.send(b"hello")
    >>> for now in (0.0, 0.1, 0.2):
    ...     server.receive(client.data_to_send(now), now)
    ...     client.receive(server.data_to_send(now), now)
    >>> server.received(0.2)
    b'hello'

`link` combines the parts: `handshake` opens and closes it, `sender` and `receiver` retransmit and
reassemble, `block_writer` and `block_scanner` convert to and from bytes, `payload_decoder` decodes.
`header` and docs/LINK.md define the block format, `code_table` the codes; those of
`incremental_redundancy` repair a failed block by more parity. `policies` choose a code for each block;
`policy_registry` finds them by name. `datagram_listener` is the server side over UDP.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netchat.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from netchat.link.block_code import BlockCode, DecodedPayload
    from netchat.link.code_table import CODES
    from netchat.link.header import Header, Kind, ReadHeader
    from netchat.link.link import Link
    from netchat.link.open_request import Mode, OpenRequest
    from netchat.link.policies.bandit import Bandit
    from netchat.link.policies.policy import ChannelReport, FixedCode, Oracle, Outcome, Policy
    from netchat.link.policies.threshold import Threshold
    from netchat.link.rtt import RetransmissionTimer
    from netchat.link.stats import Goodput, LinkStats
else:
    # A server without links stays small.
    __getattr__, __dir__ = lazy_exports(
        __name__,
        {
            "block_code": "BlockCode DecodedPayload",
            "code_table": "CODES",
            "header": "Header Kind ReadHeader",
            "link": "Link",
            "open_request": "Mode OpenRequest",
            "policies.bandit": "Bandit",
            "policies.policy": "ChannelReport FixedCode Oracle Outcome Policy",
            "policies.threshold": "Threshold",
            "rtt": "RetransmissionTimer",
            "stats": "Goodput LinkStats",
        },
    )

__all__ = [
    "CODES",
    "Bandit",
    "BlockCode",
    "ChannelReport",
    "DecodedPayload",
    "FixedCode",
    "Goodput",
    "Header",
    "Kind",
    "Link",
    "LinkStats",
    "Mode",
    "OpenRequest",
    "Oracle",
    "Outcome",
    "Policy",
    "ReadHeader",
    "RetransmissionTimer",
    "Threshold",
]
