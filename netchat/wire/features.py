"""Optional features of the protocol, one per bit of `features` in HELLO and WELCOME."""

from __future__ import annotations

from enum import IntFlag

__all__ = ["Feature"]


class Feature(IntFlag):
    """Optional features. Both peers ignore bits that they do not know."""

    #: The client handles SERVERS.
    SERVERS = 1

    #: The client can register and log in (LOGIN, REGISTER, PASSWORD, LOGOUT, ACCOUNT_STATUS).
    ACCOUNTS = 2

    #: The client handles ROOM_STATE and the events and errors of moderation.
    MODERATION = 4

    #: The client handles sealed messages.
    SEALED = 8

    #: The client handles files.
    FILES = 16

    #: The client handles edits, deletions, replies and reactions.
    ANNOTATIONS = 32
