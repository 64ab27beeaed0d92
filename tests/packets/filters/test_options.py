"""Filters made from separate options."""

from __future__ import annotations

from netchat import wire
from netchat.packets.filters import in_room


def test_in_room() -> None:
    assert in_room(wire.Send(1, "lobby", ""), {"lobby"})
    assert not in_room(wire.Send(1, "lobby", ""), {"other"})
    assert not in_room(wire.Ping(1), {"lobby"})
    joined = wire.Joined(1, 1, (wire.Membership("abc", 2, "", 1, 1, 1),))
    assert in_room(joined, {"abc"})
