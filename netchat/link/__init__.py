"""The noisy link: a reliable stream of bytes over a pipe that turns bits over.

    link = Link.client("rs:255,223")

`link` is the whole, without I/O; `header` and `docs/LINK.md` say what a block looks like, `codes`
which code its payload may be in, `policy` who decides that.
"""

from netchat.link.codes import CODES, OPENED, BlockCode, block_code, check_spec
from netchat.link.header import (
    HEAD_SIZE,
    HEADER_SIZE,
    MARKER,
    Header,
    Kind,
    begins_link,
    read_header,
    write_header,
)
from netchat.link.link import Link
from netchat.link.opening import Mode, Opening, read_opening, write_opening
from netchat.link.policy import ChannelReport, Fixed, Outcome, Policy
from netchat.link.reader import BlockReader, StreamBlock
from netchat.link.stats import LinkStats

__all__ = [
    "CODES",
    "HEADER_SIZE",
    "HEAD_SIZE",
    "MARKER",
    "OPENED",
    "BlockCode",
    "BlockReader",
    "ChannelReport",
    "Fixed",
    "Header",
    "Kind",
    "Link",
    "LinkStats",
    "Mode",
    "Opening",
    "Outcome",
    "Policy",
    "StreamBlock",
    "begins_link",
    "block_code",
    "check_spec",
    "read_header",
    "read_opening",
    "write_header",
    "write_opening",
]
