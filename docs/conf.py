"""Sphinx configuration of the documentation site: `make site`.

Sphinx, with MyST for Markdown and furo as the theme: autodoc reads the same docstrings that `help()`
shows, MyST renders the pages as they are on a code host, and doctests in docstrings stay one format.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import posixpath
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netchat import __version__
from netchat.wire import Record, fields_of

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "netchat"
author = "The netchat maintainers"
release = version = __version__
copyright = author

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
]

# The source folder is the project's root, so that README, docs and lessons keep their relative links.
root_doc = "docs/index"
include_patterns = [
    "docs/**.md",
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "captures/README.md",
    "experiments/README.md",
    "experiments/[0-9]*.md",
    "tests/vectors/README.md",
]
source_suffix = {".md": "markdown"}

myst_enable_extensions = ["dollarmath", "deflist", "attrs_inline"]
myst_heading_anchors = 3
# A link to a file that is not a page (source code, a capture) leads to a copy of that file.
suppress_warnings = ["myst.header", "ref.python"]  # `type` is also the name of an attribute

default_role = "py:obj"  # a name in a docstring links to its description
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "no-value": True, "show-inheritance": True}
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True

html_theme = "furo"
html_title = f"netchat {release}"
html_favicon = "../netchat/web/page/icon.svg"
html_show_sourcelink = False


def comment_of(package: str, name: str) -> list[str]:
    """Return the `#:` comment above a constant that a package re-exports; Sphinx does not look there."""
    value = getattr(importlib.import_module(package), name)
    for module in [each for path, each in sys.modules.items() if path.startswith("netchat.")]:
        if getattr(module, name, None) is not value:
            continue
        lines = inspect.getsource(module).splitlines()
        for node in ast.parse("\n".join(lines)).body:
            targets = (
                node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            )
            if any(target is not None and ast.unparse(target) == name for target in targets):
                first = node.lineno - 1
                while lines[first - 1].startswith("#:"):
                    first -= 1
                if first < node.lineno - 1:
                    return [line[2:].strip() for line in lines[first : node.lineno - 1]]
    return []


def document_constant(
    _: Sphinx, what: str, name: str, _value: object, _options: object, lines: list[str]
) -> None:
    """Replace the docstring of a constant's type with the comment above the constant."""
    if what == "data":
        package, _, constant = name.rpartition(".")
        lines[:] = comment_of(package, constant)


def list_fields(
    _: Sphinx, what: str, _name: str, value: Any, _options: object, lines: list[str]
) -> None:
    """List the fields of a message, whose descriptions are in its declaration."""
    if what == "class" and dataclasses.is_dataclass(value) and issubclass(value, Record):
        fields = [f"    {field.name}: {field.doc}" for field in fields_of(value)]
        lines += ["Attributes:", *fields, ""] if fields else []


def mark_code(
    _: Sphinx, _what: str, _name: str, _value: object, _options: object, lines: list[str]
) -> None:
    """Mark indented blocks in a docstring as code, as in Markdown; reStructuredText wants a `::`."""
    for index in range(len(lines) - 1, 1, -1):
        before, blank, line = lines[index - 2 : index + 1]
        is_text = before and not before.startswith((" ", "-", ">>>"))
        if (
            is_text
            and not blank
            and line.startswith("    ")
            and not line.lstrip().startswith(">>>")
        ):
            lines[index:index] = ["::", ""]


#: The navigation on listings of source code, by folder.
navigation: dict[str, str] = {}


def share_navigation(
    _: Sphinx, page: str, _template: str, context: dict[str, Any], _doctree: object
) -> None:
    """Render the navigation of source listings once per folder: it takes longer than a listing.

    It is the same on all of them, because they are not part of it, except that links are relative.
    """
    if not page.startswith("_modules/"):
        return
    render, folder = context["toctree"], posixpath.dirname(page)

    def shared(**options: Any) -> str:
        if folder not in navigation:
            navigation[folder] = render(**options)
        return navigation[folder]

    context["toctree"] = shared


def complete_site(app: Sphinx, error: Exception | None) -> None:
    """Add what Sphinx does not: README's pictures, which are HTML tags, and a page at the root."""
    if error is None:
        start = '<meta http-equiv="refresh" content="0; url=docs/index.html">'
        (app.outdir / "index.html").write_text(f'{start}<a href="docs/index.html">netchat</a>\n')
        pictures = Path("docs", "pictures")
        shutil.copytree(app.srcdir / pictures, app.outdir / pictures, dirs_exist_ok=True)


def setup(app: Sphinx) -> None:
    """Register the handlers."""
    app.connect("autodoc-process-docstring", list_fields, priority=400)  # before napoleon
    app.connect("autodoc-process-docstring", mark_code, priority=400)
    app.connect("autodoc-process-docstring", document_constant)
    app.connect("html-page-context", share_navigation, priority=400)  # before furo
    app.connect("build-finished", complete_site)
