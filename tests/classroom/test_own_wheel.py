"""Tests of the wheel that students install: equal to what runs here, and accepted by pip."""

import base64
import csv
import hashlib
import importlib.metadata
import io
import subprocess
import sys
import zipfile

import pytest

from netchat.classroom.own_wheel import own_wheel
from netchat.errors import NetchatError
from netchat.version import __version__


@pytest.fixture(scope="module")
def wheel():
    return own_wheel()


def test_its_record_lists_every_file_with_its_digest(wheel):
    name, data = wheel
    assert name == f"netchat-{__version__}-py3-none-any.whl"
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files = {one: archive.read(one) for one in archive.namelist()}
    record = f"netchat-{__version__}.dist-info/RECORD"
    rows = list(csv.reader(io.StringIO(files[record].decode())))
    assert [row[0] for row in rows] == list(files)
    for path, digest, size in rows[:-1]:
        hashed = base64.urlsafe_b64encode(hashlib.sha256(files[path]).digest()).decode()
        assert (digest, size) == (f"sha256={hashed.rstrip('=')}", str(len(files[path])))
    assert rows[-1] == [record, "", ""]
    assert "netchat/web/page/index.html" in files
    assert not [one for one in files if "__pycache__" in one or "instructor" in one]
    assert b"netchat" in files[f"netchat-{__version__}.dist-info/entry_points.txt"]


def test_equal_files_make_equal_wheels(wheel):
    assert own_wheel() == wheel


@pytest.mark.slow
def test_pip_installs_it_as_the_instructions_say(wheel, tmp_path):
    pytest.importorskip("pip")
    name, data = wheel
    (tmp_path / name).write_bytes(data)
    target = tmp_path / "target"
    command = ["-m", "pip", "install", "-qq", "--no-deps", "--no-index", "--target", str(target)]
    subprocess.run([sys.executable, *command, f"./{name}[notebooks]"], cwd=tmp_path, check=True)
    code = "import netchat; print(netchat.__file__)"
    out = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(target)}, check=True,
        capture_output=True, text=True, cwd=tmp_path,
    ).stdout  # fmt: skip
    assert out.startswith(str(target))


def test_without_metadata_it_says_how_to_install(monkeypatch):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", missing)
    with pytest.raises(NetchatError, match=r"netchat is not installed.*make solutions"):
        own_wheel()
