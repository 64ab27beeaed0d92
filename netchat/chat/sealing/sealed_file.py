"""Files of sealed rooms: each part is encrypted with AES-256-GCM under a key that only this file has.

The nonce is the number of the part, and the size of the file is additional data. A server can therefore not
move, repeat or leave out a part, nor cut the file, without the receiver noticing at that part.
"""

from __future__ import annotations

import secrets
import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from netchat.errors import SealingError

__all__ = ["PART_SIZE", "FileOpener", "FileSealer", "new_file_key", "sealed_size"]

#: Bytes of a part of the file, and of the tag that its sealed form has in addition.
PART_SIZE, _TAG_SIZE = 65_536, 16

_SEALED_PART = PART_SIZE + _TAG_SIZE
_CONTEXT = b"netchat file 1\0"
_SIZE = struct.Struct(">Q")


def new_file_key() -> bytes:
    """Return a key for one file, from the system's secure random source."""
    return secrets.token_bytes(32)


def _parts(size: int) -> int:
    return max(1, -(-size // PART_SIZE))


def sealed_size(size: int) -> int:
    """Return the size of the sealed form of a file, in bytes."""
    return size + _parts(size) * _TAG_SIZE


class _FileCipher:
    """The cipher of one file.

    Args:
        key: The file's key.
        size: Size of the file, in bytes.
    """

    def __init__(self, key: bytes, size: int) -> None:
        self._cipher = AESGCM(key)
        self._size = size
        self._data = _CONTEXT + _SIZE.pack(size)

    @staticmethod
    def _nonce(part: int) -> bytes:
        return part.to_bytes(12, "big")


class FileSealer(_FileCipher):
    """Encryption of a file. One key must seal one file only."""

    def plain_range(self, offset: int, length: int) -> tuple[int, int]:
        """Return the range of the file that `seal` needs for a range of the sealed form.

        Args:
            offset: Offset in the sealed form.
            length: Number of its bytes.

        Returns:
            Offset and number of bytes of the file.
        """
        first = offset // _SEALED_PART
        last = -(-(offset + length) // _SEALED_PART)
        begin = first * PART_SIZE
        return begin, min(self._size, last * PART_SIZE) - begin

    def seal(self, plain: bytes, offset: int, length: int) -> bytes:
        """Return a range of the sealed form.

        Args:
            plain: The bytes of `plain_range`.
            offset: Offset in the sealed form.
            length: Number of its bytes.
        """
        first = offset // _SEALED_PART
        sealed = b"".join(
            self._cipher.encrypt(
                self._nonce(first + at // PART_SIZE), plain[at : at + PART_SIZE], self._data
            )
            for at in range(0, max(1, len(plain)), PART_SIZE)
        )
        start = offset - first * _SEALED_PART
        return sealed[start : start + length]


class FileOpener(_FileCipher):
    """Decryption of a file whose sealed form arrives in order.

    Args:
        key: The file's key.
        size: Size of the file, in bytes.
        part: Number of parts that were opened before.
    """

    def __init__(self, key: bytes, size: int, part: int = 0) -> None:
        super().__init__(key, size)
        self._part = part
        self._rest = bytearray()

    def open(self, data: bytes) -> bytes:
        """Return the bytes of the file in the parts that are complete.

        Args:
            data: The next bytes of the sealed form.

        Raises:
            SealingError: A part was changed, moved or repeated.
        """
        self._rest += data
        opened = []
        while self._part < _parts(self._size):
            left = self._size - self._part * PART_SIZE
            wanted = min(PART_SIZE, left) + _TAG_SIZE
            if len(self._rest) < wanted:
                break
            sealed = bytes(self._rest[:wanted])
            del self._rest[:wanted]
            try:
                opened.append(self._cipher.decrypt(self._nonce(self._part), sealed, self._data))
            except InvalidTag as error:
                raise SealingError(
                    f"part {self._part + 1} of the file was changed on the server or on the way"
                ) from error
            self._part += 1
        return b"".join(opened)
