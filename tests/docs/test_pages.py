"""Tests of every page: its commands work and print the shown output, and its links resolve."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from netchat.cli.main import COMMANDS
from tests.docs.blocks import PAGES, ROOT, Block, blocks, commands
from tests.docs.expected import differs
from tests.docs.parse import parse

_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"")


def _unshare() -> list[str]:
    options = "-n" if hasattr(os, "geteuid") and os.geteuid() == 0 else "-rn"
    return ["unshare", options]


def _can_unshare() -> bool:
    try:
        return subprocess.run([*_unshare(), "ip", "link"], capture_output=True).returncode == 0
    except OSError:
        return False


@pytest.mark.skipif(not _can_unshare(), reason="needs `unshare -n` and `ip`")
@pytest.mark.thorough
@pytest.mark.timeout(900)
def test_the_commands_on_the_pages_work_in_reading_order() -> None:
    notebook = re.compile(r"experiments/\d")  # tests/course runs these
    pages = [page for page in PAGES if not notebook.match(page)]
    done = subprocess.run(
        [*_unshare(), sys.executable, "-m", "tests.docs", *pages],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("page", PAGES)
def test_links_resolve(page: str) -> None:
    text = re.sub(r"^( *)```.*?^\1```", "", (ROOT / page).read_text("utf-8"), flags=re.M | re.S)
    for link in (one or other for one, other in _LINK.findall(text)):
        if re.match(r"[a-z]+:", link):
            assert re.match(r"(https?://[\w.-]+\.\w+|mailto:)", link), link
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), f"{page} links to {link}"
        if anchor:
            assert anchor in _anchors(target), f"{page} links to {link}"


def _anchors(page: Path) -> set[str]:
    """Return the anchors that code hosts generate from the headings."""
    headings = re.findall(r"^#+ +(.+?) *$", page.read_text("utf-8"), flags=re.M)
    words = (re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading) for heading in headings)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in words}


@pytest.mark.parametrize("page", PAGES)
def test_named_files_exist(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    for name in set(re.findall(r"`((?:\w+/)+\w+\.(?:py|js|md|lua|json))`", text)):
        if "NN" in name:  # placeholder for the number of any lesson
            continue
        assert (ROOT / name).exists() or (ROOT / "netchat" / name).exists(), f"{page} names {name}"


def test_every_command_is_documented() -> None:
    text = "\n".join(
        command.text for page in PAGES for block in blocks(page) for command in commands(block)
    )
    text += "\n".join((ROOT / page).read_text("utf-8") for page in PAGES)
    for name in COMMANDS:
        assert re.search(rf"netchat {name}\b", text), f"no page mentions `netchat {name}`"


def test_the_page_checks_can_fail() -> None:
    """The checks report wrong output, commands and options."""
    assert not differs("a …\n… 7 bytes", "a few words\nand 512 bytes")
    assert not differs("room 7K3F9-2MQ0T: 4e 43 01", "room ABCDE-0000Z:\n  00 43")
    assert differs("Hello Nova", "Hello Orion")
    assert differs("one\n…\nthree", "one\ntwo")
    assert differs("one", "one two")
    block = Block("x.md", 3, "sh", "netchat serve --lan   # all\nnetchat \\\n  codes")
    assert [(c.line, c.text) for c in commands(block)] == [
        (3, "netchat serve --lan"),
        (4, "netchat codes"),
    ]
    for wrong in (["serve", "--no-such-option"], ["nonsense"], ["codes", "--json", "check"]):
        assert parse(wrong) == 2
