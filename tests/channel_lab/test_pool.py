"""Queues of the worker processes: fairness, limits, and processes that die. The workers are simulated."""

from __future__ import annotations

import asyncio
import contextlib
import json

import pytest

from netchat.channel_lab import pool as pool_module
from netchat.channel_lab.limits import MAX_JOBS, MAX_RUN_SECONDS, MAX_RUNS
from netchat.channel_lab.pool import LabPool, WorkerDied
from netchat.channel_lab.state import StateError


class SimulatedWorker:
    """Worker that answers when it is told to."""

    def __init__(self) -> None:
        self.calls: list[dict] = []
        self.answers: asyncio.Queue[object] = asyncio.Queue()
        self.is_running = False
        self.is_automatic = True
        self.cpu_seconds = 0.0

    async def call(self, request, notice):
        self.is_running = True
        self.calls.append(request)
        if self.is_automatic:
            await asyncio.sleep(0)
            return "answer", json.dumps({"of": request.get("state", request.get("run"))}).encode()
        answer = await self.answers.get()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def kill(self) -> None:
        self.is_running = False

    async def stop(self) -> None:
        self.kill()


@contextlib.asynccontextmanager
async def simulated():
    """Create a pool with simulated workers."""
    pool = LabPool({})
    pool._interactive, pool._measuring = SimulatedWorker(), SimulatedWorker()
    try:
        yield pool
    finally:
        await pool.stop()


async def settle() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


class TestJobs:
    async def test_equal_requests_are_computed_once(self):
        async with simulated() as pool:
            got = []
            for visitor in [pool.enter("a"), pool.enter("b")]:
                pool.ask(visitor, {"do": "line", "state": 1}, got.append)
            await settle()
            pool.ask(pool.enter("c"), {"do": "line", "state": 1}, got.append)
            assert got == [b'{"of": 1}'] * 3
            assert len(pool._interactive.calls) == 1

    async def test_a_newer_line_replaces_one_that_waits(self):
        async with simulated() as pool:
            visitor, got = pool.enter("a"), []
            for state in range(5):
                pool.ask(visitor, {"do": "line", "state": state}, got.append)
            await settle()
            assert got == [b'{"superseded":true}'] * 4 + [b'{"of": 4}']

    async def test_a_visitor_has_a_limited_number_of_jobs(self):
        async with simulated() as pool:
            visitor = pool.enter("a")
            for block in range(MAX_JOBS):
                pool.ask(visitor, {"do": "explain", "state": block}, lambda _: None)
            with pytest.raises(StateError, match="may wait"):
                pool.ask(visitor, {"do": "explain", "state": "more"}, lambda _: None)

    async def test_others_do_not_wait_for_a_greedy_visitor(self):
        async with simulated() as pool:
            order = []
            greedy, other = pool.enter("a"), pool.enter("b")
            for block in range(MAX_JOBS):
                pool.ask(
                    greedy, {"do": "explain", "state": block}, lambda _: order.append("greedy")
                )
            pool.ask(other, {"do": "line", "state": "x"}, lambda _: order.append("other"))
            await settle()
            assert order.index("other") <= 1

    async def test_a_process_that_dies_costs_one_answer(self):
        async with simulated() as pool:
            worker, got = pool._interactive, []
            worker.is_automatic = False
            visitor = pool.enter("a")
            pool.ask(visitor, {"do": "explain", "state": 1}, got.append)
            pool.ask(visitor, {"do": "explain", "state": 2}, got.append)
            worker.answers.put_nowait(WorkerDied(b'{"error":"too long"}'))
            worker.answers.put_nowait(("answer", b'{"fine":1}'))
            await settle()
            assert got == [b'{"error":"too long"}', b'{"fine":1}']
            pool.ask(visitor, {"do": "explain", "state": 1}, got.append)  # errors are not kept
            await settle()
            assert len(worker.calls) == 3

    async def test_kept_answers_are_limited(self, monkeypatch):
        monkeypatch.setattr(pool_module, "_CACHED", 200)
        async with simulated() as pool:
            visitor = pool.enter("a")
            for state in range(50):
                pool.ask(visitor, {"do": "explain", "state": state}, lambda _: None)
                await settle()
            assert pool._cached_bytes <= 200
            assert 0 < len(pool._answers) < 10


class TestRuns:
    async def test_measurements_take_turns(self):
        async with simulated() as pool:
            worker = pool._measuring
            worker.is_automatic = False
            numbers = [pool.measure(pool.enter(name), {}, lambda _: None) for name in "ab"]
            for _ in range(6):
                worker.answers.put_nowait(("answer", b'{"points":[]}'))
            await settle()
            slices = [call["run"] for call in worker.calls if call["do"] == "slice"]
            assert slices[:4] == [numbers[0], numbers[1], numbers[0], numbers[1]]

    async def test_a_new_measurement_ends_the_old_one(self):
        async with simulated() as pool:
            visitor, got = pool.enter("a"), []
            pool.measure(visitor, {}, got.append)
            await settle()
            pool.measure(visitor, {}, lambda _: None)
            assert got[-1] == b'{"done":true,"superseded":true}'
            count = len(got)
            await settle()
            assert len(got) == count
            assert any(call["do"] == "drop" for call in pool._measuring.calls)

    async def test_the_last_update_ends_a_measurement(self):
        async with simulated() as pool:
            worker, got = pool._measuring, []
            worker.is_automatic = False
            number = pool.measure(pool.enter("a"), {}, got.append)
            worker.answers.put_nowait(("answer", b"{}"))
            await settle()
            pool.stop_run(number)
            worker.answers.put_nowait(("answer", b'{"points":[]}'))
            worker.answers.put_nowait(("answer", b'{"done":true}'))
            await settle()
            assert worker.calls[-1]["last"] is True
            assert got[-1] == b'{"done":true}'
            pool.stop_run(number)  # over already

    async def test_measurements_end_after_a_limited_cpu_time(self):
        async with simulated() as pool:
            worker = pool._measuring
            worker.is_automatic = False
            pool.measure(pool.enter("a"), {}, lambda _: None)
            worker.answers.put_nowait(("answer", b"{}"))
            await settle()
            for spent in (MAX_RUN_SECONDS - 1, 0, 1):
                assert worker.calls[-1]["last"] is False
                worker.cpu_seconds += spent
                worker.answers.put_nowait(("answer", b'{"points":[]}'))
                await settle()
            assert worker.calls[-1]["last"] is True

    async def test_measurements_are_limited(self):
        async with simulated() as pool:
            pool._measuring.is_automatic = False
            for number in range(MAX_RUNS):
                pool.measure(pool.enter(str(number)), {}, lambda _: None)
            with pytest.raises(StateError, match="running already"):
                pool.measure(pool.enter("more"), {}, lambda _: None)

    async def test_a_process_that_dies_ends_one_measurement_and_restarts_the_others(self):
        async with simulated() as pool:
            worker, got = pool._measuring, {"a": [], "b": []}
            worker.is_automatic = False
            for name in "ab":
                pool.measure(pool.enter(name), {"name": name}, got[name].append)
            for _ in range(4):
                worker.answers.put_nowait(("answer", b"{}"))
            worker.answers.put_nowait(WorkerDied(b'{"error":"too long"}'))
            await settle()
            assert got["a"][-1] == b'{"error":"too long"}'
            worker.answers.put_nowait(("answer", b"{}"))
            await settle()
            starts = [call["request"]["name"] for call in worker.calls if call["do"] == "start"]
            assert starts == ["a", "b", "b"]

    async def test_an_invalid_measurement_is_refused(self):
        async with simulated() as pool:
            worker, got = pool._measuring, []
            worker.is_automatic = False
            pool.measure(pool.enter("a"), {}, got.append)
            worker.answers.put_nowait(("error", b'{"error":"no such code"}'))
            await settle()
            assert got == [b'{"error":"no such code"}']
            assert not pool._runs


class TestVisitors:
    async def test_jobs_of_a_visitor_that_left_are_dropped(self):
        async with simulated() as pool:
            pool._interactive.is_automatic = False
            one, two, got = pool.enter("a"), pool.enter("b"), []
            pool.ask(one, {"do": "explain", "state": 1}, got.append)
            await settle()  # in progress
            pool.ask(two, {"do": "explain", "state": 2}, got.append)
            pool.measure(two, {}, got.append)
            pool.leave(two)
            assert len(pool._jobs) == 0
            assert not pool._runs

    async def test_processes_end_after_the_last_visitor(self, monkeypatch):
        monkeypatch.setattr(pool_module, "IDLE", 0.01)
        async with simulated() as pool:
            visitor = pool.enter("a")
            pool.ask(visitor, {"do": "line", "state": 1}, lambda _: None)
            await settle()
            assert pool.is_running
            pool.leave(visitor)
            again = pool.enter("a")
            await asyncio.sleep(0.03)
            assert pool.is_running  # a visitor came back
            pool.leave(again)
            await asyncio.sleep(0.03)
            assert not pool.is_running
