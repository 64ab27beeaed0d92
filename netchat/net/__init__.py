"""Network I/O with asyncio: client, server, transports, and storage on disk.

    async with netchat.Server(port=0) as server:
        async with netchat.Client(server.address, name="Robot") as chat:
            room = await chat.join("lobby")
            await room.send("Hello")

- `client`, `server`: the awaitable API for programs, also available as `netchat.Client` and
  `netchat.Server`.
- `client_driver`, `server_driver`: drivers of the sans-I/O cores in `netchat.chat`.
- `protocol_detector`: detection of frames and links.
- `group_commit`, `turn_pacing`: pacing of commits, and of the work for heavy senders.
- `tls/`: certificates, trust in servers, and the transport of TLS 1.3.
- `client_path`, `link/`, `udp/`, `noise/`: links, UDP, and simulated noise.
- `history/`, `client_store`: storage of the server and of the client.
- `probe`: a blocking client that sends arbitrary bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netchat.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from netchat.net.client import Client, Room
    from netchat.net.probe import Probe, TranscriptEntry, parse_message
    from netchat.net.received_event import ReceivedEvent
    from netchat.net.server import Server
    from netchat.net.tls.client import TlsClient
    from netchat.net.tls.known_servers import KnownServer, KnownServers
    from netchat.net.tls.trust import Trust
else:
    __getattr__, __dir__ = lazy_exports(
        __name__,
        {
            "client": "Client Room",
            "probe": "Probe TranscriptEntry parse_message",
            "received_event": "ReceivedEvent",
            "server": "Server",
            "tls.client": "TlsClient",
            "tls.known_servers": "KnownServer KnownServers",
            "tls.trust": "Trust",
        },
    )

__all__ = [
    "Client",
    "KnownServer",
    "KnownServers",
    "Probe",
    "ReceivedEvent",
    "Room",
    "Server",
    "TlsClient",
    "TranscriptEntry",
    "Trust",
    "parse_message",
]
