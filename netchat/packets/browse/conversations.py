"""One conversation of a browsed capture: its transcript and its ladder."""

from __future__ import annotations

from itertools import islice

from netchat.packets.browse.capture import BrowsedCapture
from netchat.packets.decode.conversation import Conversation
from netchat.packets.decode.decoder import Decoder
from netchat.packets.items import DecodedMessage
from netchat.packets.views.follow import ChatTranscript
from netchat.packets.views.ladder import MAX_ROWS, Ladder
from netchat.packets.views.ladder_text import LadderLine, ladder_lines
from netchat.packets.views.sealed import Opener

__all__ = ["MAX_LINES", "follow_lines", "ladder_around"]

#: Lines of a transcript at most.
MAX_LINES = 100_000

#: Packets before the selected one in a ladder that cannot show all of them.
_BEFORE = 200


def follow_lines(
    capture: BrowsedCapture, conversation: Conversation, opener: Opener | None = None
) -> list[str]:
    """Return the chat of a conversation as its user reads it.

    Args:
        capture: The capture.
        conversation: The conversation.
        opener: Opens sealed messages; None shows their sizes.
    """
    transcript = ChatTranscript(opener)
    lines = []
    index = capture.items.conversations.index(conversation)
    for at in islice(capture.items.of_conversation(index), MAX_LINES):
        line = transcript.line(capture.items[at])
        if line is not None:
            lines += line.split("\n")
    return lines


def ladder_around(
    capture: BrowsedCapture, number: int, ports: frozenset[int], width: int
) -> list[LadderLine]:
    """Draw the conversation of a packet as a ladder.

    Args:
        capture: The capture.
        number: Number of the packet. If the conversation is long, the ladder begins a little before it.
        ports: Ports of chat servers.
        width: Columns of the terminal.
    """
    conversation = capture.conversation_of(number)
    if conversation is None:
        return []
    numbers = capture.packets_of(conversation)
    if len(numbers) > MAX_ROWS:
        first = max(0, int((numbers < number).sum()) - _BEFORE)
        numbers = numbers[first : first + MAX_ROWS]
    decoder = Decoder(ports, trace=True, keys=capture.decoder.keys)
    ladder = Ladder()
    for each in numbers:
        for item in decoder.feed(capture.packets[int(each)]):
            # If the ladder begins in the middle, the name is known from before.
            item.conversation.user = item.conversation.user or conversation.user
            ladder.add(item)
    for item in decoder.finish():
        if isinstance(item, DecodedMessage):
            ladder.add(item)
    return list(ladder_lines(ladder, width))
