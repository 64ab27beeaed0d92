"""Decryption of captured files of sealed rooms, for `inspect --export-files`."""

from __future__ import annotations

from typing import BinaryIO

from netchat.wire import FileOffer

__all__ = ["unseal_file"]

_BLOCK = 1024 * 1024


def unseal_file(offer: FileOffer, source: BinaryIO, target: BinaryIO) -> None:
    """Decrypt a file.

    Args:
        offer: Its offer, with the key.
        source: Its sealed form.
        target: File to write.

    Raises:
        SealingError: The file was changed.
    """
    from netchat.chat.sealing.sealed_file import FileOpener

    opener = FileOpener(offer.key, offer.size)
    while block := source.read(_BLOCK):
        target.write(opener.open(block))
