"""The public API, for tests: each package and module that has a page in docs/reference."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import itertools
import re
import sys
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from types import GenericAlias, ModuleType
from typing import Any

from netchat.wire import MESSAGES, Message, Record, fields_of

__all__ = [
    "PUBLIC",
    "REFERENCE",
    "assigned_attributes",
    "bases",
    "documented_attributes",
    "exported",
    "is_ours",
    "members",
    "mentioned_classes",
    "public_classes",
    "resolved_hints",
    "tree_of",
]

#: Classes whose declarations document their fields.
_DECLARED = {*MESSAGES.values(), *Record.__subclasses__()} - {Message}

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"

#: Names of the public modules.
PUBLIC = sorted(
    path.stem if path.stem == "netchat" else f"netchat.{path.stem}"
    for path in REFERENCE.glob("*.md")
)


def exported(module: str) -> dict[str, Any]:
    """Return the public objects of a public module by name."""
    found = importlib.import_module(module)
    return {name: getattr(found, name) for name in found.__all__}


@functools.cache
def public_classes() -> frozenset[type]:
    """Return the public classes of all modules."""
    return frozenset(
        value for module in PUBLIC for value in exported(module).values() if inspect.isclass(value)
    )


def is_ours(value: Any) -> bool:
    """Return whether netchat's source contains a class; it generates the layers of Scapy."""
    module = getattr(value, "__module__", "")
    generated = module == "netchat.packets.scapy.layer"
    return inspect.isclass(value) and module.startswith("netchat.") and not generated


def bases(cls: type) -> list[type]:
    """Return the classes of netchat whose members a class has, itself included."""
    return [base for base in cls.__mro__ if is_ours(base)]


def members(cls: type) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield the functions of the constructor and of the public methods and properties."""
    for base in bases(cls):
        for name, value in vars(base).items():
            if name.startswith("_") and name != "__init__":
                continue
            function = value
            if isinstance(value, property):
                function = value.fget
            elif isinstance(value, functools.cached_property):
                function = value.func
            elif isinstance(value, (classmethod, staticmethod)):
                function = value.__func__
            # The methods that dataclasses generate are in no file, and those of protocols in typing.
            if inspect.isfunction(function) and "netchat" in function.__code__.co_filename:
                yield name, function


@functools.cache
def tree_of(module: ModuleType) -> ast.Module:
    """Return the syntax tree of a module."""
    return ast.parse(inspect.getsource(module))


@functools.cache
def _tree(cls: type) -> ast.ClassDef:
    for node in ast.walk(tree_of(sys.modules[cls.__module__])):
        if isinstance(node, ast.ClassDef) and node.name == cls.__name__:
            return node
    raise AssertionError(cls)


def assigned_attributes(cls: type) -> dict[str, bool]:
    """Return the public attributes that a class's methods assign; False if no type is declared.

    An annotation declares a type, and so does a parameter that the attribute is assigned.
    """
    found: dict[str, bool] = {}
    declared = {name for base in cls.__mro__ for name in inspect.get_annotations(base)}
    for function in [node for node in ast.walk(_tree(cls)) if isinstance(node, ast.FunctionDef)]:
        parameters = {each.arg for each in (*function.args.args, *function.args.kwonlyargs)}
        for node in ast.walk(function):
            if isinstance(node, ast.AnnAssign):
                declared |= set(_own_attributes(node.target))
                found |= dict.fromkeys(_own_attributes(node.target), True)
            elif isinstance(node, ast.Assign):
                known = {ast.unparse(node.value)} <= parameters
                for name in (name for target in node.targets for name in _own_attributes(target)):
                    found[name] = found.get(name, known or name in declared)
    return found


def _own_attributes(target: ast.expr) -> Iterator[str]:
    """Yield the public names in `self.name` and `self.name, self.other`."""
    for part in target.elts if isinstance(target, ast.Tuple) else [target]:
        is_own = isinstance(part, ast.Attribute) and ast.unparse(part.value) == "self"
        if is_own and not part.attr.startswith("_"):
            yield part.attr


def documented_attributes(cls: type) -> set[str]:
    """Return the attributes with a docstring below, or a line in the docstring of the class."""
    found = {field.name for field in fields_of(cls)} if cls in _DECLARED else set()
    for base in bases(cls):
        for node, after in itertools.pairwise(_tree(base).body):
            is_docstring = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            if isinstance(node, ast.AnnAssign) and is_docstring:
                found.add(ast.unparse(node.target))
        section = re.compile(r"^(?:Attributes|Args):\n((?: +.*\n?|\n)+)", re.MULTILINE)
        for text in section.findall(inspect.getdoc(base) or ""):
            found |= set(re.findall(r"^ {4}(\w+):", text, re.MULTILINE))
    return found


@functools.cache
def _scope(module: ModuleType) -> dict[str, Any]:
    """Return the names of a module, including those it imports for type checkers."""
    scope = dict(vars(module))
    for node in tree_of(module).body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            exec(compile(ast.Module(node.body, []), module.__name__, "exec"), scope)
    return scope


def resolved_hints(value: Any) -> dict[str, Any]:
    """Return the type hints of a function, or of a class without its bases."""
    if inspect.isclass(value):
        value = type(
            "Own",
            (),
            {"__annotations__": inspect.get_annotations(value), "__module__": value.__module__},
        )
    return typing.get_type_hints(value, globalns=_scope(sys.modules[value.__module__]))


def mentioned_classes(hint: Any) -> Iterator[type]:
    """Yield the classes of netchat that a type hint mentions."""
    if inspect.isclass(hint) and not isinstance(hint, GenericAlias):
        if is_ours(hint):
            yield hint
        return
    for part in hint if isinstance(hint, list) else typing.get_args(hint):
        yield from mentioned_classes(part)
