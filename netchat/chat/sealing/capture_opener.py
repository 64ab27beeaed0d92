"""Opening of captured sealed messages, with the secret of their room."""

from __future__ import annotations

from collections.abc import Iterable

from netchat.chat.sealing.epoch_keys import EpochKeys
from netchat.chat.sealing.sealed_message import open_sealed, signed_part, verify
from netchat.errors import SealingError
from netchat.wire import EventKind, SealedEvent, SealedSend, SealedText

__all__ = ["CaptureOpener"]

_BAD_SIGNATURE = "the signature is invalid"


class CaptureOpener:
    """Opens sealed messages in a capture.

    Args:
        secrets: Secrets of rooms, 16 bytes each; a room has one for each epoch.
    """

    def __init__(self, secrets: Iterable[bytes]) -> None:
        self._secrets = list(secrets)
        self._keys: dict[tuple[int, int], list[EpochKeys]] = {}

    def open(self, message: SealedSend | SealedEvent, log: int) -> SealedText | str:
        """Open a message.

        Args:
            message: The message.
            log: Identity of the room's log, from JOINED or WELCOME.

        Returns:
            The plaintext, or why it cannot be opened.
        """
        if not message.sealed:
            return "the message is empty"
        (sealed,), counter = message.sealed, message.counter
        epoch = sealed.epoch - (sealed.kind == EventKind.REKEY)
        if not epoch:
            return "the first secret of a private room has no text"
        try:
            signed = signed_part(sealed, log, counter)
            verify(sealed, signed)
        except SealingError:
            return _BAD_SIGNATURE
        keys = self._keys.get((log, epoch))
        if keys is None:
            keys = [EpochKeys(secret, log, epoch) for secret in self._secrets]
            self._keys[log, epoch] = keys
        for one in keys:
            try:
                return SealedText(*open_sealed(sealed, signed, one, counter))
            except SealingError:
                continue
        return f"none of the given secrets opens epoch {epoch}"
