"""NCP/1, the chat protocol: declared once, in `messages.py`, and compiled from there.

Messages are frozen dataclasses; `encode` makes a frame, `FrameReader` and `decode` read it back:

    >>> from netchat.wire import FrameReader, Send, decode, encode
    >>> frame = encode(Send(counter=1, room="lobby", text="Hi"))
    >>> [decode(frame) for frame in FrameReader().feed(frame)]
    [Send(counter=1, room='lobby', text='Hi')]

`compiler` makes the codec, `walk` finds each field's bytes, `document` writes the protocol document,
and `spec` exports the declarations for other languages.
"""

from netchat.wire.annotations import Annotation, parse_annotation
from netchat.wire.declare import MESSAGES, Message, Record, Way
from netchat.wire.features import Feature
from netchat.wire.fields import Choice, Encoding, Field, fields_of
from netchat.wire.file_offers import FileOffer, parse_offer
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
    MAX_BAN_PAGE,
    MAX_CHUNK,
    MAX_DEVICES,
    MAX_FILE_NAME,
    MAX_FOUND,
    MAX_FRAME,
    MAX_HISTORY,
    MAX_MEMBERSHIPS,
    MAX_NAME,
    MAX_PIECE,
    MAX_ROSTER,
    MAX_SEALED,
    MAX_SERVERS,
    MAX_TEXT,
)
from netchat.wire.messages import *  # noqa: F403 - the module's list is the protocol's
from netchat.wire.messages import __all__ as _messages
from netchat.wire.reader import FrameReader, check_header
from netchat.wire.walk import Span, walk

__all__ = [
    "DEFAULT_PORT",
    "HEADER_FIELDS",
    "HEADER_SIZE",
    "MAGIC",
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
    "MESSAGES",
    "VERSION",
    "Annotation",
    "Choice",
    "Feature",
    "Field",
    "FileOffer",
    "Frame",
    "FrameReader",
    "Encoding",
    "Message",
    "Record",
    "Span",
    "Way",
    "check_header",
    "checksum",
    "decode",
    "encode",
    "fields_of",
    "parse_annotation",
    "parse_offer",
    "seal",
    "walk",
    *_messages,
]
