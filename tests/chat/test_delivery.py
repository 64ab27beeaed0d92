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


def test_each_event_that_reaches_a_member_counts_as_a_delivery(world, nova, sourav):
    maya, _ = world.greet("Maya")
    links = (nova, sourav, maya)

    def reached() -> int:
        return sum(len(link.events()) for link in links)

    state, feed = world.hub.state, world.feed("lobby")
    before = state.deliveries - reached()
    world.say(maya, Join(1, 0, 0, "lobby"))
    world.stall(sourav)
    world.say(maya, Send(1, "lobby", "hello"), Send(2, "lobby", "again"))
    world.drain(sourav)
    assert state.deliveries - reached() == before
    assert reached() >= 2 * 3

    world.stall(sourav)
    world.say(maya, Send(3, "lobby", "damaged"))
    feed.tail.clear()
    state.read_events = lambda *_: ([], 0)
    world.drain(sourav)
    assert state.deliveries - reached() == before
    assert "damaged" not in [event.text for event in sourav.events()]
