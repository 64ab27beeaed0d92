"""The page's files, cached in memory and reloaded when they change on disk."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

from aiohttp import web

__all__ = ["Files"]

#: Content types. Python's `mimetypes` depends on the system, where a registry may declare JavaScript
#: as plain text, which browsers refuse to run.
_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}


class _File:
    """Cached content of one file."""

    def __init__(self, path: Path, version: tuple[int, int]) -> None:
        self.version = version
        self.data = path.read_bytes()
        self.type = _TYPES[path.suffix]
        self.etag = hashlib.sha256(self.data).hexdigest()[:16]
        gzipped = gzip.compress(self.data, 9, mtime=0)
        self.gzipped = gzipped if len(gzipped) < len(self.data) else None


class Files:
    """Cache of the files in one folder, without its subfolders.

    Args:
        folder: Path of the folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, _File] = {}

    def response(self, name: str, request: web.Request, status: int = 200) -> web.Response:
        """Return a file, or status 304 if the browser has the current version.

        Args:
            name: Name of the file.
            request: The request.
            status: Status of the response with the file.

        Raises:
            web.HTTPNotFound: The folder has no such file.
        """
        found = self._find(name)
        # Browsers revalidate cached files each time, because updates of netchat keep the file
        # names.
        headers = {"Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
        known = request.if_none_match or ()
        if status == 200 and any(tag.value in (found.etag, "*") for tag in known):
            response = web.Response(status=304, headers=headers)
        elif found.gzipped is not None and "gzip" in request.headers.get("Accept-Encoding", ""):
            headers["Content-Encoding"] = "gzip"
            response = self._content(found, found.gzipped, headers)
        else:
            response = self._content(found, found.data, headers)
        if status == 200:
            response.etag = found.etag
        else:
            response.set_status(status)
        return response

    def _content(self, found: _File, data: bytes, headers: dict[str, str]) -> web.Response:
        charset = None if found.type == "image/png" else "utf-8"
        return web.Response(body=data, content_type=found.type, charset=charset, headers=headers)

    def _find(self, name: str) -> _File:
        path = self._folder / name
        if Path(name).name != name or path.suffix not in _TYPES:
            raise web.HTTPNotFound(text="No such file.\n")
        try:
            status = path.stat()
        except (OSError, ValueError):
            raise web.HTTPNotFound(text="No such file.\n") from None
        version = (status.st_mtime_ns, status.st_size)
        found = self._files.get(name)
        if found is None or found.version != version:
            found = self._files[name] = _File(path, version)
        return found
