"""Offers of files: their form in an event, safe names, and what users read about them.

The text of an event has four lines: the size in bytes, the SHA-256 in hexadecimal, the media type, and the
name. In a sealed room, a fifth line is the file's key in hexadecimal, and the SHA-256 is that of the
sealed form.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

from netchat.wire.limits import MAX_FILE_NAME
from netchat.wire.safe_text import INVISIBLE
from netchat.wording import show_size

__all__ = [
    "HASH_SIZE",
    "MAX_SIZE",
    "FileOffer",
    "clean_name",
    "clean_type",
    "describe_offer",
    "offer_text",
    "parse_offer",
    "show_size",
]

#: Bytes of a SHA-256.
HASH_SIZE = 32

#: Bytes of a file's key in a sealed room.
KEY_SIZE = 32

#: Upper bound of sizes, which are stored as signed 64-bit integers.
MAX_SIZE = 2**63

#: A media type (RFC 6838), without parameters.
_MEDIA_TYPE = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,62}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,62}"
)

#: Characters that some file system or shell treats specially.
_SPECIAL = re.compile(r'[\x00-\x1f\x7f-\x9f<>:"|?*/\\]')

#: Names of devices on Windows.
_DEVICES = re.compile(r"(?i)(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)")


class FileOffer(NamedTuple):
    """A file that a member has offered."""

    size: int
    """Size of the file in bytes."""

    sha256: bytes
    """SHA-256 of its bytes, or of its sealed form in a sealed room."""

    media_type: str
    """Media type, such as `image/png`, or empty."""

    name: str
    """Name, as the sender stated it."""

    key: bytes = b""
    """Key of the file in a sealed room, otherwise empty."""


def offer_text(offer: FileOffer) -> str:
    """Return the text of the event for an offer."""
    lines = [str(offer.size), offer.sha256.hex(), offer.media_type, offer.name]
    return "\n".join(lines + [offer.key.hex()] * bool(offer.key))


def parse_offer(text: str) -> FileOffer | None:
    """Return the offer in the text of an event, with a safe name; None if the text has another form."""
    lines = text.split("\n")
    if len(lines) not in (4, 5):
        return None
    size, digest, media_type, name = lines[:4]
    if not (size.isascii() and size.isdecimal() and len(size) < 20 and int(size) < MAX_SIZE):
        return None
    try:
        sha256, key = bytes.fromhex(digest), bytes.fromhex(lines[4]) if lines[4:] else b""
    except ValueError:
        return None
    if len(sha256) != HASH_SIZE or len(key) not in (0, KEY_SIZE):
        return None
    return FileOffer(int(size), sha256, clean_type(media_type), clean_name(name), key)


def clean_type(media_type: str) -> str:
    """Return a media type in lower case, or an empty string if it has another form."""
    return media_type.lower() if _MEDIA_TYPE.fullmatch(media_type) else ""


def clean_name(name: str) -> str:
    """Return a name that is safe to create in any folder: without a path, and visible as it is.

    >>> clean_name("../../etc/passwd"), clean_name(".bashrc"), clean_name("a:b.txt"), clean_name("")
    ('passwd', 'bashrc', 'a_b.txt', 'file')
    """
    name = unicodedata.normalize("NFC", INVISIBLE.sub("", name[: 4 * MAX_FILE_NAME]))
    name = re.split(r"[/\\]", name)[-1]
    name = _SPECIAL.sub("_", " ".join(name.split()))
    name = _shorten(name.lstrip(".- ").rstrip(". "))
    if _DEVICES.match(name):
        name = f"_{name}"
    return name or "file"


def _shorten(name: str) -> str:
    """Cut a name to less than the limit; keep its suffix."""
    most = MAX_FILE_NAME - 55  # for what clients append to the name of a partial or second file
    if len(name.encode()) <= most:
        return name
    stem, dot, suffix = name.rpartition(".")
    if not dot or len(suffix.encode()) > 20:
        stem, dot, suffix = name, "", ""
    kept = stem.encode()[: most - len((dot + suffix).encode())].decode(errors="ignore")
    return kept.rstrip(". ") + dot + suffix


def describe_offer(text: str) -> str:
    """Return what users read about the text of an event: the name and the size."""
    offer = parse_offer(text)
    return f"{offer.name} ({show_size(offer.size)})" if offer is not None else "a file"
