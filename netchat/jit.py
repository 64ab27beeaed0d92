"""Numba kernels: compiled on first use, kept on disk, and never without telling the user.

A module that holds kernels is imported only by the method that runs one, so that listing the codes
or asking for help does not pay for Numba. Numba notices a change in the file of a kernel, but not
in other files that it calls: what a kernel calls therefore stands in the kernel's own file.

The cache is an optimisation. Where no folder can be written, kernels are compiled in each process;
a damaged file is compiled again; a full disk costs the file and nothing else.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import pickle
import sys
import time
from collections.abc import Callable, Iterator
from glob import escape
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numba.core import config, event
from numba.core.caching import FunctionCache, IndexDataCacheFile
from numba.core.compiler_lock import global_compiler_lock

try:
    import fcntl
except ImportError:  # not on Windows, where two processes may compile the same kernel
    fcntl = None  # type: ignore[assignment]

__all__ = ["cache_folder", "damaged_files", "kernel", "part"]

_COMPILING = "netchat: compiling kernels: up to a minute, once for each kind of code; then kept ..."
_UNCACHED = (
    "netchat: compiling kernels, up to a minute, in each process: no folder to keep them can be "
    "written. Set NUMBA_CACHE_DIR to one that can be."
)
_NOT_KEPT = "netchat: compiled kernels cannot be kept: {}. The next process compiles them again."
_DISABLED = (
    "netchat: NUMBA_DISABLE_JIT is set: kernels run uncompiled, some thousand times more slowly."
)


def on_compile(notice: str) -> None:
    """Tell the user. A worker process sets another one here, which tells who started it."""
    print(notice, file=sys.stderr, flush=True)  # noqa: T201 - silence would look like a hang


_F = TypeVar("_F", bound=Callable[..., Any])


#: Seconds that another process may compile before the user is told. Loading takes far less.
_TIMEOUT = 3.0


class _Notice(event.Listener):
    """Says once per process that a kernel was not in the cache and is compiled."""

    def __init__(self) -> None:
        self._said: set[str] = set()
        self.compiling = _COMPILING

    def say(self, notice: str) -> None:
        """Say something, unless it was said."""
        if notice not in self._said:
            self._said.add(notice)
            on_compile(notice)

    def on_start(self, event: event.Event) -> None:
        if event.data["dispatcher"].py_func.__module__.startswith("netchat."):
            self.say(self.compiling)

    def on_end(self, event: event.Event) -> None:
        """Nothing is said at the end: what the user asked for follows."""


_notice = _Notice()
event.register("numba:compile", _notice)


class _CheckedFile(IndexDataCacheFile):
    """The files of a kernel, with a digest: machine code that is damaged must never run."""

    def _dump(self, value: object) -> bytes:
        pickled: bytes = super()._dump(value)
        return pickled + hashlib.sha256(pickled).digest()

    def _load_data(self, name: str) -> Any:
        return pickle.loads(_checked(Path(self._data_path(name))))  # noqa: S301 - Numba's own format


def _checked(path: Path) -> bytes:
    """Read a file without the digest at its end.

    Raises:
        ValueError: the digest is another one.
    """
    content = path.read_bytes()
    pickled, digest = content[:-32], content[-32:]
    if hashlib.sha256(pickled).digest() != digest:
        raise ValueError(f"{path} is damaged")
    return pickled


class _Cache(FunctionCache):
    """Numba's cache of a function, which never fails: at worst it does not know the function."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        self._cache_file = _CheckedFile(
            self._cache_path, self._impl.filename_base, self._impl.locator.get_source_stamp()
        )

    def load_overload(self, signature: Any, context: Any) -> Any:
        try:
            return super().load_overload(signature, context)
        except Exception:  # whatever reading damaged bytes raises
            with contextlib.suppress(OSError):
                for path in Path(self._cache_path).glob(f"{escape(self._impl.filename_base)}.*"):
                    path.unlink()
            return None

    def save_overload(self, signature: Any, compiled: Any) -> None:
        try:
            super().save_overload(signature, compiled)
        except Exception as error:
            why = getattr(error, "strerror", None) or str(error)
            _notice.say(_NOT_KEPT.format(why))


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
    until = time.monotonic() + _TIMEOUT
    while time.monotonic() < until:
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.01)
    _notice.say(_COMPILING)
    return fcntl.flock(file, fcntl.LOCK_EX)


def kernel(function: _F) -> _F:
    """Compile a function on its first call, or take it from the cache.

    It runs without the interpreter lock and on one thread; the bench is what uses more cores. Of
    several processes one compiles it, and the others wait for that.
    """
    if config.DISABLE_JIT:  # type: ignore[attr-defined] # set when it is imported
        _notice.say(_DISABLED)
        return _interpreted(function)
    compiled: Any = numba.njit(nogil=True, error_model="numpy")(function)
    try:
        compiled._cache = _Cache(function)
    except Exception:  # Numba found no folder that can be written
        _notice.compiling = _UNCACHED
        return cast("_F", compiled)
    load_or_compile, folder = compiled.compile, Path(compiled.stats.cache_path)

    def once(signature: Any) -> Any:
        with _alone(folder):
            return load_or_compile(signature)

    compiled.compile = once  # what a call with arguments of new types asks for
    return cast("_F", compiled)


def cache_folder(kernel: Callable[..., Any]) -> Path | None:
    """Return the folder in which a compiled kernel is kept; None if it is compiled each time."""
    path = getattr(kernel, "stats", None) and kernel.stats.cache_path  # type: ignore[attr-defined]
    return Path(path) if path else None


def damaged_files(folder: Path) -> list[Path]:
    """Return the compiled kernels in a folder that are damaged, and will be compiled again."""
    damaged = []
    for path in sorted(folder.glob("*.nbc")):
        try:
            _checked(path)
        except (OSError, ValueError):
            damaged.append(path)
    return damaged


def _interpreted(function: _F) -> _F:
    """Run a kernel without Numba: integers wrap around, as they do in machine code."""

    @functools.wraps(function)
    def run(*arguments: Any) -> Any:
        with np.errstate(all="ignore"):
            return function(*arguments)

    return cast("_F", run)


def part(function: _F) -> _F:
    """A piece of a kernel, compiled into each kernel of the same file that calls it.

    Without this, a call copies the description of every array that it hands over, which costs more
    than many of these pieces do.
    """
    compiled = numba.njit(forceinline=True, nogil=True, error_model="numpy")(function)
    return cast("_F", compiled)
