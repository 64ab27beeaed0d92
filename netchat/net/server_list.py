"""Servers that a client may connect to, in turn: any server of a cluster can resume its session."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from netchat.net.address import parse_address
from netchat.wire import DEFAULT_PORT

__all__ = ["ServerList"]


class ServerList:
    """The servers named by the user, and those of the same cluster named by a server.

    Args:
        given: Host and port of each server that the user named; at least one.
        rotation: Fraction by which the servers that were learned are rotated, from 0 to 1. Random
            fractions spread the clients of a failed server over the others.

    Attributes:
        current: The server to connect to, or that the client is connected to.
    """

    def __init__(self, given: Sequence[tuple[str, int]], rotation: float = 0.0) -> None:
        self._given = tuple(given)
        self._rotation = rotation
        self._learned: tuple[tuple[str, int], ...] = ()
        self.current = self._given[0]

    def __len__(self) -> int:
        return len(self._in_order())

    def learn(self, addresses: Iterable[str]) -> None:
        """Replace the servers that were learned; addresses that cannot be parsed are ignored."""
        found = []
        for address in addresses:
            try:
                found.append(parse_address(address, DEFAULT_PORT))
            except ValueError:  # of a faulty server: the others may still help
                continue
        first = int(self._rotation * len(found))
        self._learned = (*found[first:], *found[:first])

    def advance(self) -> None:
        """Make the next server the current one; after the last comes the first."""
        servers = self._in_order()
        self.current = servers[(servers.index(self.current) + 1) % len(servers)]

    def _in_order(self) -> list[tuple[str, int]]:
        return list(dict.fromkeys((*self._given, *self._learned, self.current)))
