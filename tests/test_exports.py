"""Every public name is exported, documented and typed, and its types are public too."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from enum import Enum

import pytest

from tests.public_api import (
    PUBLIC,
    REFERENCE,
    assigned_attributes,
    bases,
    documented_attributes,
    exported,
    is_ours,
    members,
    mentioned_classes,
    public_classes,
    resolved_hints,
    tree_of,
)

each_module = pytest.mark.parametrize("module", PUBLIC)


@each_module
def test_nothing_public_is_missing_from_all(module: str) -> None:
    names = list(exported(module))
    assert len(names) == len(set(names))
    bound = set()
    for node in ast.walk(tree_of(sys.modules[module])):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("netchat."):
            if node.module != "netchat.lazy_exports":
                bound |= {alias.asname or alias.name for alias in node.names} - {"*"}
        elif isinstance(node, (ast.ClassDef, ast.FunctionDef)) and not node.col_offset:
            bound.add(node.name)
    assert {name for name in bound if not name.startswith("_")} - set(names) == set()


def test_dir_lists_names_that_are_not_imported_yet() -> None:
    code = f"""
import importlib
for name in {PUBLIC}:
    module = importlib.import_module(name)
    print(*set(module.__all__) - set(dir(module)), end="")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == ""


def test_importing_netchat_imports_no_package() -> None:
    code = "import sys, netchat; dir(netchat); print([m for m in sys.modules if 'netchat.' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['netchat.version']"


@each_module
def test_public_names_have_docstrings(module: str) -> None:
    bare = []
    for name, value in exported(module).items():
        if inspect.isclass(value) or inspect.isroutine(value):
            bare += [name] if not vars(value).get("__doc__", value.__doc__) else []
        for member, function in members(value) if is_ours(value) else ():
            if member != "__init__" and not function.__doc__:
                bare.append(f"{name}.{member}")
    assert bare == []


@each_module
def test_public_attributes_are_declared_and_documented(module: str) -> None:
    undeclared, bare = set(), set()
    for name, cls in exported(module).items():
        if not is_ours(cls) or issubclass(cls, Enum):
            continue
        known = documented_attributes(cls) | {member for member, _ in members(cls)}
        for base in bases(cls):
            assigned = assigned_attributes(base)
            undeclared |= {f"{name}.{each}" for each, declared in assigned.items() if not declared}
            attributes = {*assigned, *inspect.get_annotations(base)} - known
            bare |= {f"{name}.{each}" for each in attributes if not each.startswith("_")}
    assert (sorted(undeclared), sorted(bare)) == ([], [])


@each_module
def test_signatures_are_complete_and_their_types_public(module: str) -> None:
    untyped, inner = set(), set()
    public = public_classes()
    for name, value in exported(module).items():
        if inspect.isroutine(value):
            functions = [("", value)]
        elif is_ours(value) and not issubclass(value, Enum):
            functions = list(members(value))
            for base in bases(value):
                for key, hint in resolved_hints(base).items():
                    if not key.startswith("_"):
                        inner |= {(f"{name}.{key}", each) for each in mentioned_classes(hint)}
        else:
            continue
        for member, function in functions:
            hints = resolved_hints(function)
            wanted = {*inspect.signature(function).parameters, "return"} - {"self", "cls"}
            untyped |= {f"{name}.{member}: {each}" for each in wanted - set(hints)}
            for hint in hints.values():
                inner |= {(f"{name}.{member}", each) for each in mentioned_classes(hint)}
    assert untyped == set()
    assert sorted(f"{where}: {each}" for where, each in inner if each not in public) == []


@each_module
def test_the_api_reference_has_every_public_name(module: str) -> None:
    page = (REFERENCE / f"{module.removeprefix('netchat.')}.md").read_text("utf-8")
    if module == "netchat":  # its names are those of other modules
        assert {f"`netchat.{name}`" for name in exported(module)} <= set(re.findall("`.*?`", page))
        return
    assert f".. automodule:: {module}\n   :imported-members:\n" in page
    # Sphinx finds the classes and functions, which have docstrings.
    data = {
        f"{module}.{name}"
        for name, value in exported(module).items()
        if not inspect.isclass(value) and not inspect.isroutine(value)
    }
    listed = set(re.findall(r"^\.\. autodata:: (\S+)", page, re.MULTILINE))
    assert data == listed
