"""Numba kernels: compiled on first use, kept on disk, and never without telling the user.

A module that holds kernels is imported only by the method that runs one, so that listing the codes
or asking for help does not pay for Numba. Numba notices a change in the file of a kernel, but not
in other files that it calls: what a kernel calls therefore stands in the kernel's own file.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
from numba.core import event

__all__ = ["kernel", "part"]


def on_compile(notice: str) -> None:
    """Tell the user. A worker process sets another one here, which tells who started it."""
    print(notice, file=sys.stderr, flush=True)  # noqa: T201 - silence would look like a hang


_F = TypeVar("_F", bound=Callable[..., Any])


class _Notice(event.Listener):
    """Says once per process that a kernel was not in the cache and is compiled."""

    def __init__(self) -> None:
        self._said = False

    def on_start(self, event: event.Event) -> None:
        function = event.data["dispatcher"].py_func
        if not self._said and function.__module__.startswith("netchat."):
            self._said = True
            on_compile(
                "netchat: compiling kernels: up to a minute, once for each kind of code; then kept ..."
            )

    def on_end(self, event: event.Event) -> None:
        """Nothing is said at the end: what the user asked for follows."""


event.register("numba:compile", _Notice())  # type: ignore[no-untyped-call]


def kernel(function: _F) -> _F:
    """Compile a function on its first call, or take it from the cache.

    It runs without the interpreter lock and on one thread; the bench is what uses more cores.
    """
    compiled = numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    return cast("_F", compiled)


def part(function: _F) -> _F:
    """A piece of a kernel, compiled into each kernel of the same file that calls it.

    Without this, a call copies the description of every array that it hands over, which costs more
    than many of these pieces do.
    """
    compiled = numba.njit(forceinline=True, nogil=True, error_model="numpy")(function)
    return cast("_F", compiled)
