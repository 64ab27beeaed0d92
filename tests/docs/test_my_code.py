"""The example of docs/CODES.md: the file is the same, it works, and it obeys the laws."""

import re
from pathlib import Path

import numpy as np
import pytest

import netchat.channels
import netchat.coding
from netchat.coding.laws import check

ROOT = Path(__file__).parents[2]
FILE = ROOT / "experiments" / "my_code.py"
DOCUMENT = (ROOT / "docs" / "CODES.md").read_text()


def test_the_page_shows_the_file():
    assert FILE.read_text().strip() in DOCUMENT


def test_the_example_has_about_thirty_lines():
    lines = FILE.read_text().partition("class Grid")[2].splitlines()
    assert sum(1 for line in lines if line.strip()) <= 36


@pytest.mark.parametrize("spec", [f"{FILE}:Grid", f"{FILE}:Grid:2", f"{FILE}:Grid:8+rs:20,10"])
def test_obeys_the_laws(spec):
    for verdict in check(netchat.coding.get(spec)):
        assert verdict.counterexample is None, verdict.law


def test_the_python_examples_of_the_page_run():
    program = next(p for p in re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL) if "bsc" in p)
    names = {}
    exec(program, names)
    result = names["result"]
    assert (result.message == names["message"])[~result.failed].all()
    assert 0 < result.failed.sum() < 20


def test_every_spec_of_the_tables_exists():
    for spec in re.findall(r"^\| `([a-z][^`]*)`", DOCUMENT, flags=re.MULTILINE):
        name = spec.partition(":")[0]
        if spec.startswith(("my_", "ldpc:h.")) or "=" in name:  # files of readers, and options
            continue
        known = netchat.coding if name in netchat.coding.names() else netchat.channels
        assert known.get(spec).spec == spec


def test_one_error_at_every_position():
    code = netchat.coding.get(f"{FILE}:Grid")
    message = np.random.default_rng(1).integers(0, 2, (25, 16), dtype=np.uint8)
    result = code.decode(code.encode(message) ^ np.eye(25, dtype=np.uint8))
    assert (result.message == message).all()
    assert (result.corrected == 1).all()
