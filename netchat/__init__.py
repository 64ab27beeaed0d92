"""netchat: a packet-level networking lab built around a chat."""

__version__ = "0.1.0"
