"""Output files of every command: regular files, links, devices, FIFOs and standard output."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from netchat.cli.main import cli
from tests.end_to_end.processes import ROOT

BENCH = "encode-bench --code uncoded:8 --channel bsc:0.1 --frames 64 --workers 1"
LINKS = "link-bench --link uncoded --channel bsc:0 --seconds 0.05 --repeats 1 --workers 1"
CAPTURE = ROOT / "captures" / "two-users.pcapng"

#: Commands that write FILE, with the extension and the first bytes of the file.
WRITERS = {
    f"{BENCH} --json FILE": (".json", b"{"),
    f"{BENCH} --csv FILE": (".csv", b"seed,"),
    f"{BENCH} --plot FILE": (".svg", b"<?xml"),
    f"{LINKS} --json FILE": (".json", b"{"),
    f"{LINKS} --plot FILE": (".svg", b"<?xml"),
    f"inspect {CAPTURE} --svg FILE": (".svg", b"<svg"),
    "craft SEND text=hello --pcap FILE": (".pcapng", b"\n\r\r\n"),
    "sniff -i lo --duration 1ms --write FILE": (".pcapng", b"\n\r\r\n"),
    "protocol --write FILE": (".md", b"# "),
    "protocol --js --write FILE": (".js", b"//"),
    "wireshark write FILE": (".lua", b"--"),
}

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def write(line: str, file: Path | str) -> bytes:
    """Run a command and return its output."""
    result = run(line, file)
    assert (result.exit_code or result.return_value or 0) == 0, repr(result)
    return result.stdout_bytes


def run(line: str, file: Path | str) -> Result:
    """Run a command as `main` does: some commands return their exit code."""
    return CliRunner().invoke(cli, line.replace("FILE", str(file)).split(), standalone_mode=False)


@pytest.fixture(params=WRITERS, ids=lambda line: line.replace(str(ROOT), ""))
def line(request):
    if request.param.startswith("sniff") and os.geteuid() != 0:
        pytest.skip("only root captures")
    return request.param


def test_a_file_is_written(line, tmp_path):
    suffix, begin = WRITERS[line]
    file = tmp_path / f"it{suffix}"
    file.write_bytes(b"old")
    file.chmod(0o640)
    write(line, file)
    assert file.read_bytes().startswith(begin)
    # Captures contain session tokens, so they become private, whatever their mode was.
    mode = 0o600 if suffix in (".pcap", ".pcapng") else 0o640
    assert stat.S_IMODE(file.stat().st_mode) == mode
    assert list(tmp_path.iterdir()) == [file]


def test_a_dash_is_standard_output(line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    out = write(line, "-")
    assert out.startswith(WRITERS[line][1])
    assert list(tmp_path.iterdir()) == []


def test_a_symbolic_link_is_written_through(line, tmp_path):
    suffix, begin = WRITERS[line]
    target, link = tmp_path / f"target{suffix}", tmp_path / f"link{suffix}"
    target.write_bytes(b"old")
    link.symlink_to(target)
    write(line, link)
    assert link.is_symlink()
    assert target.read_bytes().startswith(begin)


def test_a_fifo_is_written_through(line, tmp_path):
    suffix, begin = WRITERS[line]
    fifo = tmp_path / f"fifo{suffix}"
    os.mkfifo(fifo)
    came: list[bytes] = []
    reader = threading.Thread(target=lambda: came.append(fifo.read_bytes()), daemon=True)
    reader.start()
    write(line, fifo)
    reader.join(30)
    assert came[0].startswith(begin)
    assert stat.S_ISFIFO(fifo.lstat().st_mode)


def test_a_device_is_written_through(line, tmp_path):
    device = tmp_path / f"null{WRITERS[line][0]}"
    try:
        os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        device.read_bytes()
    except OSError:
        pytest.skip("creating devices needs root and is not permitted everywhere")
    write(line, device)
    assert stat.S_ISCHR(device.lstat().st_mode)


def test_a_full_device_is_a_one_line_error(line, tmp_path):
    full = tmp_path / f"full{WRITERS[line][0]}"
    full.symlink_to("/dev/full")
    result = run(line, full)
    # Here `main`, which prints the exception as one line, does not run.
    said = result.stderr + str(result.exception)
    assert 1 in (result.exit_code, result.return_value)
    assert f"Cannot write {full}: No space left on device" in said


def test_grades_that_cannot_be_written_are_an_error(tmp_path):
    notebook = tmp_path / "x.ipynb"
    notebook.write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    result = CliRunner().invoke(cli, ["lab", "grade", str(notebook), "-o", "/dev/full"])
    assert result.exit_code == 1
    assert "netchat: Cannot write /dev/full: No space left on device" in result.stderr


def test_only_one_output_can_go_to_standard_output():
    result = CliRunner().invoke(cli, [*BENCH.split(), "--json", "-", "--csv", "-"])
    assert result.exit_code == 2
    assert "Only one of --json - and --csv - can go to standard output." in result.stderr


def test_a_run_cannot_be_saved_to_standard_output():
    result = CliRunner().invoke(cli, [*BENCH.split(), "--resume", "-"])
    assert result.exit_code == 2
    assert "the state of a run must be kept in a file, not on standard output." in result.stderr
