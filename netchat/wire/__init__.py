"""NCP/1, the chat protocol: specified once, in `messages.py`; everything else is made from it."""

from netchat.wire.declare import MESSAGES, Message, Record, Way
from netchat.wire.fields import Field, fields_of
from netchat.wire.frame import (
    HEADER_FIELDS,
    HEADER_SIZE,
    MAGIC,
    VERSION,
    Frame,
    checksum,
    decode,
    encode,
    seal,
)
from netchat.wire.limits import (
    DEFAULT_PORT,
    MAX_FRAME,
    MAX_HISTORY,
    MAX_MEMBERSHIPS,
    MAX_NAME,
    MAX_ROSTER,
    MAX_TEXT,
)
from netchat.wire.messages import *  # noqa: F403 - the messages are the protocol's own list
from netchat.wire.messages import __all__ as _messages
from netchat.wire.reader import FrameReader, check_header
from netchat.wire.walk import Span, walk

__all__ = [
    "DEFAULT_PORT",
    "HEADER_FIELDS",
    "HEADER_SIZE",
    "MAGIC",
    "MAX_FRAME",
    "MAX_HISTORY",
    "MAX_MEMBERSHIPS",
    "MAX_NAME",
    "MAX_ROSTER",
    "MAX_TEXT",
    "MESSAGES",
    "VERSION",
    "Field",
    "Frame",
    "FrameReader",
    "Message",
    "Record",
    "Span",
    "Way",
    "check_header",
    "checksum",
    "decode",
    "encode",
    "fields_of",
    "seal",
    "walk",
    *_messages,
]
