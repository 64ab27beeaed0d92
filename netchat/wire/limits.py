"""Limits of the protocol, with their reasons."""

from __future__ import annotations

__all__ = [
    "DEFAULT_PORT",
    "MAX_BAN_PAGE",
    "MAX_CHUNK",
    "MAX_DEVICES",
    "MAX_FILE_NAME",
    "MAX_FOUND",
    "MAX_FRAME",
    "MAX_HISTORY",
    "MAX_MEMBERSHIPS",
    "MAX_NAME",
    "MAX_PIECE",
    "MAX_ROSTER",
    "MAX_SEALED",
    "MAX_SERVERS",
    "MAX_TEXT",
]

#: Default port. It is not registered, and no Wireshark dissector claims it (`tshark -G decodes`).
DEFAULT_PORT = 6464

#: Largest frame in bytes, header included. A hostile peer can make the receiver hold one incomplete
#: frame per connection. A text's two-byte length field cannot express more than 64 KiB either.
MAX_FRAME = 64 * 1024

#: Longest chat message in UTF-8 bytes: a quarter of a frame, or about three screens of text. A single
#: message cannot fill a member's send buffer (256 KiB).
MAX_TEXT = 16 * 1024

#: Longest user name in characters: longer ones break the columns of every view. IRC started with 9;
#: today's networks allow about 30.
MAX_NAME = 24

#: Maximum number of names in one ROSTER. 500 names of 24 four-byte characters fit into MAX_FRAME.
MAX_ROSTER = 500

#: Maximum number of rooms in WELCOME and of positions in HELLO: each takes up to 140 bytes of the frame.
MAX_MEMBERSHIPS = 400

#: Maximum number of events in the answer to one HISTORY. A client requests the rest with another.
MAX_HISTORY = 1000

#: Maximum number of messages in one FOUND. Each takes up to 1,700 bytes of the frame.
MAX_FOUND = 25

#: Maximum number of servers in one SERVERS. Each takes up to 600 bytes of the frame.
MAX_SERVERS = 64

#: Maximum number of bans in one BAN_LIST. Each takes up to 1,200 bytes of the frame.
MAX_BAN_PAGE = 50

#: Maximum number of members of a sealed room: one REKEY holds the new secret for each, in 116 bytes.
MAX_SEALED = 200

#: Maximum number of devices in one DEVICES. Each takes up to 280 bytes of the frame.
MAX_DEVICES = 128

#: Maximum number of bytes of a file in one CHUNK: it fits into MAX_FRAME, and encoding it takes 0.1 ms.
MAX_CHUNK = 60 * 1024

#: Maximum number of bytes that one DOWNLOAD requests.
MAX_PIECE = 1024 * 1024

#: Longest name of a file in UTF-8 bytes: the limit of most file systems.
MAX_FILE_NAME = 255
