"""Web page of the chat: HTTP and WebSocket server in the chat server's event loop.

Contents:
    `site`: the HTTP server with its routes; `files`, `qr`, `local_addresses`: what it serves.
    `websocket`: WebSocket connections as transports of the chat server.
    `guard`, `throttle`: origin and host checks, and rate limits.
    `dashboard`: live figures of the server at `/server`.
    `javascript`: the generator of the browser's codec.
    `page/`: the page itself, as plain ES modules.
"""

__all__ = ["WEB_PORT"]

#: Default port of the page, unassigned by IANA and used by no Wireshark dissector.
WEB_PORT = 6480
