"""Numba kernels, compiled on first use with a notice, and cached on disk.

A module with kernels is imported only by the method that runs one, so that listing the codes or showing
help does not load Numba. Numba detects a change in the file of a kernel, and this module one in the
modules of netchat that the file imports as a whole (`from netchat.coding import vector_kernels`). Other
functions that a kernel calls must be in its file.

The cache is optional. If no folder is writable, every process compiles its kernels. A damaged cache file
is compiled again, and a full disk only prevents caching.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib
import pickle
import sys
import time
from collections.abc import Callable, Iterator
from glob import escape
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numba.core import config, event
from numba.core.caching import FunctionCache, IndexDataCacheFile
from numba.core.compiler_lock import global_compiler_lock
from numpy.typing import NDArray

try:
    import fcntl
except ImportError:  # not on Windows, where two processes may compile the same kernel
    fcntl = None  # type: ignore[assignment]

__all__ = ["cache_folder", "damaged_files", "kernel", "part", "read_only"]

_COMPILING = (
    "netchat: compiling kernels, up to a minute, once per kind of code; the result is cached ..."
)
_UNCACHED = (
    "netchat: compiling kernels, up to a minute, in each process: no cache "
    "folder is writable. Set NUMBA_CACHE_DIR to one that is."
)
_NOT_KEPT = "netchat: compiled kernels cannot be cached: {}. The next process compiles them again."
_DISABLED = (
    "netchat: NUMBA_DISABLE_JIT is set: kernels run uncompiled, some thousand times more slowly."
)


def on_compile(notice: str) -> None:
    """Print a notice. A worker process replaces this function to inform its parent."""
    print(notice, file=sys.stderr, flush=True)  # noqa: T201 - silence would look like a hang


def _load_array_functions() -> None:
    """Import Numba's array functions without SciPy.

    They import scipy.linalg, for 0.3 s and 20 MB, only to offer np.cov and np.corrcoef in kernels.
    """
    blas = "scipy.linalg.cython_blas"
    if blas in sys.modules:
        return
    sys.modules[blas] = None  # type: ignore[assignment] # its import fails
    try:
        importlib.import_module("numba.np.arraymath")
    finally:
        del sys.modules[blas]


_load_array_functions()

_F = TypeVar("_F", bound=Callable[..., Any])
_T = TypeVar("_T", bound=np.generic)


#: Seconds that another process may hold the lock before a notice; loading takes far less.
_TIMEOUT = 3.0


class _Notice(event.Listener):
    """Prints one notice per process when a kernel has to be compiled."""

    def __init__(self) -> None:
        self._said: set[str] = set()
        self.compiling = _COMPILING

    def say(self, notice: str) -> None:
        """Print a notice once."""
        if notice not in self._said:
            self._said.add(notice)
            on_compile(notice)

    def on_start(self, event: event.Event) -> None:
        if event.data["dispatcher"].py_func.__module__.startswith("netchat."):
            self.say(self.compiling)

    def on_end(self, event: event.Event) -> None:
        """Do nothing at the end of a compilation."""


_notice = _Notice()
event.register("numba:compile", _notice)


class _CheckedFile(IndexDataCacheFile):
    """Cache files of a kernel with a digest, so that damaged machine code never runs."""

    def _dump(self, value: object) -> bytes:
        pickled: bytes = super()._dump(value)
        return pickled + hashlib.sha256(pickled).digest()

    def _load_data(self, name: str) -> Any:
        return pickle.loads(_checked(Path(self._data_path(name))))  # noqa: S301 - Numba's own format


def _checked(path: Path) -> bytes:
    """Read a file, and check and remove the digest at its end.

    Raises:
        ValueError: The digest does not match.
    """
    content = path.read_bytes()
    pickled, digest = content[:-32], content[-32:]
    if hashlib.sha256(pickled).digest() != digest:
        raise ValueError(f"{path} is damaged")
    return pickled


def _imported(function: Callable[..., Any]) -> tuple[tuple[str, int, int], ...]:
    """Return name, time and size of the modules of netchat that the file of a kernel imports."""
    found = set()
    for value in function.__globals__.values():
        if isinstance(value, ModuleType) and value.__name__.startswith("netchat."):
            status = Path(str(value.__file__)).stat()
            found.add((value.__name__, status.st_mtime_ns, status.st_size))
    return tuple(sorted(found))


class _Cache(FunctionCache):
    """Numba's cache of a function; errors count as a cache miss."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        stamp = self._impl.locator.get_source_stamp(), _imported(function)
        self._cache_file = _CheckedFile(self._cache_path, self._impl.filename_base, stamp)

    def load_overload(self, signature: Any, context: Any) -> Any:
        try:
            return super().load_overload(signature, context)
        except Exception:  # damaged bytes may raise anything
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
    """Lock a cache folder; the next process then finds the compiled kernel there."""
    with (
        global_compiler_lock,
        contextlib.ExitStack() as stack,
    ):  # first among threads, then among processes
        if fcntl is not None and folder not in _locked:
            with contextlib.suppress(OSError):  # without the lock, work is only duplicated
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
    """Decorate a function to be compiled on its first call, or loaded from the cache.

    It runs on one thread without the interpreter lock; the bench uses several processes. If several
    processes need it, one compiles it and the others wait.
    """
    if config.DISABLE_JIT:  # type: ignore[attr-defined] # set when it is imported
        _notice.say(_DISABLED)
        return _interpreted(function)
    compiled: Any = numba.njit(nogil=True, error_model="numpy")(function)
    try:
        compiled._cache = _Cache(function)
    except Exception:  # Numba found no writable folder
        _notice.compiling = _UNCACHED
        return cast("_F", compiled)
    load_or_compile, folder = compiled.compile, Path(compiled.stats.cache_path)

    def once(signature: Any) -> Any:
        with _alone(folder):
            return load_or_compile(signature)

    compiled.compile = once  # a call with new argument types calls this
    return cast("_F", compiled)


def read_only(array: NDArray[_T]) -> NDArray[_T]:
    """Return a read-only view of a kernel's input.

    Numba compiles a kernel again for an array that differs from those before in being writable.
    """
    if not array.flags.writeable:
        return array
    view = array.view()
    view.setflags(write=False)  # faster than assigning to `flags`
    return view


def cache_folder(kernel: Callable[..., Any]) -> Path | None:
    """Return the cache folder of a kernel; None if it is compiled in every process."""
    path = getattr(kernel, "stats", None) and kernel.stats.cache_path  # type: ignore[attr-defined]
    return Path(path) if path else None


def damaged_files(folder: Path) -> list[Path]:
    """Return the damaged cache files in a folder, which will be compiled again."""
    damaged = []
    for path in sorted(folder.glob("*.nbc")):
        try:
            _checked(path)
        except (OSError, ValueError):
            damaged.append(path)
    return damaged


def _interpreted(function: _F) -> _F:
    """Run a kernel without Numba, with integers that wrap around as in machine code."""

    @functools.wraps(function)
    def run(*arguments: Any) -> Any:
        with np.errstate(all="ignore"):
            return function(*arguments)

    return cast("_F", run)


def part(function: _F) -> _F:
    """Decorate a function to be inlined into the kernels of the same file that call it.

    Otherwise each call copies the descriptors of its array arguments, which often costs more than the
    function itself.
    """
    compiled = numba.njit(forceinline=True, nogil=True, error_model="numpy")(function)
    return cast("_F", compiled)
