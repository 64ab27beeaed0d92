"""CPU time of handshakes: in order, in slices, and little for those that fail. With a simulated clock."""

from __future__ import annotations

import asyncio

import pytest

from netchat.net.link.fair_allowance import WASTE_BURST, WASTE_RATE
from netchat.net.tls.handshake_queue import SLICE, HandshakeQueue


class Work:
    """A handshake of one step that takes some CPU time."""

    def __init__(self, world: World, share: str, seconds: float, *, valid: bool = True) -> None:
        self.world, self.share, self.seconds, self.valid = world, share, seconds, valid

    def step(self) -> bool:
        self.world.cpu += self.seconds
        self.world.done.append(self)
        self.world.turns[-1] += self.seconds
        self.world.queue.forget(self, has_failed=not self.valid)
        return self.valid


class World:
    """An event loop whose turns are counted, and a CPU clock."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.cpu = 0.0
        self.turns = [0.0]
        self.done: list[Work] = []
        self.queue = HandshakeQueue(self.loop, lambda: self.cpu)

    async def turn(self) -> None:
        self.turns.append(0.0)
        await asyncio.sleep(0)


async def test_a_turn_of_the_loop_has_room_for_few_handshakes() -> None:
    world = World()
    all_of_them = [Work(world, f"10.0.0.{n}", SLICE / 2) for n in range(10)]
    for one in all_of_them:
        world.queue.run(one)
    assert len(world.done) == 2
    while len(world.done) < 10:
        await world.turn()
    assert world.done == all_of_them  # in order of arrival
    assert max(world.turns) <= SLICE + 1e-9


async def test_failed_handshakes_are_paid_from_an_allowance() -> None:
    world = World()
    attack = [Work(world, "10.0.0.1", 0.0005, valid=False) for _ in range(1000)]
    for one in attack:
        world.queue.run(one)
    for _ in range(300):
        await world.turn()
    spent = world.cpu
    assert spent <= WASTE_BURST + 0.1  # nearly all of them still wait
    honest = Work(world, "10.0.0.2", 0.0005)
    world.queue.run(honest)
    while honest not in world.done:
        await world.turn()
    begun, before = world.loop.time(), world.cpu
    await asyncio.sleep(0.2)
    assert world.cpu - before <= (world.loop.time() - begun) * WASTE_RATE + 0.005


async def test_a_handshake_that_is_over_is_forgotten() -> None:
    world = World()
    first, second = Work(world, "a", 2 * SLICE), Work(world, "b", SLICE)
    world.queue.run(first)
    world.queue.run(second)
    world.queue.forget(second, has_failed=False)
    for _ in range(5):
        await world.turn()
    assert world.done == [first]


async def test_an_error_in_one_handshake_does_not_strand_the_others() -> None:
    world = World()

    class Broken(Work):
        def step(self) -> bool:
            raise RuntimeError("broken")

    errors = []
    world.loop.set_exception_handler(lambda _, context: errors.append(context["exception"]))
    world.queue.run(Work(world, "a", 2 * SLICE))
    last = Work(world, "c", 0.0)
    world.queue.run(Broken(world, "b", 0.0))
    world.queue.run(last)
    for _ in range(5):
        await world.turn()
    assert last in world.done
    assert [str(error) for error in errors] == ["broken"]


@pytest.mark.parametrize("valid", [True, False])
async def test_several_steps_count_together(valid) -> None:
    world = World()

    class Two(Work):
        steps = 0

        def step(self) -> bool:
            world.cpu += self.seconds
            self.steps += 1
            return True

    one = Two(world, "a", 0.06)
    world.queue.run(one)
    await world.turn()
    world.queue.run(one)
    assert one.steps == 2
    world.queue.forget(one, has_failed=not valid)
    world.queue.run(again := Work(world, "a", 0.0))
    for _ in range(4):
        await world.turn()
    assert (again in world.done) is valid  # the group has used up its allowance
