"""The documentation site builds without a warning, is complete, and its links resolve."""

from __future__ import annotations

import fcntl
import os
import posixpath
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from sphinx.util.inventory import InventoryFile

from tests.docs.blocks import PAGES, ROOT
from tests.public_api import PUBLIC, exported

pytestmark = pytest.mark.timeout(600)


class _Page(HTMLParser):
    """Anchors and links of an HTML page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the anchor and the links of a tag."""
        for name, value in attrs:
            if name == "id" or (tag == "a" and name == "name"):
                self.anchors.add(value or "")
            elif name in ("href", "src"):
                self.links.add(value or "")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site as `make site` does."""
    base = tmp_path_factory.getbasetemp()
    # The test processes share one build; the others wait for it.
    folder = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    out, finished = folder / "site", folder / "site-finished"
    with (folder / "site-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not finished.exists():
            command = ["-W", "--keep-going", "-q", "-c", "docs", "-b", "html", ".", str(out)]
            done = subprocess.run(
                [sys.executable, "-m", "sphinx", *command], cwd=ROOT, capture_output=True, text=True
            )
            assert (done.returncode, done.stderr) == (0, "")
            finished.touch()
    return out


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, _Page]:
    return {path: _Page(path.read_text("utf-8")) for path in site.rglob("*.html")}


def test_it_has_every_page_and_a_search(site: Path) -> None:
    index = (site / "searchindex.js").read_text("utf-8")
    assert (site / "index.html").exists()
    for page in (page for page in PAGES if not page.startswith("tests/")):
        assert (site / page).with_suffix(".html").exists(), page
        assert f'"{page.removesuffix(".md")}"' in index, page


def test_the_api_reference_has_every_public_name(site: Path) -> None:
    with (site / "objects.inv").open("rb") as file:
        inventory = InventoryFile.load(file, "", posixpath.join)
    documented = {name for kind, names in inventory.items() if kind[:3] == "py:" for name in names}
    modules = set(PUBLIC) - {"netchat"}  # its names are those of other modules
    public = {f"{module}.{name}" for module in modules for name in exported(module)}
    assert public - documented == set()


def test_links_resolve(pages: dict[Path, _Page]) -> None:
    broken = set()
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            anchors = pages[target].anchors if target in pages else set()
            if not target.exists() or (
                parts.fragment and target in pages and unquote(parts.fragment) not in anchors
            ):
                broken.add(f"{path.name}: {link}")
    assert broken == set()
