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
