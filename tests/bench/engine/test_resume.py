"""Resume files: locking, invalid content, and full disks."""

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from netchat import bench
from netchat.bench.engine.resume import ResumeFile
from netchat.bench.link.results import LinkResults
from netchat.errors import BenchError

QUICK = {"errors": 20, "frames": 5000, "seconds": 5, "workers": 1}


def run(file, codes=("hamming:7,4",), channels=("bsc:0.05",)):
    return bench.run(codes, channels, resume=file, **QUICK)


@pytest.fixture
def state(tmp_path):
    run(tmp_path / "run.json")
    return tmp_path / "run.json"


def test_a_second_run_on_the_file_is_refused(state, tmp_path):
    (tmp_path / "link.json").symlink_to(state)
    os.link(state, tmp_path / "hard.json")
    file = ResumeFile(state)
    for name in ("run.json", "link.json", "hard.json"):
        with pytest.raises(BenchError, match=f"{name} is in use by another run"):
            run(tmp_path / name)
    file.save(file.before)  # this replaces the file; the lock is on the new one
    for name in ("run.json", "link.json"):
        with pytest.raises(BenchError, match="is in use by another run"):
            run(tmp_path / name)
    file.close()
    assert len(run(tmp_path / "link.json").points) == 1
    assert (tmp_path / "link.json").is_symlink()


def test_two_runs_that_create_the_same_file(tmp_path):
    one, two = (ResumeFile(tmp_path / "new.json") for _ in range(2))
    results = bench.run(["hamming:7,4"], ["bsc:0.05"], **QUICK)
    one.save(results)
    with pytest.raises(BenchError, match="by another run"):
        two.save(results)
    with pytest.raises(BenchError, match="in use by another run"):
        ResumeFile(tmp_path / "new.json")
    one.close()
    assert ResumeFile(tmp_path / "new.json").before.points[0].code == "hamming:7,4"
    assert [path.name for path in tmp_path.iterdir()] == ["new.json"]


def test_two_programs_at_a_time(tmp_path):
    """A second run is refused while the first one runs, and does not affect it."""
    command = [
        sys.executable, "-m", "netchat", "encode-bench", "--code", "rs:255,223",
        "--channel", "bsc:0.004", "--resume", "run.json", "--workers", "1",
    ]  # fmt: skip
    with subprocess.Popen(
        [*command, "--frames", "100000000", "--errors", "100000000"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ) as first:  # fmt: skip
        try:
            while not (tmp_path / "run.json").exists() and first.poll() is None:
                time.sleep(0.01)
            second = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
            first.send_signal(2)
            first.communicate(timeout=60)
        finally:
            first.kill()  # nothing, if it has ended
    assert first.returncode == 130
    assert second.returncode == 1
    assert second.stderr.startswith("netchat: run.json is in use by another run")
    assert bench.Results.read(tmp_path / "run.json").points[0].code == "rs:255,223"


def cli(tmp_path, *arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "netchat", "encode-bench", *arguments, "--workers", "1"],
        cwd=tmp_path, capture_output=True, text=True, **options,
    )  # fmt: skip


def test_a_file_that_is_missing(tmp_path):
    done = cli(tmp_path, "--resume", "TYPO.json", "--errors", "100")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("netchat: The file TYPO.json does not exist.")
    assert not any(tmp_path.iterdir())
    done = cli(tmp_path, "--resume", "new.json", "--code", "uncoded:8", "--channel", "bsc:0.1")
    assert done.returncode == 0
    assert "new.json does not exist: starting a new run, saved to this file." in done.stderr
    with pytest.raises(BenchError, match="does not exist"):
        bench.run(resume=tmp_path / "other.json", errors=5)


def test_a_full_disk_does_not_end_the_run(tmp_path):
    """Start a run in which no file can grow, neither the run's nor the kernel cache."""

    def full():
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    done = cli(
        tmp_path, "--resume", "run.json", "--code", "uncoded:8", "--channel", "bsc:0.1",
        "--json", "results.json", preexec_fn=full,
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")},
    )  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "netchat: Cannot write run.json: File too large. The run continues" in done.stderr
    assert "Cannot write run.json: File too large. The end of this run is not saved" in done.stderr
    assert "Cannot write results.json" in done.stderr
    assert "bsc:0.1" in done.stdout
    assert not (tmp_path / "run.json").exists()


def test_a_folder_that_is_removed_and_restored(tmp_path, capfd, monkeypatch):
    monkeypatch.setattr("netchat.bench.engine.run._SAVING", 0.0)
    folder = tmp_path / "there"
    folder.mkdir()
    steps = iter(range(1000))

    def progress(_):
        step = next(steps)
        if step == 0:
            shutil.rmtree(folder)
        elif step == 2:
            folder.mkdir()

    results = bench.run(
        ["rs:60,50"], ["bsc:0.01"], resume=folder / "run.json", frames=20_000, errors=10**9,
        workers=1, progress=progress,
    )  # fmt: skip
    assert next(steps) > 2
    assert capfd.readouterr().err.count("Cannot write") == 1
    assert results.unsaved == ""
    assert bench.Results.read(folder / "run.json").points[0].tally == results.points[0].tally


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from([-1, 0, 10**400, 2**63, 1e308, "bsc:0.05", "hamming:7,4", "x.py:X", []]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


def places(values, path=()):
    """Yield the path of every element of a JSON value."""
    yield path
    if isinstance(values, dict | list):
        for key in values if isinstance(values, dict) else range(len(values)):
            yield from places(values[key], (*path, key))


def changed(values, path, new):
    """Return the value with the element at a path replaced or removed."""
    if not path:
        return new
    copy = values.copy()
    if len(path) == 1 and new is ...:
        del copy[path[0]]
    else:
        copy[path[0]] = changed(values[path[0]], path[1:], new)
    return copy


def error_of(function):
    """Return the text of the BenchError that a function raises; other exceptions propagate."""
    try:
        function()
    except BenchError as error:
        return str(error)
    return None


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    file = tmp_path_factory.mktemp("resume") / "run.json"
    bench.run(["hamming:7,4"], ["bsc:0.05"], resume=file, **QUICK)
    return file, json.loads(file.read_text())


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_replaced_values_are_reported(whole, data):
    file, good = whole
    bad = good
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(list(places(bad))))
        bad = changed(bad, path, data.draw(VALUES if not path else VALUES | st.just(...)))
    file.write_text(json.dumps(bad))
    for codes, channels in ((["hamming:7,4"], ["bsc:0.05"]), (None, None)):
        said = error_of(partial(bench.run, codes, channels, resume=file, **QUICK))
        assert said is None or (str(file) in said and file.read_text() == json.dumps(bad))
        file.write_text(json.dumps(bad))


@given(content=st.binary(max_size=60))
@example(content=b"[" * 100_000)
@example(content=b"1" * 5000)
@example(content=b"\xff\xfe")
@example(content=b"\xef\xbb\xbf{}")
def test_any_content_is_reported(whole, content):
    file, good = whole
    text = json.dumps(good).encode()
    for bad in (content, text[: len(content)], text[: -len(content) or None] + content):
        file.write_bytes(bad)
        for read in (lambda: run(file), lambda: LinkResults.read(file)):
            said = error_of(read)
            assert said is None or str(file) in said


def test_a_link_at_a_name_that_can_be_guessed_is_not_followed(state, tmp_path):
    """In a shared folder, another user can create it before the run saves its state."""
    other = tmp_path / "other"
    other.write_text("another file")
    (tmp_path / f".{state.name}.{os.getpid()}").symlink_to(other)
    file = ResumeFile(state)
    file.save(file.before)
    file.close()
    assert other.read_text() == "another file"
    assert not state.is_symlink()
    assert not list(tmp_path.glob(".netchat-*"))


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_file_that_cannot_be_replaced_is_released(state, monkeypatch):
    file = ResumeFile(state)
    before, count = state.read_bytes(), open_files()

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(type(state), "replace", full)
        file.save(file.before)
    assert "No space left" in file.unsaved
    assert (state.read_bytes(), open_files()) == (before, count)
    file.close()


def test_files_that_are_not_regular(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", "/dev/null"):
        with pytest.raises(BenchError, match="is not a regular file"):
            run(path)


def test_a_point_of_another_code_of_the_same_name_restarts(tmp_path):
    code = tmp_path / "mine.py"
    for k in (4, 5):
        code.write_text(
            "from netchat.coding.block.uncoded import Uncoded\n"
            f"class Mine(Uncoded):\n    def __init__(self): super().__init__({k})\n"
        )
        (point,) = run(tmp_path / "run.json", [f"{code}:Mine"]).points
        assert point.tally.bits == k * point.tally.frames


@pytest.fixture
def link_results(tmp_path):
    from netchat.bench.link.run import link_bench

    results = link_bench("rs:255,223", "bsc:1e-3", seconds=0.3, repeats=2, workers=1)
    results.to_json(tmp_path / "link.json")
    return tmp_path / "link.json"


def test_results_of_links(link_results):
    good = json.loads(link_results.read_text())
    assert json.loads(json.dumps(LinkResults.read(link_results).as_dict())) == good
    with pytest.raises(BenchError, match="Cannot read"):
        LinkResults.read(link_results.with_name("none.json"))
    with pytest.raises(BenchError, match="Cannot write"):
        LinkResults.read(link_results).to_json("/proc/x.json")
    for path in places(good):
        for new in (None, -1, "x", [], {}, [[]], ...):
            if new is ... and not path:
                continue
            link_results.write_text(json.dumps(changed(good, path, new)))
            said = error_of(lambda: LinkResults.read(link_results).table())
            assert said is None or "does not contain results of link-bench" in said
