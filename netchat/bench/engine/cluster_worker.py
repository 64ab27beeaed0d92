"""Functions that a worker of a Dask cluster runs; see `netchat.bench.engine.cluster`."""

from __future__ import annotations

import pickle
import threading
from typing import Any

__all__ = ["WrongVersions", "call", "versions"]

#: Held during a call: codes need not be safe for threads, and a worker can have several.
_lock = threading.Lock()


class WrongVersions(Exception):
    """A worker has other versions of the packages on which the counts depend."""


def versions() -> dict[str, str]:
    """Return the versions of the packages on which the counts depend."""
    import numpy as np

    from netchat.version import __version__

    return {"netchat": __version__, "numpy": np.__version__}


def call(pickled: bytes, expected: dict[str, str]) -> Any:
    """Call a function.

    Args:
        pickled: Pickle of the function and its arguments.
        expected: Versions that the worker must have.

    Raises:
        WrongVersions: The worker has others; the arguments are its address and a description.
    """
    if (found := versions()) != expected:
        from distributed import get_worker

        wrong = [f"{name} {found[name]}" for name in expected if found[name] != expected[name]]
        raise WrongVersions(get_worker().address, " and ".join(wrong))
    with _lock:
        function, arguments = pickle.loads(pickled)  # noqa: S301 - from the bench that uses the cluster
        return function(*arguments)
