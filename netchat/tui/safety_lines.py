"""Lines about secrets and safety numbers of sealed rooms."""

from __future__ import annotations

import io

from netchat.chat.client_events import SafetyReceived
from netchat.chat.room_codes import show_code
from netchat.chat.sealing.room_secret import read_secret, secret_words
from netchat.tui.lines import LOCK, Line, LineKind, notice_line, room_name

__all__ = ["safety_lines", "secret_lines"]


def secret_lines(room: str, epoch: int, secret: str) -> list[Line]:
    """Return lines that tell how others join a sealed room."""
    again = "" if epoch == 1 else "has a new secret, and older links no longer open it; it "
    text = f"{LOCK} {room_name(room)} {again}is joined with /join {show_code(room)}#{secret}"
    words = secret_words(read_secret(secret)) if secret else ""
    return [
        notice_line("secret", text),
        notice_line("secret", f"or, to read aloud: /join {show_code(room)} {words}"),
    ]


def safety_lines(safety: SafetyReceived) -> list[Line]:
    """Return lines that show a safety number, with a QR code."""
    whose = f"you and {safety.name}" if safety.name else f"{room_name(safety.room)}"
    compared = "; you have compared it before" if safety.is_verified else ""
    lines = [
        f"[safety] {LOCK} {whose}{compared}",
        f"  {safety.digits[:35]}",
        f"  {safety.digits[36:]}",
        f"  {safety.words}",
    ]
    if not safety.name:
        lines.append(f"  members: {', '.join(safety.members)}")
    lines += [f"  {row}" for row in _qr_rows(safety.digits.replace(" ", ""))]
    lines.append("  Compare it in person or on the phone.")
    lines.append("  If it differs, someone may be intercepting your messages.")
    return [Line(LineKind.ANSWER, (("", line),)) for line in lines]


def _qr_rows(text: str) -> list[str]:
    import segno

    out = io.StringIO()
    segno.make(text, error="l", micro=False).terminal(out, border=2, compact=True)
    return out.getvalue().splitlines()
