"""Delivery to connections that lag."""

from __future__ import annotations

from netchat.wire import Event, Join, Send


def test_lagging_connections_are_served_until_the_caller_has_enough(world, nova, sourav):
    world.stall(nova)
    world.stall(sourav)
    maya, _ = world.greet("Maya")
    world.say(maya, Join(1, 0, 0, "lobby"), Send(1, "lobby", "hello"))
    nova.take(), sourav.take()
    world.drain(nova)
    world.drain(sourav)

    def serve(enough):
        more = world.hub.catch_up(enough)
        world._carry_out()
        found = [[e.text for e in link.take() if isinstance(e, Event)] for link in (nova, sourav)]
        return more, found

    assert serve(lambda: True) == (True, [["", "hello"], []])
    assert serve(lambda: False) == (False, [[], ["", "hello"]])
