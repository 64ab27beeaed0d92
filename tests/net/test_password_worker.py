"""Passwords: argon2id as in the reference implementation, equal work for known and unknown names."""

from __future__ import annotations

import asyncio
import threading
import time
from types import SimpleNamespace

import pytest
from argon2 import extract_parameters

from netchat.chat.effects import CheckPassword
from netchat.chat.passwords import NO_PASSWORD
from netchat.net import password_worker
from netchat.net.password_worker import (
    PasswordVerdict,
    PasswordWorker,
    check_password,
    hash_password,
    is_password,
)

#: From `src/test.c` of the reference implementation (P-H-C/phc-winner-argon2).
REFERENCE = [
    ("password", "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"),
    ("password", "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"),
    ("password", "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc"),
    ("differentpassword",
     "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$C4TWUs9rDEvq7w3+J4umqA32aWKB1+DSiRuBfYxFj94"),
]  # fmt: skip


@pytest.mark.parametrize(("password", "stored"), REFERENCE)
def test_hashes_of_the_reference_implementation(password, stored):
    assert is_password(password, stored)
    assert not is_password(password + "x", stored)


def test_a_hash_has_the_documented_parameters_and_a_salt_of_its_own():
    one, two = hash_password("correct horse"), hash_password("correct horse")
    assert one != two
    assert one.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    found = extract_parameters(one)
    assert (found.salt_len, found.hash_len) == (16, 32)
    assert is_password("correct horse", one)
    assert not is_password("correct hors", one)


@pytest.mark.parametrize("stored", ["", "x", "$argon2id$", "$argon2id$v=19$m=1,t=1,p=1$AA$AA"])
def test_a_damaged_hash_matches_nothing(stored):
    assert not is_password("", stored)


def test_names_without_an_account_cost_the_same_work():
    """CPU time, not wall-clock time: other processes do not change it much."""

    def work(stored: str) -> float:
        begun = time.thread_time()
        verdict = check_password(CheckPassword(None, None, "a wrong password", stored))
        assert not verdict.is_right
        return time.thread_time() - begun

    known = hash_password("correct horse")
    pairs = [(work(known), work(NO_PASSWORD)) for _ in range(7)]
    fastest = [min(times) for times in zip(*pairs, strict=True)]
    assert 0.7 < fastest[0] / fastest[1] < 1.4


def test_a_new_password_is_hashed_only_if_the_old_one_is_right():
    stored = hash_password("correct horse")
    assert check_password(CheckPassword(None, None, "wrong", stored, "new")) == PasswordVerdict(
        False, None
    )
    verdict = check_password(CheckPassword(None, None, "correct horse", stored, "new"))
    assert verdict.is_right
    assert is_password("new", verdict.encoded)


async def test_two_at_a_time_and_never_on_the_event_loop(monkeypatch):
    running, most, threads, done = 0, 0, set(), []
    lock = threading.Lock()

    def slow(work: CheckPassword) -> PasswordVerdict:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
            threads.add(threading.current_thread())
        time.sleep(0.02)
        with lock:
            running -= 1
        if work.given == "no memory":
            raise MemoryError
        return PasswordVerdict(True, None)

    monkeypatch.setattr(password_worker, "check_password", slow)
    worker = PasswordWorker(asyncio.get_running_loop(), lambda *result: done.append(result))
    jobs = [CheckPassword(SimpleNamespace(), n) for n in range(6)]
    jobs.append(CheckPassword(SimpleNamespace(), 6, "no memory"))
    for job in jobs:
        worker.put(job)
    async with asyncio.timeout(10):
        while len(done) < len(jobs):
            await asyncio.sleep(0.01)
    assert most == 2
    assert threading.main_thread() not in threads
    verdicts = {work.request: verdict for work, verdict in done}
    assert verdicts.pop(6) == PasswordVerdict(False, None)
    assert set(verdicts.values()) == {PasswordVerdict(True, None)}
    worker.close()
