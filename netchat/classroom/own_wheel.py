"""Wheel of the running netchat, so that students install the teacher's version.

It is made from the installed files, including those of a clone, without a build tool:

    name, data = own_wheel()        # netchat-0.1.0-py3-none-any.whl
    pip install "./netchat-0.1.0-py3-none-any.whl[notebooks]"

https://packaging.python.org/en/latest/specifications/binary-distribution-format/
"""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import io
import zipfile
from pathlib import Path

import netchat
from netchat.errors import NetchatError

__all__ = ["own_wheel"]

#: Folders of compiled files.
_CACHE = "__pycache__"

#: Date of the files, so that equal contents make equal wheels.
_DATE = (2020, 1, 1, 0, 0, 0)

_WHEEL = "Wheel-Version: 1.0\nGenerator: netchat\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def own_wheel() -> tuple[str, bytes]:
    """Return the name and the content of a wheel of this netchat.

    Raises:
        NetchatError: netchat is not installed, so that its metadata is missing.
    """
    try:
        distribution = importlib.metadata.distribution("netchat")
    except importlib.metadata.PackageNotFoundError as error:
        raise NetchatError(
            "netchat is not installed, so students cannot get it from here. In its clone, run: "
            "make solutions"
        ) from error
    stem = f"netchat-{distribution.version}"
    package = Path(netchat.__file__).parent
    files = {
        f"netchat/{path.relative_to(package).as_posix()}": path.read_bytes()
        for path in sorted(package.rglob("*"))
        if path.is_file() and _CACHE not in path.parts
    }
    for name in ("METADATA", "entry_points.txt"):
        files[f"{stem}.dist-info/{name}"] = (distribution.read_text(name) or "").encode()
    files[f"{stem}.dist-info/WHEEL"] = _WHEEL.encode()
    record = f"{stem}.dist-info/RECORD"
    lines = [f"{name},{_digest(data)},{len(data)}" for name, data in files.items()]
    files[record] = "\n".join([*lines, f"{record},,", ""]).encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, _DATE), data, zipfile.ZIP_DEFLATED)
    return f"{stem}-py3-none-any.whl", out.getvalue()


def _digest(data: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=")
    return f"sha256={digest.decode()}"
