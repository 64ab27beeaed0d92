"""A client driver whose core is that of the page, run by node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from netchat.chat.client import ChatClient
from netchat.net.client_driver import ClientDriver
from netchat.net.files.client_transfers import ClientTransfers
from tests.web.page_client import Node, PageClient

__all__ = ["page_driver"]


class _PageCore(PageClient):
    """The page's client, with the attributes that only the driver reads."""

    close_reason = ""

    #: The page connects to the servers' pages, the driver to the addresses that it was given.
    servers: tuple[Any, ...] = ()

    files: Any


class _NoTransfers:
    """Transfers of a client that sends and saves no files."""

    def pump(self) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing."""


def page_driver(node: Node, number: int, name: str, ports: Sequence[int]) -> ClientDriver:
    """Return a driver of the page's client, over TCP instead of a WebSocket.

    Args:
        node: Node process.
        number: Number of the client in that process.
        name: User name.
        ports: Ports of the servers on this machine.
    """
    first, *others = [("127.0.0.1", port) for port in ports]
    driver = ClientDriver(*first, name, others=others)
    core = _PageCore(node, number, name)
    core.files = driver.core.files
    driver.core = cast(ChatClient, core)
    driver.files = cast(ClientTransfers, _NoTransfers())
    return driver
