"""Counters of messages: which ones are new, and the answer to repeated ones."""

from __future__ import annotations

from netchat.chat.commands import MAX_NUMBER
from netchat.chat.commit_actions import AnswerRepeatedSend
from netchat.chat.connection import Connection, RepeatedSend
from netchat.chat.model import Room, Session
from netchat.chat.server_state import ServerState
from netchat.errors import HistoryError
from netchat.wire import ErrorCode, Message

__all__ = ["answer_repeated", "find_last_counter", "refuse_large_counter"]

#: Cost of searching for a repeated message, in frames of the rate limit.
LOOK_BACK_COST = 50


def find_last_counter(
    state: ServerState,
    connection: Connection,
    session: Session,
    room: Room,
    about: type[Message],
    counter: int,
) -> int | None:
    """Return a device's last counter if only the history knows it, otherwise 0.

    Returns:
        None if the message is repeated or cannot be checked; the client has been answered.
    """
    device, known = session.device, 0
    last = room.counters.get(device)
    if last is None:
        last = room.last_counter(device)
        if last is None:
            try:
                last = known = state.history.last_counter(room.id, device)
            except HistoryError as error:
                state.note_damage(room, error)
                why = "The server's history is damaged; the message was not delivered."
                state.refuse(connection, ErrorCode.STORAGE, why, about, counter)
                return None
    if counter <= last:
        answer_repeated(state, connection, room, counter)
        return None
    return known


def refuse_large_counter(
    state: ServerState, connection: Connection, about: type[Message], counter: int
) -> bool:
    """Refuse a message whose counter cannot be stored; return whether it was refused."""
    if counter < MAX_NUMBER:
        return False
    problem = f"A message's counter must be below 2^63, got {counter}."
    state.refuse(connection, ErrorCode.OUT_OF_ORDER, problem, about, counter)
    return True


def answer_repeated(state: ServerState, connection: Connection, room: Room, counter: int) -> None:
    """Answer a repeated message once the events in the current batch are durable."""
    connection.allowance -= LOOK_BACK_COST
    request = RepeatedSend(state.feeds[room.id], counter)
    state.batch.after.append(AnswerRepeatedSend(connection, request))
