"""Executor of the bench that runs functions on a Dask cluster.

A batch has the same counts on every worker, so a call that is lost with its worker is repeated elsewhere.
Dask needs about a millisecond per task, and a call therefore takes about a second.
"""

from __future__ import annotations

import contextlib
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar

from netchat.bench.engine.cluster_worker import WrongVersions, call, versions
from netchat.errors import BenchError
from netchat.wording import cannot, cut, many

__all__ = ["DaskExecutor"]

_T = TypeVar("_T")

#: Seconds to wait for the scheduler, and for the first worker.
_CONNECT, _FIRST_WORKER = 20, 60
#: Seconds between two requests for the number of workers.
_COUNTING = 1.0
#: Number of attempts for a call that is lost with its worker.
_TRIES = 5
#: Largest number of workers of a local cluster.
_MOST_LOCAL = 256

_INSTALL = "pip install 'netchat[cluster]'"


class DaskExecutor:
    """Executor that runs functions on the workers of a Dask cluster.

    Workers can join, leave and die during a run. Workers with another version of netchat or NumPy get no
    work.

    Args:
        address: Address of a scheduler, such as `tcp://10.0.0.1:8786`, or `local:N` for a new cluster of N
            processes on this machine.

    Raises:
        ValueError: The address is invalid.
        BenchError: Dask is not installed, the scheduler cannot be reached, or no worker can be used.
    """

    seconds = 1.0
    """Target duration of one call, in seconds."""

    def __init__(self, address: str) -> None:
        local = _local_workers(address)
        try:
            import distributed
        except ImportError as error:
            raise BenchError(f"--cluster needs Dask: {_INSTALL}") from error
        self._stack = contextlib.ExitStack()
        self._versions, self._unusable = versions(), set[str]()
        self._lock = threading.Lock()
        self._is_closed = False
        self._counted, self._usable = -_COUNTING, list[str]()
        try:
            if local is not None:
                with _sigint_ignored():
                    cluster = self._stack.enter_context(
                        distributed.LocalCluster(  # type: ignore[no-untyped-call]
                            n_workers=local, threads_per_worker=1, dashboard_address=None,
                            silence_logs=50,
                        )
                    )  # fmt: skip
                address = cluster.scheduler_address
            self._client = self._stack.enter_context(
                distributed.Client(  # type: ignore[no-untyped-call]
                    address, timeout=_CONNECT, set_as_default=False
                )
            )
        except (OSError, TimeoutError, ValueError, RuntimeError) as error:
            self._stack.close()
            raise BenchError(
                f"{cannot('use', f'the cluster at {cut(address)}', error)}. "
                "Is a scheduler running there, as started by dask scheduler?"
            ) from error
        try:
            self._await_worker()
        except BaseException:
            self._stack.close()
            raise

    def __enter__(self) -> DaskExecutor:
        return self

    def __exit__(self, *_: object) -> None:
        self._is_closed = True
        with contextlib.suppress(Exception):  # the scheduler may be gone
            self._stack.close()

    @property
    def processes(self) -> int:
        """Number of workers that can be used now."""
        return len(self._workers())

    @property
    def workers(self) -> int:
        """Number of calls in progress that keep the workers busy: two each."""
        return 2 * max(1, self.processes)

    def start(self, count: int) -> None:
        """Do nothing: the workers are running."""

    def submit(self, function: Callable[..., _T], /, *arguments: Any) -> Future[_T]:
        """Submit a function that a worker can import, or a method of an object that it can load."""
        result: Future[_T] = Future()
        self._send(result, pickle.dumps((function, arguments)), _TRIES)
        return result

    def _send(self, result: Future[Any], pickled: bytes, tries: int) -> None:
        only = self._workers() if self._unusable else None
        if only == []:
            result.set_exception(BenchError(f"No worker can be used: {self._wanted()} is needed."))
            return
        remote = self._client.submit(
            call, pickled, self._versions, pure=False, workers=only, allow_other_workers=False
        )
        remote.add_done_callback(partial(self._received, result, pickled, tries))

    def _received(self, result: Future[Any], pickled: bytes, tries: int, remote: Any) -> None:
        """Pass a result on; repeat the call elsewhere if its worker is gone or cannot be used."""
        from distributed import KilledWorker

        if self._is_closed:
            return
        try:
            value = remote.result()
        except WrongVersions as error:
            self._exclude(*error.args)
            self._send(result, pickled, tries)
        except KilledWorker as error:
            if tries > 1:
                self._send(result, pickled, tries - 1)
            else:
                result.set_exception(
                    BenchError(f"Several workers died during the same batches: {error}")
                )
        except ModuleNotFoundError as error:
            result.set_exception(
                BenchError(f"A worker of the cluster cannot import a module: {error}. {_INSTALL}")
            )
        except Exception as error:  # of the function, or because the scheduler is gone
            lost = type(error).__module__.partition(".")[0] in ("distributed", "concurrent")
            result.set_exception(
                BenchError(f"The cluster has lost a call: {type(error).__name__}: {error}")
                if lost
                else error
            )
        else:
            result.set_result(value)

    def _workers(self) -> list[str]:
        """Return the addresses of the workers that can be used."""
        with self._lock:
            if time.monotonic() - self._counted >= _COUNTING and not self._is_closed:
                with contextlib.suppress(Exception):  # the connection is lost: keep the last count
                    found = self._client.sync(self._client.scheduler.ncores)
                    self._usable = [one for one in found if one not in self._unusable]
                self._counted = time.monotonic()
            return list(self._usable)

    def _exclude(self, worker: str, what: str) -> None:
        """Use a worker no longer, and report it once."""
        with self._lock:
            is_new = worker not in self._unusable
            self._unusable.add(worker)
            self._usable = [one for one in self._usable if one != worker]
        if is_new:
            print(  # noqa: T201 - the run continues on the other workers
                f"netchat: the worker {worker} has {what} and is not used: {self._wanted()} is needed.",
                file=sys.stderr, flush=True,
            )  # fmt: skip

    def _await_worker(self) -> None:
        """Wait for a worker, and exclude those with wrong versions."""
        try:
            self._client.wait_for_workers(1, timeout=_FIRST_WORKER)
        except TimeoutError:
            raise BenchError(
                f"The cluster has had no worker for {_FIRST_WORKER} seconds: start one with dask worker "
                "ADDRESS --nthreads 1."
            ) from None
        for worker, found in self._client.run(versions, on_error="return").items():
            if isinstance(found, Exception):
                self._exclude(worker, f"no usable netchat ({type(found).__name__}: {found})")
            elif found != self._versions:
                wrong = [
                    f"{name} {found[name]}" for name in found if found[name] != self._versions[name]
                ]
                self._exclude(worker, " and ".join(wrong))
        if not self._workers():
            raise BenchError(
                f"{many(len(self._unusable), 'worker')} of the cluster cannot be used: "
                f"{self._wanted()} is needed."
            )

    def _wanted(self) -> str:
        return " with ".join(f"{name} {version}" for name, version in self._versions.items())


def _local_workers(address: str) -> int | None:
    """Return the N of `local:N`; None for an address of a scheduler."""
    kind, _, rest = address.partition(":")
    if kind == "local":
        if not (rest.isascii() and rest.isdigit() and 1 <= int(rest[:6]) <= _MOST_LOCAL):
            raise ValueError(
                f"Argument 'cluster' must be local:N with N from 1 to {_MOST_LOCAL}, got {cut(address)}."
            )
        return int(rest)
    if not rest.startswith("//") or kind not in ("tcp", "tls", "ucx", "ws", "wss"):
        raise ValueError(
            f"Argument 'cluster' must be tcp://HOST:PORT or local:N, got {cut(address)!r}."
        )
    return None


@contextlib.contextmanager
def _sigint_ignored() -> Iterator[None]:
    """Start processes that ignore Ctrl-C, so that only the calling program handles it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
