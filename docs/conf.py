"""Sphinx configuration of the documentation site: `make site`.

Sphinx, with MyST for Markdown and furo as the theme: autodoc reads the same docstrings that `help()`
shows, MyST renders the pages as they are on a code host, and doctests in docstrings stay one format.
"""

from __future__ import annotations

from netchat import __version__

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

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "show-inheritance": True}
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True

html_theme = "furo"
html_title = f"netchat {release}"
html_favicon = "../netchat/web/page/icon.svg"
html_show_sourcelink = False
