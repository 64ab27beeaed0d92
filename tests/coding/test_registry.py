import sys
from importlib.metadata import EntryPoint, EntryPoints

import pytest

import netchat.coding
from netchat.coding import registry
from netchat.coding.block.hamming import Hamming
from netchat.coding.registry import EXAMPLES, get

PLUG_IN = """
from netchat.coding import Code, Decoded
import numpy as np

class Mine(Code):
    def __init__(self, k=3):
        super().__init__("mine", k=k, n=k, citation="me")
    def _encode(self, message):
        return message.copy()
    def _decode(self, received):
        return Decoded(received.copy(), np.zeros(len(received), np.int64))

def not_a_code():
    return 5
"""

DECLARED = """
import numpy as np
from netchat.coding import Code, Decoded

NUMBER = 5

class Declared(Code):
    def __init__(self, k: int = 3, rate: float = 1.0, label: str = "a", other="b"):
        super().__init__("declared", k=k, n=k, citation="me")
        self.given = k, rate, label, other
    def _encode(self, message):
        return message.copy()
    def _decode(self, received):
        return Decoded(received.copy(), np.zeros(len(received), np.int64))
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(PLUG_IN)
    return path


@pytest.mark.parametrize("spec", EXAMPLES)
def test_a_code_keeps_its_spec(spec):
    assert get(spec).spec == spec
    assert spec in netchat.coding.specs()


@pytest.mark.parametrize(
    ("spec", "n", "k"),
    [
        ("hamming:7,4", 7, 4),
        ("hamming:63", 63, 57),
        ("rs:255,223,fcr=112,prim=0x187", 255, 223),
        (" rs:20,10 + hamming:7,4 ", 280, 80),
        ("rs:20,10,fcr=3@reedsolo", 20, 10),
        ("secded", 72, 64),
        ("crc:16,64", 80, 64),
    ],
)
def test_specs(spec, n, k):
    code = get(spec)
    assert (code.n, code.k) == (n, k)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("", "is not a code"),
        ("nonsense:3", "available: bch, circ, conv, crc, golay, hamming"),
        ("rs:255,223@unknown", "'rs@unknown'"),
        ("hamming:7,4+", "is not a code"),
        ("hamming:7,3", "'k' must be 4 for n = 7, got 3"),
        ("hamming:7,4,4", "hamming:7,4,4"),
        ("rs:20,10,wrong=1", "wrong"),
        ("rs:20,,10", "must not be empty"),
        ("rs:n=20,10", "must precede the options"),
        ("rs:twenty,10", "rs:twenty"),
        ("nowhere.py:Mine", "no file nowhere.py"),
        ("+".join(["uncoded"] * 99), "must have at most"),
        (f"uncoded:{1 << 20}+interleave:2", "interleave:2: .*'n' must be from 1 to"),
        (f"uncoded:{10**30}", "k must be from -"),
        (f"uncoded:0x1{'0' * 2000}", "k must be from -"),
    ],
)
def test_errors_of_invalid_specs(spec, says):
    with pytest.raises(ValueError, match=says):
        get(spec)


def test_a_class_in_a_file(file):
    assert get(f"{file}:Mine").k == 3
    assert get(f"{file}:Mine:5").k == 5
    assert get(f"{file}:Mine:5").spec == f"{file}:Mine:5"
    assert get(f"rs:20,10+{file}:Mine:5").n == 160
    assert get(f"{file}:Mine:4+hamming:7,4").n == 7


def test_a_file_without_the_class(file):
    with pytest.raises(ValueError, match=r"has no Yours; it has (?!.*\bCode\b).*Mine"):
        get(f"{file}:Yours")
    with pytest.raises(ValueError, match=r"must be a netchat\.coding\.Code, got int"):
        get(f"{file}:not_a_code")


def test_other_packages_register_by_entry_point(monkeypatch):
    points = EntryPoints(
        [EntryPoint("theirs", "netchat.coding.block.hamming:Hamming", registry.GROUP)]
    )
    monkeypatch.setattr(registry, "entry_points", lambda **by: points.select(**by))
    assert isinstance(get("theirs:15"), Hamming)
    assert "theirs" in netchat.coding.names()
    assert "theirs" in netchat.coding.specs()


def test_a_package_that_cannot_be_imported(monkeypatch):
    points = EntryPoints([EntryPoint("theirs", "no.such.module:Theirs", registry.GROUP)])
    monkeypatch.setattr(registry, "entry_points", lambda **by: points.select(**by))
    with pytest.raises(ValueError, match=r"'theirs' of another package cannot be imported: .*'no'"):
        get("theirs")


def test_what_is_neither_a_text_nor_a_code():
    with pytest.raises(TypeError, match="must be a specification or a Code, got 7"):
        get(7)


def test_arguments_are_converted_as_declared(tmp_path):
    path = tmp_path / "declared.py"
    path.write_text(DECLARED)
    assert get(f"{path}:Declared:3,0.5,x,y").given == (3, 0.5, "x", "y")
    assert get(f"{path}:Declared:3,rate=1").given == (3, 1, "a", "b")
    with pytest.raises(ValueError, match="rate must be a number, got 'half'"):
        get(f"{path}:Declared:3,half")
    with pytest.raises(ValueError, match="k must be an integer, got 'three'"):
        get(f"{path}:Declared:three")
    with pytest.raises(ValueError, match="must be a class, got int"):
        get(f"{path}:NUMBER")


def test_listing_imports_no_kernel():
    import subprocess

    program = (
        "import sys, netchat.coding as c; [c.get(s) for s in c.specs()]; "
        "sys.exit('numba' in sys.modules or 'reedsolo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
