"""Optional features of the protocol, one per bit of `features` in HELLO and WELCOME."""

from __future__ import annotations

from enum import IntFlag

__all__ = ["Feature"]


class Feature(IntFlag):
    """Optional features. Both peers ignore bits that they do not know."""

    #: The client handles SERVERS.
    SERVERS = 1

    #: The client handles sealed messages.
    SEALED = 8
