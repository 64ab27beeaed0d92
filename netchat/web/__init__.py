"""The page: HTTP and WebSocket beside the chat, in the same event loop, in the same rooms."""

__all__ = ["WEB_PORT"]

#: The page's port. Registered to nobody, and claimed by no dissector of Wireshark.
WEB_PORT = 6480
