"""Web page of the chat: HTTP and WebSocket server in the chat server's event loop.

Contents:
    `site`: the HTTP server with its routes; `files`, `qr`, `local_addresses`: what it serves.
    `websocket`: WebSocket connections as transports of the chat server.
    `guard`, `throttle`: origin and host checks, and rate limits.
    `metrics`, `operations`: metrics for Prometheus, and the paths for the operation of a server.
    `dashboard`: live figures of the server at `/server`.
    `javascript`: the generator of the browser's codec.
    `page/`: the page itself, as plain ES modules.
"""

__all__ = ["METRICS_PORT", "WEB_PORT"]

#: Default port of the page, unassigned by IANA and used by no Wireshark dissector.
WEB_PORT = 6480

#: Default port of the listener for metrics, likewise.
METRICS_PORT = 6490
