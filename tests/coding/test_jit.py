"""Kernels: compiled once, said once, and taken from the cache after that."""

import os
import subprocess
import sys
import time

PROGRAM = """
import netchat.coding
code = netchat.coding.get("hamming:7,4")
assert code.decode(code.encode([[1, 0, 1, 1]])).message.tolist() == [[1, 0, 1, 1]]
code = netchat.coding.get("repetition:3")
assert code.decode(code.encode([[1]])).message.tolist() == [[1]]
"""
NOTICE = "netchat: compiling kernels"


def run(cache):
    start = time.monotonic()
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "NUMBA_CACHE_DIR": str(cache)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout == ""
    return result.stderr, time.monotonic() - start


def test_the_user_is_told_once(tmp_path):
    told, cold = run(tmp_path)
    assert told.count(NOTICE) == 1
    assert told.count("\n") == 1
    told, warm = run(tmp_path)
    assert told == ""
    assert warm < cold


def test_of_several_processes_one_compiles(tmp_path):
    """And the others take what it left: each kernel is compiled by one of them only."""
    program = PROGRAM + (
        "import sys; from netchat.coding import repetition_kernels, syndrome_kernels\n"
        "kernels = repetition_kernels.decode, syndrome_kernels.encode, syndrome_kernels.decode\n"
        "print(*(len(kernel.stats.cache_misses) for kernel in kernels))\n"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program],
            env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}, stdout=subprocess.PIPE, text=True,
        )
        for _ in range(3)
    ]  # fmt: skip
    misses = [process.communicate()[0].split() for process in processes]
    assert [sum(map(int, each)) for each in zip(*misses, strict=True)] == [1, 1, 1]
