"""Limits of the protocol, each with its reason."""

from __future__ import annotations

__all__ = [
    "DEFAULT_PORT",
    "MAX_FRAME",
    "MAX_HISTORY",
    "MAX_MEMBERSHIPS",
    "MAX_NAME",
    "MAX_ROSTER",
    "MAX_TEXT",
]

#: Chat port. Registered to nobody, and claimed by no dissector of Wireshark (`tshark -G decodes`).
DEFAULT_PORT = 6464

#: Bytes of a whole frame, header included. One frame is what a hostile peer can make us hold, so
#: it is the unit of memory a connection; 64 KiB is also the most a text's length field can need.
MAX_FRAME = 64 * 1024

#: UTF-8 bytes of one chat message. A quarter of a frame: about three screens of text, and one
#: message can never push a room's batch over the send buffer of a member (256 KiB) by itself.
MAX_TEXT = 16 * 1024

#: Characters of a user name: longer ones break the columns of every view. IRC began with 9;
#: today's networks allow about 30.
MAX_NAME = 24

#: Names in one ROSTER. 500 names of 24 four-byte characters stay below MAX_FRAME.
MAX_ROSTER = 500

#: Rooms that WELCOME can name, and HELLO give positions in: each takes up to 140 bytes of the frame.
MAX_MEMBERSHIPS = 400

#: Events one HISTORY may ask for; a reader that wants more asks again from where it ended.
MAX_HISTORY = 1000
