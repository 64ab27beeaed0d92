"""The base of the codes that are at home on planes."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Literal

import numpy as np

from netchat.coding import planes
from netchat.coding.code import Code, Decoded, Planes, Rows
from netchat.coding.planes import DecodedPlanes

__all__ = ["PlanesCode"]


class PlanesCode(Code):
    """A code over bits that implements `_encode_planes` and `_decode_planes`; rows follow."""

    fast: ClassVar[Literal["rows", "planes"]] = "planes"

    @abstractmethod
    def _encode_planes(self, message: Planes) -> Planes:
        """(k, words) to (n, words)."""

    @abstractmethod
    def _decode_planes(self, received: Planes) -> DecodedPlanes:
        """(n, words) to (k, words) and what was corrected."""

    def encode_planes(self, message: Planes) -> Planes:
        """Encode planes (k, words) into planes (n, words)."""
        return self._encode_planes(self._planes(message, self.k, "message"))

    def decode_planes(self, received: Planes, erasures: Planes | None = None) -> DecodedPlanes:
        """Decode planes (n, words)."""
        if erasures is not None and erasures.any():
            return super().decode_planes(received, erasures)
        return self._decode_planes(self._planes(received, self.n, "received word"))

    def _encode(self, message: Rows) -> Rows:
        return planes.to_rows(self._encode_planes(planes.from_rows(message)), len(message))

    def _decode(self, received: Rows) -> Decoded:
        batch = len(received)
        result = self._decode_planes(planes.from_rows(received))
        corrected = planes.to_counts(result.corrected, batch)
        corrected[planes.to_rows(result.failed[None, :], batch)[:, 0] == 1] = -1
        return Decoded(planes.to_rows(result.message, batch), np.ascontiguousarray(corrected))
