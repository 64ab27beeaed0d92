"""Import of codes and channels from a user's file, specified as `file.py:Class[:argument,...]`."""

from __future__ import annotations

import importlib.util
import re
import sys
import traceback
import types
from collections.abc import Callable, Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

from netchat.wording import cut

__all__ = ["FILE", "described", "from_file"]

#: Form of such a specification.
FILE = re.compile(r"(?P<file>.+\.py):(?P<name>[A-Za-z_]\w*)(?::(?P<arguments>.*))?")


class _Uncached(SourceFileLoader):
    """Loader without a bytecode cache.

    Python takes cached bytecode for current if the file's size and its time in whole seconds are the
    same, which misses a file that was changed twice in a second.
    """

    def get_code(self, fullname: str) -> types.CodeType:  # noqa: ARG002
        path = self.path
        code: types.CodeType = self.source_to_code(self.get_data(path), path)
        return code


def from_file(file: str, name: str) -> Callable[..., Any]:
    """Import a class, or another callable, from a file.

    Raises:
        ValueError: The file or the name does not exist, or the file raised an error.
    """
    path = Path(file)
    try:
        path = path.expanduser().resolve()
        exists = path.is_file()
    except (OSError, RuntimeError, ValueError):  # unknown user, name too long, or NUL in the name
        exists = False
    if not exists:
        raise ValueError(f"There is no file {repr(cut(file))[1:-1]}.")
    module_name = f"netchat_code_{path.stem}"
    loader = _Uncached(module_name, str(path))
    module_spec = importlib.util.spec_from_file_location(module_name, path, loader=loader)
    assert module_spec is not None
    assert module_spec.loader is not None
    module = importlib.util.module_from_spec(module_spec)
    sys.modules[module_name] = module  # needed to pickle its objects for another process
    try:
        module_spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # a file under development may raise anything
        raise ValueError(f"{file} cannot be loaded: {described(error, path)}") from error
    try:
        factory: Callable[..., Any] = getattr(module, name)
    except AttributeError:
        found = [
            key
            for key, value in vars(module).items()
            if isinstance(value, type) and value.__module__ == module_name  # not imported
        ]
        has = f"it has {', '.join(found)}" if found else "it defines no class"
        raise ValueError(f"{file} has no {name}; {has}.") from None
    return factory


def described(error: BaseException, path: Path | None = None) -> str:
    """Describe an error that a file raised, with the line number."""
    lines = [line for name, line in _places(error) if name == str(path)]
    where = f", line {lines[-1]}" if lines else ""
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{type(error).__name__}{where}: {text}."


def _places(error: BaseException) -> Iterator[tuple[str, int | None]]:
    for frame, line in traceback.walk_tb(error.__traceback__):
        yield frame.f_code.co_filename, line
    if isinstance(error, SyntaxError) and error.filename is not None:
        yield error.filename, error.lineno
