"""Functions run in the calling process and in worker processes."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import netchat.jit
from netchat.bench.engine.executor import InProcess, ProcessPool, executor
from netchat.errors import BenchError


@pytest.fixture(scope="module")
def pool():
    with ProcessPool(2) as pool:
        yield pool


def test_one_worker_is_the_calling_process():
    with executor(1) as alone:
        assert isinstance(alone, InProcess)
        assert alone.submit(os.getpid).result() == os.getpid()
        assert list(alone.map(pow, [2, 3], [3, 2])) == [8, 9]


def test_functions_run_in_other_processes_in_order(pool):
    assert pool.submit(os.getpid).result() not in (0, os.getpid())
    assert list(pool.map(pow, range(50), [2] * 50)) == [number**2 for number in range(50)]


def test_two_functions_run_at_a_time(pool, tmp_path):
    together = [pool.submit(_meet, tmp_path) for _ in range(2)]
    assert len({future.result() for future in together}) == 2


def _meet(folder):
    """Wait until two processes are here."""
    (folder / str(os.getpid())).touch()
    while len(list(folder.iterdir())) < 2:
        time.sleep(0.001)
    return os.getpid()


@pytest.mark.parametrize("error", [ZeroDivisionError, OSError, EOFError])
def test_an_error_has_its_type_and_the_place_where_it_was_raised(pool, error):
    with pytest.raises(error) as caught:
        pool.submit(_fail, error).result()
    assert "in _fail" in caught.value.__notes__[0]
    assert pool.submit(pow, 2, 2).result() == 4


def _fail(error):
    raise error("as planned")


class _TwoArgumentsError(Exception):
    """Its pickled form calls it with one argument."""

    def __init__(self, code, column):
        super().__init__(f"{code} fails in column {column}")


def _fail_with_two_arguments():
    raise _TwoArgumentsError("hamming:7,4", 3)


def _fail_with_a_lock():
    raise ValueError("a lock cannot be pickled", threading.Lock())


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (_fail_with_two_arguments, "_TwoArgumentsError: hamming:7,4 fails in column 3"),
        (_fail_with_a_lock, "ValueError: .*a lock cannot be pickled"),
    ],
)
def test_the_text_of_an_error_arrives_that_cannot_be_pickled(pool, function, text):
    with pytest.raises(BenchError, match=text) as caught:
        pool.submit(function).result()
    assert f"in {function.__name__}" in caught.value.__notes__[0]
    assert pool.submit(pow, 2, 2).result() == 4


def test_a_worker_that_ends_is_an_error():
    with ProcessPool(1) as pool, pytest.raises(BenchError, match="with status 7"):
        pool.submit(os._exit, 7).result()


def test_a_process_that_was_started_early_gets_the_first_function():
    with ProcessPool(2) as pool:
        pool.start(1)
        (process,) = pool._processes
        assert pool.submit(os.getpid).result() == process.pid
        assert len(pool._processes) == 1


def test_shutdown_does_not_wait_for_a_function():
    began = time.monotonic()
    with ProcessPool(1) as pool:
        future = pool.submit(time.sleep, 60)
        while not future.running():
            time.sleep(0.001)
    assert time.monotonic() - began < 30
    assert isinstance(future.exception(), BenchError)


def test_a_notice_is_printed_once(tmp_path, capfd):
    with ProcessPool(2) as pool:
        for future in [pool.submit(_notify, tmp_path) for _ in range(2)]:
            future.result()
    assert capfd.readouterr().err == "netchat: a notice\n"


def _notify(folder):
    netchat.jit.on_compile("netchat: a notice")
    _meet(folder)


def test_workers_end_with_the_program_that_started_them():
    program = (
        "import os, signal\n"
        "from netchat.bench.engine.executor import ProcessPool\n"
        "pool = ProcessPool(2)\n"
        "pool.start(2)\n"
        "print(*(process.pid for process in pool._processes), flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.returncode == -signal.SIGKILL
    pids = [int(pid) for pid in result.stdout.split()]
    assert len(pids) == 2
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and any(alive(pid) for pid in pids):
        time.sleep(0.05)
    assert not any(alive(pid) for pid in pids)


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat").read_text()
    return stat.rpartition(")")[2].split()[0] != "Z"  # one that has ended, and waits to be noticed
