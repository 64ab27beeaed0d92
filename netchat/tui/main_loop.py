"""Main loop of a front end: each event of the client, with the lines to show for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from netchat.chat.client_events import ClientEvent, Offline, SessionEnded
from netchat.errors import CannotConnect, NetchatError
from netchat.tui.event_handlers import handle_event
from netchat.tui.lines import Line, sanitize
from netchat.tui.session import ChatSession

__all__ = ["listen"]

#: Seconds that a server has to answer HELLO.
ANSWER_TIMEOUT = 10.0

#: The same over a link, whose handshake has its own timeout. Both ends may have to load or compile
#: the codes first.
LINK_ANSWER_TIMEOUT = 60.0


async def listen(session: ChatSession) -> AsyncIterator[tuple[ClientEvent, list[Line]]]:
    """Yield each event and the lines to show for it, until the session ends.

    Iteration also ends if the server rejects the first name or login: see
    `ChatSession.name_rejection` and `ChatSession.login_problem`.

    Raises:
        CannotConnect: The connection was lost for too long, or the peer is not a chat server.
        NetchatError: The server ended the session.
    """
    client = session.client
    timeout = ANSWER_TIMEOUT if client.path is None else LINK_ANSWER_TIMEOUT
    timer = asyncio.get_running_loop().call_later(timeout, _give_up, session)
    try:
        async for event in client.events():
            timer.cancel()
            yield event, handle_event(session, event)
            if isinstance(event, Offline) and not session.was_online:
                raise CannotConnect(_first_failure(session))
            if (session.name_rejection or session.login_problem) and not session.was_online:
                return
            if isinstance(event, SessionEnded) and not event.wanted:
                if session.core.ended:
                    raise NetchatError(sanitize(event.why))
                raise CannotConnect(f"{session.client.address}: {sanitize(event.why)}")
    finally:
        timer.cancel()


def _first_failure(session: ChatSession) -> str:
    client = session.client
    is_netchat = client.path is not None or client.had_damaged_frame
    what = "could not be understood" if is_netchat else "is not a netchat server"
    return f"{client.address} {what}: {sanitize(session.last_problem).rstrip('.')}."


def _give_up(session: ChatSession) -> None:
    session.client.why_lost = "it did not answer HELLO"
    session.client.drop()
