"""HTTP server of a class: each student's page, with notebooks to download and hand-ins to upload.

A student's address contains a random secret, and no page links to another one. The server refuses a
file that is not a notebook, and the page warns of another student's name in a notebook, so that the
student can correct it before grading. Hand-ins are kept, all of them: a later notebook with the same
name gets a number, and the best results count. A new or changed module begins a folder with a copy of
the latest files, so that earlier notebooks keep their modules.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from pathlib import Path

from aiohttp import BodyPartReader, web

from netchat.classroom.class_folder import ClassFolder, name_in
from netchat.classroom.class_pages import student_page
from netchat.classroom.pages import escape, file_name, page, slug, version_name, version_of
from netchat.classroom.roster import Student
from netchat.files import make_private_folder, write_file
from netchat.wording import many, show_size

__all__ = ["class_app"]

#: Maximum bytes of a file, files in a request, and files of a student.
MAX_FILE, MAX_FILES, MAX_HANDED_IN = 8_000_000, 10, 200

#: Endings of files that can be handed in.
_ENDINGS = (".ipynb", ".py")

_FOLDER: web.AppKey[ClassFolder] = web.AppKey("folder", ClassFolder)
_LOCK: web.AppKey[asyncio.Lock] = web.AppKey("lock", asyncio.Lock)

_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",  # the address is a secret
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex",
}


def class_app(folder: ClassFolder) -> web.Application:
    """Return the application that serves a class.

    Args:
        folder: The class.
    """
    app = web.Application(client_max_size=MAX_FILE * MAX_FILES)
    app[_FOLDER] = folder
    app[_LOCK] = asyncio.Lock()
    app.router.add_get("/", _index)
    app.router.add_get("/s/{link}", _student)
    app.router.add_post("/s/{link}", _hand_in)
    app.router.add_get("/s/{link}/notebooks.zip", _notebooks)
    app.router.add_get("/s/{link}/feedback", _feedback)
    app.on_response_prepare.append(_add_headers)
    return app


async def _add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(_HEADERS)


async def _index(request: web.Request) -> web.Response:
    name = request.app[_FOLDER].settings.name
    text = "Scan the QR code on your sheet: it leads to your own page."
    return _html(page(name, f"<h1>{escape(name)}</h1><p>{text}</p>"))


async def _student(request: web.Request) -> web.Response:
    folder, student = _find(request)
    return _html(student_page(folder, student, _handed_in(folder, student)))


async def _notebooks(request: web.Request) -> web.FileResponse:
    folder, student = _find(request)
    path = folder.archive_of(student)
    if not path.is_file():
        raise web.HTTPNotFound(text="There are no notebooks for you yet: ask your teacher.")
    name = f"{slug(folder.settings.name) or 'class'}-{file_name(student.id)}.zip"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return web.FileResponse(path, headers=headers)


async def _feedback(request: web.Request) -> web.FileResponse:
    folder, student = _find(request)
    path = folder.feedback_of(student)
    if not path.is_file():
        raise web.HTTPNotFound(text="There is no feedback for you yet.")
    return web.FileResponse(path)


async def _hand_in(request: web.Request) -> web.Response:
    folder, student = _find(request)
    try:
        files = await _files_of(request)
        async with request.app[_LOCK]:  # parsing a notebook may take 25 times its size
            remarks = await asyncio.to_thread(_remarks, folder, student, files)
            await asyncio.to_thread(_store, folder, student, files)
        message, status = " ".join([f"Handed in: {', '.join(files)}.", *remarks]), 200
    except ValueError as error:
        message, status = f"Nothing was handed in: {error}", 400
    except OSError as error:
        message, status = f"Nothing was handed in: {error.strerror}. Tell your teacher.", 507
    text = student_page(folder, student, _handed_in(folder, student), message)
    return _html(text, status)


async def _files_of(request: web.Request) -> dict[str, bytes]:
    """Return the uploaded files by name.

    Raises:
        ValueError: The request is invalid, or a file is not acceptable.
    """
    if request.content_type != "multipart/form-data":
        raise ValueError("the request has no files.")
    files: dict[str, bytes] = {}
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader) or not part.filename:
            continue
        name = safe_name(part.filename)
        data = bytearray()
        while chunk := await part.read_chunk(1 << 16):
            data += chunk
            if len(data) > MAX_FILE:
                raise ValueError(f"{name} is larger than {show_size(MAX_FILE)}.")
        files[name] = bytes(data)
        if len(files) > MAX_FILES:
            raise ValueError(f"at most {many(MAX_FILES, 'file')} at once.")
    if not files:
        raise ValueError("choose a file first.")
    return files


def _remarks(folder: ClassFolder, student: Student, files: dict[str, bytes]) -> list[str]:
    """Return warnings about names in notebooks, for the student to correct before grading.

    Raises:
        ValueError: A file is not a notebook.
    """
    remarks = []
    for name, data in files.items():
        if not name.endswith(".ipynb"):
            continue
        try:
            owner = name_in(data)
        except ValueError as error:
            raise ValueError(
                f"{name} is not a notebook. Save it in Jupyter, and choose the .ipynb file."
            ) from error
        if owner is None:
            remarks.append(
                f'{name} has no line STUDENT = "…" in its first cell: is it the right notebook?'
            )
        elif folder.roster.named(owner) is not student:
            remarks.append(
                f"{name} has the name {owner[:80]!r} in its first cell, but your numbers belong to "
                f"{student.name!r}: correct it, run all cells, and hand it in again."
            )
    return remarks


def safe_name(name: str) -> str:
    """Return a name for a file that a student calls so.

    Raises:
        ValueError: Its ending is not acceptable.
    """
    base = re.split(r"[/\\]", name)[-1]
    stem, dot, ending = base.rpartition(".")
    if f"{dot}{ending}".lower() not in _ENDINGS:
        raise ValueError(f"{base[:80]!r} must end in {' or '.join(_ENDINGS)}.")
    return f"{file_name(stem) or 'notebook'}.{ending.lower()}"


def _store(folder: ClassFolder, student: Student, files: dict[str, bytes]) -> None:
    """Write files into the student's folder, beside those that are there."""
    own = folder.handed_in / file_name(student.id)
    make_private_folder(own)
    number = max(map(version_of, own.iterdir()), default=1)
    latest = own if number == 1 else own / version_name(number)
    there = [path for path in latest.iterdir() if path.is_file()]
    copied = there if _changes_modules(there, files) else []
    if len(_files_in(own)) + len(copied) + len(files) > MAX_HANDED_IN:
        raise ValueError(
            f"your hand-ins may have {many(MAX_HANDED_IN, 'file')} in all. Tell your teacher."
        )
    if copied:
        latest = own / version_name(number + 1)
        make_private_folder(latest)
        for path in copied:
            write_file(latest / path.name, path.read_bytes())
    for name, data in files.items():
        new = _free_path(latest, name, data)
        if new is not None:
            write_file(new, data)


def _changes_modules(there: list[Path], files: dict[str, bytes]) -> bool:
    """Return whether files change what notebooks that are there import, or replace a module."""
    modules = {path.name: path for path in there if path.suffix == ".py"}
    has_notebooks = len(modules) < len(there)
    return any(
        modules[name].read_bytes() != data if name in modules else has_notebooks
        for name, data in files.items()
        if name.endswith(".py")
    )


def _free_path(own: Path, name: str, data: bytes) -> Path | None:
    """Return an unused path, or None if the file is there already.

    A module keeps its name, because notebooks import it.
    """
    path = own / name
    if path.suffix == ".py":
        return path
    digest = hashlib.sha256(data).digest()
    number = 1
    while path.exists():
        if hashlib.sha256(path.read_bytes()).digest() == digest:
            return None
        number += 1
        path = own / f"{Path(name).stem}-{number}{path.suffix}"
    return path


def _handed_in(folder: ClassFolder, student: Student) -> list[str]:
    own = folder.handed_in / file_name(student.id)
    return [path.relative_to(own).as_posix() for path in _files_in(own)]


def _files_in(own: Path) -> list[Path]:
    return sorted(path for path in own.rglob("*") if path.is_file())


def _find(request: web.Request) -> tuple[ClassFolder, Student]:
    folder = request.app[_FOLDER]
    student = folder.student_of(request.match_info["link"])
    if student is None:
        raise web.HTTPNotFound(text="There is no such page: scan the QR code on your sheet again.")
    return folder, student


def _html(text: str, status: int = 200) -> web.Response:
    return web.Response(text=text, status=status, content_type="text/html")
