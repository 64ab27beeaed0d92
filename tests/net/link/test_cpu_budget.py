"""CPU time limits of links, and the end of links that waste CPU time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

import pytest

from netchat.link.link import Link
from netchat.link.sync_marker import MARKER
from netchat.net import half_close as module
from netchat.net.link.cpu_budget import ABUSE, SLICE, TOLERANCE, LinkWork
from netchat.net.link.fair_allowance import WASTE_BURST, WASTE_RATE
from netchat.net.link.transport import LinkTransport
from tests.link.test_link_hostile import Peer


class Loop:
    """An event loop and a CPU clock in simulated time."""

    def __init__(self) -> None:
        self.now = 0.0
        self.cpu = 0.0
        self.soon: list[Callable[[], object]] = []
        self.later: list[tuple[float, Callable[[], object]]] = []

    def time(self) -> float:
        return self.now

    def call_soon(self, callback: Callable[[], object]) -> object:
        self.soon.append(callback)
        return callback

    def call_later(self, seconds: float, callback: Callable[[], object]) -> object:
        self.later.append((self.now + seconds, callback))
        return callback

    def turn(self) -> None:
        """Run one turn: advance the time by the work done, or to the next timer."""
        if not self.soon and self.later:
            self.now = max(self.now, min(due for due, _ in self.later))
        due = [entry for entry in self.later if entry[0] <= self.now]
        self.later = [entry for entry in self.later if entry not in due]
        ready, self.soon = [*self.soon, *(callback for _, callback in due)], []
        before = self.cpu
        errors = []
        for callback in ready:
            try:
                callback()
            except RuntimeError as error:
                errors.append(error)
        self.now += self.cpu - before
        if errors:
            raise errors[0]


class Toiler:
    """A worker with endless work, in steps of equal cost and usefulness."""

    share, unsettled = "10.0.0.1", 0.0

    def __init__(self, loop: Loop, work: LinkWork, *, useful: bool, cost: float = 4e-4) -> None:
        self.loop, self.work, self.useful, self.cost = loop, work, useful, cost
        self.wasted = self.spent = 0.0

    def step(self) -> tuple[bool, bool]:
        self.loop.cpu += self.cost
        self.spent += self.cost
        return self.useful, True

    def resumed(self) -> None:
        assert not self.work.run(self)


def rig(**kinds: int) -> tuple[Loop, LinkWork, list[Toiler]]:
    loop = Loop()
    work = LinkWork(loop, lambda: loop.cpu)  # type: ignore[arg-type]
    toilers = [
        Toiler(loop, work, useful=kind == "useful")
        for kind, count in kinds.items()
        for _ in range(count)
    ]
    for toiler in toilers:
        loop.call_soon(toiler.resumed)
    return loop, work, toilers


@pytest.mark.parametrize("count", [1, 5, 60])
def test_all_that_waste_time_share_one_allowance_equally(count: int) -> None:
    loop, _, toilers = rig(wasteful=count)
    while loop.now < 20:
        loop.turn()

    share = WASTE_BURST + count * (TOLERANCE + SLICE) + WASTE_RATE * loop.now
    assert sum(toiler.spent for toiler in toilers) <= share + 2 * SLICE
    spent = sorted(toiler.spent for toiler in toilers)
    assert spent[0] > 0.5 * (spent[-1] - WASTE_BURST)  # which the first one had for itself


@pytest.mark.parametrize("hostile", [1, 60, 300])
def test_one_address_leaves_the_others_their_part(hostile: int) -> None:
    loop, _, toilers = rig(wasteful=hostile + 1)
    toilers[-1].share = "10.0.0.2"
    while loop.now < 20:
        loop.turn()

    total = sum(toiler.spent for toiler in toilers)
    assert total <= WASTE_BURST + (hostile + 1) * (TOLERANCE + SLICE) + WASTE_RATE * loop.now
    assert toilers[-1].spent > 0.4 * WASTE_RATE * loop.now


def test_queued_work_waits_for_a_commit_but_not_for_long() -> None:
    loop = Loop()
    commit = {"running": False}
    work = LinkWork(loop, lambda: loop.cpu, lambda: commit["running"])  # type: ignore[arg-type]
    toiler = Toiler(loop, work, useful=True)
    loop.call_soon(toiler.resumed)
    while loop.now < 0.1:
        loop.turn()
    assert toiler.spent == pytest.approx(0.1, rel=0.1)  # without a commit, it never waits
    commit["running"] = True
    spent, began = toiler.spent, loop.now
    while loop.now < began + 1:
        loop.turn()
    assert 0.05 < toiler.spent - spent < 0.2
    commit["running"] = False
    spent, began = toiler.spent, loop.now
    while loop.now < began + 0.1:
        loop.turn()
    assert toiler.spent - spent == pytest.approx(0.1, rel=0.1)


def test_work_that_cannot_wait_gets_its_share() -> None:
    """Datagrams are dropped instead: some of a link's get through whatever others send."""
    loop, work, (hostile, other) = rig(wasteful=2)
    loop.soon.clear()
    hostile.share, other.share = "10.0.0.1", "10.0.0.2"
    hostile.wasted = other.wasted = 2 * TOLERANCE
    passed = {hostile: 0, other: 0}
    for step in range(20_000):
        loop.now += 1e-3
        for worker in (hostile, hostile, hostile, other if step % 10 == 0 else hostile):
            if work.may_waste(worker):
                work.spent(worker, 1e-3, useful=False)
                passed[worker] += 1

    assert passed[other] > 0.4 * WASTE_RATE * loop.now / 1e-3
    assert passed[hostile] + passed[other] < (WASTE_RATE * loop.now + WASTE_BURST) / 1e-3 + 5


def test_the_steps_of_a_block_count_once_it_is_finished() -> None:
    loop, work, (toiler,) = rig(wasteful=1)
    loop.soon.clear()
    for _ in range(5):
        work.spent(toiler, 1e-3, useful=None)
    assert toiler.wasted == 0
    assert work.may_waste(toiler)
    work.spent(toiler, 1e-3, useful=False)
    assert toiler.wasted == pytest.approx(6e-3)
    for useful in (None, None, True):
        work.spent(toiler, 1e-3, useful=useful)
    assert toiler.wasted == toiler.unsettled == 0


def test_no_turn_of_the_loop_takes_longer_than_a_slice_and_a_step() -> None:
    loop, _, _ = rig(useful=7, wasteful=7)
    longest = 0.0
    for _ in range(3000):
        before = loop.cpu
        loop.turn()
        longest = max(longest, loop.cpu - before)

    assert 0 < longest <= SLICE + 4e-4


def test_useless_work_does_not_delay_useful_work() -> None:
    loop, _, toilers = rig(useful=1, wasteful=50)
    while loop.now < 10:
        loop.turn()

    assert toilers[0].spent > 0.8 * loop.now


def test_a_worker_that_is_forgotten_is_not_resumed() -> None:
    loop, work, toilers = rig(useful=2, wasteful=20)
    for _ in range(50):
        loop.turn()
    for toiler in toilers:
        work.forget(toiler)
    done = loop.cpu
    for _ in range(50):
        loop.turn()

    assert loop.cpu == done
    assert not loop.soon


class Line(asyncio.Transport):
    """A transport that records the calls of its methods."""

    def __init__(self) -> None:
        super().__init__()
        self.reading, self.closed = True, False
        self.written = bytearray()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        assert self.reading
        self.reading = False

    def resume_reading(self) -> None:
        assert not self.reading
        self.reading = True

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        pass

    def is_closing(self) -> bool:
        return self.closed

    def can_write_eof(self) -> bool:
        return False

    def close(self) -> None:
        self.closed = True

    abort = close


class Ear(asyncio.Protocol):
    def __init__(self) -> None:
        self.heard = b""

    def data_received(self, data: bytes) -> None:
        self.heard += data


def failing(client: Peer, count: int) -> bytes:
    """Return blocks with valid headers and undecodable payloads, each with a new number."""
    blocks = []
    for i in range(count):
        block = client.block(4, bytes(3900), code=4, number=1000 + i)  # type: ignore[arg-type]
        blocks.append(block[:100] + bytes(len(block) - 100))
    return b"".join(blocks)


@pytest.mark.parametrize("kind", ["markers", "failing", "headers", "noise"])
async def test_a_link_that_brings_nothing_is_paused_and_in_the_end_given_up(kind: str) -> None:
    loop, peer = Loop(), Peer()
    steps = 0

    def cpu() -> float:
        nonlocal steps
        steps += 1
        return steps * 1e-3  # each step takes as long

    work, line, ear = LinkWork(loop, cpu), Line(), Ear()  # type: ignore[arg-type]
    layer = LinkTransport(ear, Link.server(), work)
    layer._loop = loop  # type: ignore[assignment]
    loop.call_at = lambda due, callback: None  # type: ignore[attr-defined]
    data = {
        "markers": MARKER * 4096,
        "failing": failing(peer, 16),
        "headers": peer.block(4, link=77) * 200,  # type: ignore[arg-type]
        "noise": bytes(range(251)) * 300,
    }[kind]
    opening = Link.client("rs:255,223", identity=9 << 32 | 1000)
    layer.begin(line, opening.data_to_send(0.0))
    assert layer.link.opened

    fed, paused = 0, False
    for _ in range(20_000):
        if line.closed:
            break
        if line.reading:
            layer.data_received(data)
            fed += 1
        paused = paused or not line.reading
        loop.turn()
        assert layer.link.held < 2 * len(data) + 600_000

    assert paused
    assert line.closed
    assert layer.wasted == pytest.approx(ABUSE, abs=1e-2)  # a block takes several steps
    assert loop.now > (ABUSE - WASTE_BURST) / WASTE_RATE * 0.8
    opening.receive(bytes(line.written), 0.0)
    assert "too much CPU time without a single useful block" in opening.closed


def test_an_error_in_one_worker_does_not_block_the_others() -> None:
    loop, _, toilers = rig(useful=2, wasteful=4)
    for _ in range(50):
        loop.turn()
    spent = [toiler.spent for toiler in toilers]

    def broken() -> tuple[bool, bool]:
        raise RuntimeError("a bug")

    toilers[0].step = toilers[2].step = broken  # type: ignore[method-assign]
    for _ in range(3000):
        with contextlib.suppress(RuntimeError):
            loop.turn()

    for index in (1, 3, 4, 5):
        assert toilers[index].spent > spent[index]


class HalfClosable(Line):
    """A transport that supports half-close and rejects writes after it, as uvloop does."""

    protocol: asyncio.BaseProtocol
    has_ended = False

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.has_ended = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self.has_ended:
            raise RuntimeError("Cannot call write() after write_eof()")
        super().write(data)

    def resume_reading(self) -> None:
        self.reading = True

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self.protocol


async def test_bytes_after_the_end_of_a_link_are_ignored() -> None:
    loop, steps = Loop(), 0

    def cpu() -> float:
        nonlocal steps
        steps += 1
        return steps * 1e-3

    work, line = LinkWork(loop, cpu), HalfClosable()  # type: ignore[arg-type]
    layer = LinkTransport(Ear(), Link.server(), work)
    layer._loop = loop  # type: ignore[assignment]
    loop.call_at = lambda due, callback: None  # type: ignore[attr-defined]
    client = Link.client("rs:255,223", identity=9 << 32 | 1000)
    opening = client.data_to_send(0.0)
    layer.begin(line, opening)
    client.receive(bytes(line.written), 0.0)
    client.close("that is all")
    drained = module._drained.total
    layer.data_received(client.data_to_send(0.1) + opening * 50)
    for _ in range(200):
        loop.turn()

    assert line.has_ended
    assert line.reading
    assert module._drained.total == drained + 1
    layer._pump()
    assert module._drained.total == drained + 1
    line.protocol.connection_lost(None)
    assert module._drained.total == drained


async def test_a_lost_link_occupies_no_memory() -> None:
    work, line, peer = LinkWork(asyncio.get_running_loop()), HalfClosable(), Peer()
    layer = LinkTransport(Ear(), Link.server(), work)
    layer.begin(line, Link.client("rs:255,223", identity=9 << 32 | 1000).data_to_send(0.0))
    layer.write(bytes(50_000))
    for number in range(10):  # after a gap
        block = peer.block(4, bytes(3000), offset=1001 + 3000 * number, number=1000 + number)  # type: ignore[arg-type]
        layer.data_received(block)
        await asyncio.sleep(0)
    unsent, received = layer.memory()
    assert unsent >= 50_000
    assert received >= 30_000

    layer.connection_lost(None)
    assert layer.memory() == (0, 0)


@pytest.mark.parametrize("count", [1, 30])
def test_sending_takes_no_longer_than_a_slice_per_turn_and_links_take_turns(count: int) -> None:
    loop, work, toilers = rig(wasteful=count)
    loop.soon.clear()
    sent = dict.fromkeys(toilers, 0)

    def step(toiler: Toiler) -> bool:
        loop.cpu += 9e-4
        sent[toiler] += 1
        return sent[toiler] < 20

    def begin(toiler: Toiler) -> None:
        work.send(toiler, lambda: step(toiler), lambda: begin(toiler))

    for toiler in toilers:
        loop.call_soon(lambda toiler=toiler: begin(toiler))
    longest, spread = 0.0, 0
    while loop.soon:
        before = loop.cpu
        loop.turn()
        longest = max(longest, loop.cpu - before)
        spread = max(spread, max(sent.values()) - min(sent.values()))

    assert set(sent.values()) == {20}
    assert longest <= SLICE + 9e-4
    assert spread <= 4


async def test_a_client_that_asks_for_much_with_a_slow_code_gets_it_in_several_turns() -> None:
    """One request can be answered with 256 KiB, and encoding them can take 90 ms."""
    loop, line, cpu = Loop(), Line(), 0.0

    def clock() -> float:
        nonlocal cpu
        cpu += 5e-4
        return cpu

    work = LinkWork(loop, clock)  # type: ignore[arg-type]
    layer = LinkTransport(Ear(), Link.server(), work)
    layer._loop = loop  # type: ignore[assignment]
    loop.call_at = lambda due, callback: None  # type: ignore[attr-defined]
    client = Link.client("rs:255,223", "uncoded", identity=9 << 32 | 1000)
    layer.begin(line, client.data_to_send(0.0))
    client.receive(bytes(line.written), 0.0)
    line.written.clear()
    layer.write(bytes(150_000))
    sizes = []
    for _ in range(100):
        loop.turn()
        sizes.append(len(line.written))
        client.receive(bytes(line.written), 0.0)
        line.written.clear()

    assert client.received(0.0) == bytes(150_000)
    assert max(sizes) < 3 * 8500


async def test_the_end_of_a_link_waits_for_no_turn() -> None:
    loop, line = Loop(), Line()
    work = LinkWork(loop, lambda: loop.cpu)  # type: ignore[arg-type]
    layer = LinkTransport(Ear(), Link.server(), work)
    layer._loop = loop  # type: ignore[assignment]
    loop.call_at = lambda due, callback: None  # type: ignore[attr-defined]
    client = Link.client("rs:255,223", identity=9 << 32 | 1000)
    layer.begin(line, client.data_to_send(0.0))
    work._sending.spent(1.0)
    layer.give_up()
    client.receive(bytes(line.written), 0.0)

    assert "too much CPU time" in client.closed
