"""Files in a chat session: numbered offers, /send and /save, and the progress of transfers."""

from __future__ import annotations

import time
from pathlib import Path

from netchat.chat.client_events import FileEnded, FileProgress
from netchat.tui.lines import Line, LineKind, error_line, notice_line, room_name
from netchat.tui.session import ChatSession, ShownTransfer
from netchat.wire import Event, EventKind
from netchat.wire.file_offers import parse_offer
from netchat.wording import show_size

__all__ = [
    "file_ended",
    "file_number",
    "file_progress",
    "save_file",
    "send_file",
    "transfer_status",
]

#: Offers that a session remembers.
MAX_OFFERS = 10_000


def file_number(session: ChatSession, event: Event) -> int:
    """Return the number of an offered file for /save, or 0 if the event offers none."""
    if event.kind != EventKind.FILE:
        return 0
    offer = parse_offer(event.text)
    if offer is None:
        return 0
    key = event.room, event.seq
    if key not in session.offer_numbers:
        session.offers.append((event.room, offer))
        session.offer_numbers[key] = len(session.offers)
    return session.offer_numbers[key]


def send_file(session: ChatSession, room: str, path: str, to: str = "") -> None:
    """Start to send a file to a room, or to a user."""
    file = Path(path).expanduser()
    session.client.files.start_sending(room, file, to=to)


def save_file(session: ChatSession, number: str, path: str = "") -> list[Line]:
    """Start to save an offered file; return an error line if the number is wrong."""
    if not (number.isdecimal() and 0 < int(number) <= len(session.offers)):
        count = len(session.offers)
        if not count:
            return [error_line("No file was offered here yet.")]
        return [error_line(f"The number of a file must be 1 to {count}, got {number[:20]!r}.")]
    room, offer = session.offers[int(number) - 1]
    target = Path(path).expanduser() if path else Path(offer.name)
    session.client.files.start_saving(room, offer, target)
    return []


def file_progress(session: ChatSession, event: FileProgress) -> None:
    """Note the progress of a transfer."""
    known = session.transfers.get(event.transfer)
    if known is None or known.progress.is_paused:
        session.transfers[event.transfer] = ShownTransfer(event, time.monotonic(), event.done)
    else:
        session.transfers[event.transfer] = known._replace(progress=event)


def file_ended(session: ChatSession, event: FileEnded) -> list[Line]:
    """Return the line about the end of a transfer."""
    session.transfers.pop(event.transfer, None)
    if event.why:
        did = "not sent" if event.is_upload else "not saved"
        return [error_line(f"{event.name}: {event.why}", did)]
    if event.is_upload:
        text = f"{event.name} is in {room_name(event.room)}"
        return [notice_line("sent", text)]
    return [notice_line("saved", event.path, LineKind.ANSWER)]


def transfer_status(shown: ShownTransfer, now: float, *, is_numbered: bool = False) -> str:
    """Return a transfer's direction, name, share, speed and remaining time.

    Args:
        shown: The transfer.
        now: Current time (`time.monotonic`).
        is_numbered: Begin with its number, as for `/pause N`.
    """
    event = shown.progress
    arrow = "↑" if event.is_upload else "↓"
    share = event.done * 100 // event.size if event.size else 100
    number = f"#{event.transfer} " if is_numbered else ""
    text = f"{number}{arrow} {event.name} {share} %"
    elapsed, moved = now - shown.begun_at, event.done - shown.begun_with
    if event.is_paused:
        return f"{text}, paused"
    if elapsed <= 0 or moved <= 0:
        return text
    left = round((event.size - event.done) * elapsed / moved)
    return f"{text}, {show_size(round(moved / elapsed))}/s, {left // 60}:{left % 60:02} left"
