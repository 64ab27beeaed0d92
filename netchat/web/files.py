"""The page's files, kept in memory, and read again when they have changed on disk."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

from aiohttp import web

__all__ = ["Files"]

#: What browsers are told a file is. They run nothing that calls itself something else, and Python's
#: own table is the system's, where a registry may say that JavaScript is plain text.
_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}


class _File:
    """One file, as it is sent."""

    def __init__(self, path: Path, stamp: tuple[int, int]) -> None:
        self.stamp = stamp
        self.data = path.read_bytes()
        self.type = _TYPES[path.suffix]
        self.etag = hashlib.sha256(self.data).hexdigest()[:16]
        packed = gzip.compress(self.data, 9, mtime=0)
        self.packed = packed if len(packed) < len(self.data) else None


class Files:
    """The files of one folder, without its subfolders.

    Args:
        folder: where they are.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, _File] = {}

    def response(self, name: str, request: web.Request) -> web.Response:
        """A file, or "not modified" where the browser has it already.

        Raises:
            web.HTTPNotFound: there is no such file.
        """
        found = self._find(name)
        # The browser keeps what it was sent, and asks each time whether it is still good: files
        # keep their names when netchat is updated.
        headers = {"Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
        known = request.if_none_match or ()
        if any(tag.value in (found.etag, "*") for tag in known):
            response = web.Response(status=304, headers=headers)
        elif found.packed is not None and "gzip" in request.headers.get("Accept-Encoding", ""):
            headers["Content-Encoding"] = "gzip"
            response = self._whole(found, found.packed, headers)
        else:
            response = self._whole(found, found.data, headers)
        response.etag = found.etag
        return response

    def _whole(self, found: _File, data: bytes, headers: dict[str, str]) -> web.Response:
        return web.Response(body=data, content_type=found.type, charset="utf-8", headers=headers)

    def _find(self, name: str) -> _File:
        path = self._folder / name
        if Path(name).name != name or path.suffix not in _TYPES:
            raise web.HTTPNotFound(text="There is no such file.\n")
        try:
            status = path.stat()
        except (OSError, ValueError):
            raise web.HTTPNotFound(text="There is no such file.\n") from None
        stamp = (status.st_mtime_ns, status.st_size)
        found = self._files.get(name)
        if found is None or found.stamp != stamp:
            found = self._files[name] = _File(path, stamp)
        return found
