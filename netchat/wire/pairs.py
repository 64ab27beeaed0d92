"""Which message answers which, and by what number the two belong together.

The declarations say what a message looks like; who answers whom is told in their prose only. This
is the table of it, for every view that links an answer to its question.
"""

from __future__ import annotations

from netchat.wire import (
    MESSAGES,
    Ack,
    Bye,
    Create,
    Error,
    Event,
    Hello,
    History,
    HistoryEnd,
    Join,
    Joined,
    Leave,
    Left,
    Message,
    Ping,
    Pong,
    Private,
    Rename,
    Renamed,
    Roster,
    Send,
    Welcome,
    Who,
    fields_of,
)

__all__ = ["ANSWERS", "link_field"]

#: The messages that answer each message of a client; none if it expects no answer. An ERROR may
#: answer any of them, too: its `about` is the type it refuses, its `reference` that message's link
#: field.
ANSWERS: dict[type[Message], tuple[type[Message], ...]] = {
    Hello: (Welcome,),
    Ping: (Pong,),
    Pong: (),
    Bye: (Bye,),
    Create: (Joined,),
    Join: (Joined,),
    Private: (Joined,),
    Leave: (Left,),
    Who: (Roster,),
    Rename: (Renamed,),
    History: (HistoryEnd,),
    Send: (Event, Ack),
}

#: Fields that come back in an answer, in the order they are looked for.
_LINKS = ("request", "counter")


def link_field(message: type[Message]) -> str | None:
    """The field whose value a question and its answer share; None where no number is needed."""
    if message in (Ping, Pong):
        return "time"
    if message is Error:
        return "reference"
    names = {field.name for field in fields_of(message)}
    return next((name for name in _LINKS if name in names), None)


assert set(ANSWERS) <= set(MESSAGES.values())
