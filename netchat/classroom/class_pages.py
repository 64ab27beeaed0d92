"""Pages of a class: a card per student to print, the projector's page, and a student's own page."""

from __future__ import annotations

from netchat.chat.room_codes import LOBBY, show_code
from netchat.classroom.class_folder import ClassFolder
from netchat.classroom.pages import escape, page
from netchat.classroom.roster import Student
from netchat.web.local_addresses import url
from netchat.web.qr import svg_qr

__all__ = ["projector_page", "sheets_page", "student_page", "student_url"]

_SHEETS = """
body { max-width: none; padding: 0; }
.cards { display: grid; grid-template-columns: 1fr 1fr; }
.student { display: grid; grid-template-columns: 31mm 1fr; gap: 4mm; padding: 5mm; min-height: 68mm;
  border: 1px dashed var(--line); break-inside: avoid; align-items: start; }
.student svg { width: 31mm; height: 31mm; background: #fff; }
.student h2 { font-size: 13pt; line-height: 1.2; max-height: 3.6em; overflow: hidden;
  overflow-wrap: anywhere; }
.student h2.long { font-size: 9.5pt; max-height: 4.8em; }
.student p { margin: 0.8mm 0; font-size: 9pt; line-height: 1.3; overflow-wrap: anywhere; }
.student code { font-size: 8pt; }
code { font-family: ui-monospace, "DejaVu Sans Mono", monospace; }
.hint { padding: 16px; max-width: 860px; margin: auto; }
@page { size: A4; margin: 10mm; }
@media print { .hint { display: none; } }
"""

_PROJECTOR = """
body { max-width: none; min-height: 100vh; padding: 4vh 5vw; display: grid; align-content: center; }
h1 { font-size: 6vh; }
.two { display: grid; grid-template-columns: 1fr auto; gap: 5vw; align-items: start; }
.two svg { width: 56vh; height: auto; max-width: 32vw; background: #fff; border-radius: 2vh; }
.steps { font-size: 3.6vh; line-height: 1.4; list-style: decimal; padding-left: 1.2em; }
.steps li { display: list-item; border: 0; padding: 6px 0; }
.steps b { color: var(--accent); overflow-wrap: anywhere; }
.rooms { columns: 2; column-gap: 3vw; font-size: 2.4vh; margin-top: 3vh; }
.rooms p { margin: 0 0 1vh; break-inside: avoid; white-space: nowrap; }
.many { columns: 3; font-size: 1.7vh; }
code { font-family: ui-monospace, "DejaVu Sans Mono", monospace; }
@media (max-width: 800px) { .two { grid-template-columns: 1fr; } .steps { font-size: 20px; } }
"""

_STUDENT = """
.button, button { display: inline-block; min-height: 44px; padding: 10px 18px; border: 0; border-radius: 10px;
  background: var(--accent); color: #fff; font: inherit; font-weight: 600; text-decoration: none;
  cursor: pointer; }
@media (prefers-color-scheme: dark) { .button, button { color: #0d1430; } }
input { font: inherit; max-width: 100%; margin: 8px 0 14px; display: block; min-height: 44px;
  padding-top: 8px; }
code { font-family: ui-monospace, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
label { display: block; margin-top: 10px; }
"""


#: Characters from which a name is printed small, so that the card holds all of it.
_LONG_NAME = 40

#: Rooms from which the projector's page lists them small, in three columns.
_MANY_ROOMS = 12


def student_url(folder: ClassFolder, student: Student) -> str:
    """Return the address of a student's own page."""
    settings = folder.settings
    return f"{url(settings.host, settings.class_port)}/s/{settings.links[student.id]}"


def chat_url(folder: ClassFolder, student: Student | None = None) -> str:
    """Return the address of the class in the chat: the lobby, or a student's room if there are rooms.

    The address of the page alone would offer to create a room, in which the student is alone.
    """
    settings = folder.settings
    base = url(settings.host, settings.web_port, has_tls=settings.has_tls)
    room = None if student is None else folder.room_of(student)
    return f"{base}/r/{LOBBY if room is None else room[1]}"


def sheets_page(folder: ClassFolder) -> str:
    """Return a card for each student, with the QR code of the student's page."""
    title = folder.settings.name
    cards = "".join(_card(folder, student) for student in folder.roster)
    hint = (
        '<div class="hint"><h1>Sheets</h1><p>Print this page on A4, eight cards on each, and cut along the '
        "dashed lines. A card is personal: its QR code leads to the student's notebooks and "
        "hand-ins.</p></div>"
    )
    return page(f"{title}: sheets", f'{hint}<div class="cards">{cards}</div>', _SHEETS)


def _card(folder: ClassFolder, student: Student) -> str:
    address = student_url(folder, student)
    size = " class=long" if len(student.name) > _LONG_NAME else ""
    lines = [f"<h2{size}>{escape(student.name)}</h2>", f"<p>{escape(folder.settings.name)}</p>"]
    lines += [f"<p>Notebooks and hand-ins:<br><code>{escape(address)}</code></p>"]
    name = f"<b>{escape(folder.chat_names[student.id])}</b>"
    lines += [f"<p>Chat, as {name}:<br><code>{escape(chat_url(folder))}</code></p>"]
    room = folder.room_of(student)
    if room is not None:
        lines.append(f"<p>Group {room[0]}: <code>{show_code(room[1])}</code></p>")
    invitation = folder.settings.invitations.get(student.id)
    if invitation:
        lines.append(f"<p>Invitation: <code>{escape(invitation)}</code></p>")
    return f'<div class="student">{svg_qr(address).decode()}<div>{"".join(lines)}</div></div>'


def projector_page(folder: ClassFolder) -> str:
    """Return the page for the projector: how to join."""
    settings = folder.settings
    address = chat_url(folder)
    tls = "tls://" if settings.has_tls else ""
    steps = [
        f"Open <b>{escape(address)}</b>, or scan the code.",
        "Enter the name that your sheet gives for the chat, and join.",
        f"In a terminal: <code>netchat client {tls}{escape(settings.host)}:{settings.port}</code>",
        "Notebooks and hand-ins: the QR code on <b>your own sheet</b>.",
    ]
    if settings.has_accounts:
        steps.insert(2, "Register with the invitation on your sheet.")
    rooms = "".join(
        f"<p>Group {number}: <code>{show_code(code)}</code></p>"
        for number, code in enumerate(settings.rooms, 1)
    )
    if rooms:
        kind = "rooms many" if len(settings.rooms) > _MANY_ROOMS else "rooms"
        rooms = f'<div class="{kind}">{rooms}</div>'
    listed = "".join(f"<li>{step}</li>" for step in steps)
    body = (
        f"<h1>{escape(settings.name)}</h1><div class=two><div><ol class=steps>{listed}</ol>{rooms}</div>"
        f"{svg_qr(address).decode()}</div>"
    )
    return page(settings.name, body, _PROJECTOR)


def student_page(
    folder: ClassFolder, student: Student, handed_in: list[str], message: str = ""
) -> str:
    """Return a student's own page: chat, notebooks and hand-ins.

    Args:
        folder: The class.
        student: The student.
        handed_in: Names of the files that the student has handed in.
        message: Outcome of the last action, or empty.
    """
    link = f"/s/{folder.settings.links[student.id]}"
    room = folder.room_of(student)
    where = f"group {room[0]}, room {show_code(room[1])}" if room is not None else "the lobby"
    invitation = folder.settings.invitations.get(student.id)
    ask = f"<p>Your invitation: <code>{escape(invitation)}</code></p>" if invitation else ""
    files = "".join(
        f"<li><span class=passed>✓</span><span>{escape(name)}</span></li>" for name in handed_in
    )
    feedback = (
        f'<div class="card"><h2>Feedback</h2><p>Your teacher has graded your notebooks.</p>'
        f'<a class="button" href="{link}/feedback">Read it</a></div>'
        if folder.feedback_of(student).is_file()
        else ""
    )
    body = f"""
<h1>{escape(student.name)}</h1>
<p class="muted">{escape(folder.settings.name)}</p>
{f'<div class="card" role="status">{escape(message)}</div>' if message else ""}
<div class="card"><h2>Notebooks</h2>
<p>Your name is in them, and selects your numbers.
<code>README.txt</code> in the archive has the next steps.</p>
<a class="button" href="{link}/notebooks.zip">Download</a></div>
<div class="card"><h2>Chat</h2>
<p>Enter as <b>{escape(folder.chat_names[student.id])}</b>: {where}.</p>{ask}
<a class="button" href="{escape(chat_url(folder, student))}">Open the chat</a></div>
<div class="card"><h2>Hand in</h2>
<form method="post" action="{link}" enctype="multipart/form-data">
<label for="file">Saved notebooks (.ipynb), and Python files that they import</label>
<input id="file" type="file" name="file" accept=".ipynb,.py" multiple required>
<button>Hand in</button></form>
<ul>{files}</ul></div>
{feedback}"""
    return page(f"{student.name}: {folder.settings.name}", body, _STUDENT)
