"""A student's channel code in any process, as a `Code` that the laws can check."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netchat.coding import Code, Decoded
from netchat.course.answer_marshalling import RemoteObject
from netchat.course.exercises import Wrong

__all__ = ["as_code"]

_NUMBERS = (
    "citation", "k", "n", "minimum_distance", "alphabet", "corrects", "detects",
    "erasure_capability", "systematic", "linear",
)  # fmt: skip


class _RemoteCode(Code):
    """A code in another process: its parameters, and proxies for its two functions."""

    def __init__(self, far: RemoteObject) -> None:
        super().__init__(str(far.name), **{name: getattr(far, name) for name in _NUMBERS})
        self._far = far
        self._positions = np.asarray(far.data_positions) if self.systematic else np.arange(self.k)

    @property
    def data_positions(self) -> NDArray[np.intp]:
        return self._positions

    def _encode(self, message: NDArray[np.uint8]) -> NDArray[np.uint8]:
        coded: NDArray[np.uint8] = self._far._encode(message)
        return coded

    def _decode(self, received: NDArray[np.uint8]) -> Decoded:
        result = self._far._decode(received)
        return Decoded(result.message, result.corrected)


def as_code(answer: Any, what: str) -> Code:
    """Return the code in an answer.

    Args:
        answer: A code, or one in another process.
        what: What made it, for the error message.

    Raises:
        Wrong: It is not a code.
    """
    if isinstance(answer, Code):
        return answer
    if isinstance(answer, RemoteObject) and hasattr(answer, "_shortened"):  # as Code.__init__ does
        code = _RemoteCode(answer)
        for name, width in (("_encode", code.k), ("_decode", code.n)):
            view = False
            with contextlib.suppress(Exception):  # the laws say what is wrong with it
                view = answer.returns_view(name, np.zeros((1, width), np.uint8))
            if view:
                raise Wrong(
                    f"{name} returns a view of its argument.",
                    "Changing one array would change the other; array.copy() makes a new one.",
                )
        return code
    raise Wrong(
        f"{what} must produce a Code, got {getattr(answer, '__name__', type(answer).__name__)}.",
        "Derive the class from Code, and call super().__init__ with its parameters.",
    )
