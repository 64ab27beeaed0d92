"""Pickles of objects whose classes no other process can import, such as those of a notebook."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from types import ModuleType

__all__ = ["pickle_by_value"]


def pickle_by_value(*objects: object) -> bytes | None:
    """Return a pickle that includes classes which cannot be imported; None if it is impossible."""
    import cloudpickle  # type: ignore[import-untyped]

    with contextlib.ExitStack() as stack:
        for module in set(_private_modules(objects)):
            cloudpickle.register_pickle_by_value(module)
            stack.callback(cloudpickle.unregister_pickle_by_value, module)
        try:
            pickled: bytes = cloudpickle.dumps(objects)
        except Exception:  # a user's object may raise anything
            return None
    return pickled


def _private_modules(objects: tuple[object, ...]) -> Iterator[ModuleType]:
    """Find the modules of classes, such as a plug-in's file, that cannot be imported by name."""
    for cls in {cls for one in objects for cls in type(one).__mro__}:
        package = cls.__module__.partition(".")[0]
        if package == "__main__":  # cloudpickle already includes the classes of this module
            continue
        if not any(finder.find_spec(package, None) for finder in sys.meta_path):
            yield sys.modules[cls.__module__]
