"""Numba kernels: compiled on first use, kept on disk, and never without telling the user.

A module that holds kernels is imported only by the method that runs one, so that listing the codes
or asking for help does not pay for Numba. Numba notices a change in the file of a kernel, but not
in other files that it calls: what a kernel calls therefore stands in the kernel's own file.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core import event
from numba.core.compiler_lock import global_compiler_lock

try:
    import fcntl
except ImportError:  # not on Windows, where two processes may compile the same kernel
    fcntl = None  # type: ignore[assignment]

__all__ = ["kernel", "part"]


def on_compile(notice: str) -> None:
    """Tell the user. A worker process sets another one here, which tells who started it."""
    print(notice, file=sys.stderr, flush=True)  # noqa: T201 - silence would look like a hang


_F = TypeVar("_F", bound=Callable[..., Any])


#: Seconds that another process may compile before the user is told. Loading takes far less.
_PATIENCE = 3.0


class _Notice(event.Listener):
    """Says once per process that a kernel was not in the cache and is compiled."""

    def __init__(self) -> None:
        self._said = False

    def say(self) -> None:
        """Say it, unless it was said."""
        if not self._said:
            self._said = True
            on_compile(
                "netchat: compiling kernels: up to a minute, once for each kind of code; then kept ..."
            )

    def on_start(self, event: event.Event) -> None:
        if event.data["dispatcher"].py_func.__module__.startswith("netchat."):
            self.say()

    def on_end(self, event: event.Event) -> None:
        """Nothing is said at the end: what the user asked for follows."""


_notice = _Notice()
event.register("numba:compile", _notice)

#: Folders of the cache that this process has locked.
_locked: set[Path] = set()


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Have a folder of the cache to oneself: whoever comes next finds there what was compiled."""
    with global_compiler_lock, contextlib.ExitStack() as stack:  # one thread, and then one process
        if fcntl is not None and folder not in _locked:
            with contextlib.suppress(OSError):  # without it there is only work that is done twice
                folder.mkdir(parents=True, exist_ok=True)
                file = stack.enter_context((folder / "netchat.lock").open("wb"))
                _lock(file.fileno())
                _locked.add(folder)
                stack.callback(_locked.discard, folder)
        yield


def _lock(file: int) -> None:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.01)
    _notice.say()
    return fcntl.flock(file, fcntl.LOCK_EX)


def kernel(function: _F) -> _F:
    """Compile a function on its first call, or take it from the cache.

    It runs without the interpreter lock and on one thread; the bench is what uses more cores. Of
    several processes one compiles it, and the others wait for that.
    """
    compiled: Any = numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    load_or_compile, folder = compiled.compile, Path(compiled.stats.cache_path)

    def once(signature: Any) -> Any:
        with _alone(folder):
            return load_or_compile(signature)

    compiled.compile = once  # what a call with arguments of new types asks for
    return cast("_F", compiled)


def part(function: _F) -> _F:
    """A piece of a kernel, compiled into each kernel of the same file that calls it.

    Without this, a call copies the description of every array that it hands over, which costs more
    than many of these pieces do.
    """
    compiled = numba.njit(forceinline=True, nogil=True, error_model="numpy")(function)
    return cast("_F", compiled)
