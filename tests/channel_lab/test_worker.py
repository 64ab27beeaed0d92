"""Worker processes: answers, errors, limits, and their end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import textwrap

import pytest

from netchat.channel_lab.pool import LabWorker, WorkerDied

UNIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limits")


@contextlib.asynccontextmanager
async def worker(plugins=None):
    """Run a worker process."""
    one = LabWorker(plugins or {}, 0)
    try:
        yield one
    finally:
        await one.stop()


async def ask(one: LabWorker, **request) -> dict:
    kind, content = await one.call(request, lambda _: None)
    found = json.loads(content)
    assert (kind == "error") == ("error" in found)
    return found


async def test_answers_and_errors():
    async with worker() as one:
        assert not one.is_running
        found = await ask(one, do="line", state={"text": "Hi!", "touched": {"0": "flip"}})
        assert found["line"]["ok"]
        assert one.is_running
        found = await ask(one, do="line", state={"code": "hamming:9,9"})
        assert found["field"] == "code"
        assert "hamming:9,9" in found["error"]
        found = await ask(one, do="nonsense")
        assert "nonsense" in found["error"]
        listed = (await ask(one, do="codes"))["codes"]
        assert {code["explains"] for code in listed} == {
            "none", "repetition", "hamming", "linear", "reed_solomon", "trellis", "ldpc", "polar",
            "turbo", "crc",
        }  # fmt: skip


@pytest.fixture
def own_code(tmp_path):
    """Write a code of the server's owner."""
    path = tmp_path / "own.py"
    path.write_text(
        textwrap.dedent(
            """
            import os, sys, time
            import numpy as np
            from netchat.coding import Code
            from netchat.coding.arrays import Decoded

            class Own(Code):
                def __init__(self, what: str = "copy"):
                    super().__init__("own", k=8, n=8, linear=False)
                    self._what = what

                def _encode(self, message):
                    print("noise on standard output")
                    if self._what == "raise":
                        raise RuntimeError("broken")
                    if self._what == "exit":
                        os._exit(3)
                    while self._what == "spin":
                        pass
                    if self._what == "eat":
                        np.ones(1 << 33, np.uint8).sum()
                    return message.copy()

                def _decode(self, received):
                    return Decoded(received.copy(), np.zeros(len(received), np.int64))
            """
        ),
        "utf-8",
    )
    return {
        f"own.py:Own:{what}": f"{path}:Own:{what}"
        for what in ("copy", "raise", "exit", "spin", "eat")
    }


async def test_codes_of_the_owner(own_code):
    async with worker(own_code) as one:
        found = await ask(one, do="line", state={"code": "own.py:Own:copy"})
        assert found["line"]["ok"]
        assert found["line"]["state"]["code"] == "own.py:Own:copy"
        found = await ask(one, do="line", state={"code": "own.py:Own:raise"})
        assert found["error"] == "the lab failed: RuntimeError: broken"
        listed = (await ask(one, do="codes"))["codes"]
        assert [code["family"] for code in listed[-5:]] == ["own codes"] * 5
        with pytest.raises(WorkerDied) as caught:
            await ask(one, do="line", state={"code": "own.py:Own:exit"})
        assert b"ended unexpectedly" in caught.value.content
        assert not one.is_running
        assert (await ask(one, do="line", state={}))["line"]["ok"]  # in a new process


@UNIX
async def test_memory_is_limited(own_code):
    async with worker(own_code) as one:
        found = await ask(one, do="line", state={"code": "own.py:Own:eat"})
        assert found["error"] == "this takes too much memory"


@pytest.mark.thorough
@UNIX
async def test_computing_time_is_limited(own_code):
    async with worker(own_code) as one:
        with pytest.raises(WorkerDied) as caught:
            await ask(one, do="line", state={"code": "own.py:Own:spin"})
        assert b"took too long" in caught.value.content


async def test_it_ends_with_its_input():
    one = LabWorker({}, 0)
    await ask(one, do="line", state={})
    process = one._process
    process.stdin.close()
    await asyncio.wait_for(process.wait(), 20)
    assert process.returncode == 0
    with pytest.raises(WorkerDied):
        await ask(one, do="line", state={})
    await one.stop()
