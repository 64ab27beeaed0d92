"""Devices that the server lists after a member has left: which may be the former member's."""

from __future__ import annotations

import json
import random
import shutil
import subprocess

import pytest

from netchat.chat.sealing.roster import Roster
from netchat.web.site import PAGE

NODE = shutil.which("node")

A, B, C, D = (bytes([n]) * 64 for n in range(1, 5))


def reviewed(**members: bytes) -> Roster:
    roster = Roster()
    assert roster.review(members) == [], "the first list is that of the room's link"
    return roster


def test_the_device_of_a_user_who_joined_before_the_departure_is_not_new():
    roster = reviewed(Ann=A, Bob=B)
    roster.joined("Cyd", 5)
    roster.left("Bob", 6)
    assert roster.review({"Ann": A, "Cyd": C}) == []


@pytest.mark.parametrize("joins", [False, True])
def test_a_device_that_comes_between_a_departure_and_the_new_secret_is_late(joins):
    roster = reviewed(Ann=A, Bob=B)
    roster.left("Bob", 6)
    if joins:
        roster.joined("Eve", 7)
    assert roster.review({"Ann": A, "Eve": C}) == [("Eve", False)]
    assert roster.review({"Ann": A, "Eve": C}) == [], "once"
    roster.rekeyed(8)
    assert roster.review({"Ann": A, "Eve": D}) == [("Eve", True)]


def test_a_member_who_lists_only_after_the_new_secret_notices_it_too():
    roster = reviewed(Ann=A, Bob=B)
    roster.left("Bob", 6)
    roster.joined("Eve", 7)
    roster.rekeyed(8)
    roster.joined("Dan", 9)
    assert roster.review({"Ann": A, "Eve": C, "Dan": D}) == [("Eve", False)]


def test_another_device_under_a_listed_name_is_noticed_unless_the_user_left():
    roster = reviewed(Ann=A, Bob=B)
    assert roster.review({"Ann": C, "Bob": B}) == [("Ann", True)]
    roster.renamed("Ann", "Anna")
    roster.renamed("Zoe", "Else")
    assert roster.review({"anna": C}) == []
    roster.left("Anna", 6)
    roster.rekeyed(7)
    roster.joined("Anna", 8)
    roster.renamed("Anna", "Ann")
    assert roster.review({"Ann": D, "Bob": B}) == []


def test_the_state_is_stored():
    roster = reviewed(Ann=A, Bob=B)
    roster.left("Bob", 6)
    roster.joined("Eve", 7)
    again = Roster.load(json.loads(json.dumps(roster.dump())))
    assert again.dump() == roster.dump()
    assert again.review({"Eve": C}) == [("Eve", False)]
    assert Roster.load(None).dump() == Roster().dump()


def script(seed: int) -> list[list]:
    """Return random calls: names of methods with their arguments."""
    choose, calls = random.Random(seed), []
    names = ["Ann", "Bob", "Cyd", "constructor"]
    for seq in range(1, 30):
        match choose.randrange(6):
            case 0:
                calls.append(["joined", choose.choice(names), seq])
            case 1:
                calls.append(["left", choose.choice(names), seq])
            case 2:
                calls.append(["renamed", choose.choice(names), choose.choice(names)])
            case 3:
                calls.append(["rekeyed", seq])
            case _:
                listed = choose.sample(names, choose.randrange(4))
                calls.append(["review", {name: choose.choice((A, B)).hex() for name in listed}])
    return calls


@pytest.mark.skipif(NODE is None, reason="node is not installed: apt-get install nodejs")
def test_the_page_comes_to_the_same_results():
    scripts = [script(seed) for seed in range(200)]
    program = f"""
    const {{ Roster }} = await import({json.dumps((PAGE / "roster.js").as_uri())});
    const big = (value) => (typeof value === "number" ? BigInt(value) : value);
    console.log(JSON.stringify({json.dumps(scripts)}.map((calls) => {{
      let roster = new Roster();
      return calls.map(([name, ...given]) => {{
        if (name === "review") given = [Object.entries(given[0])];
        const found = roster[name](...given.map(big)) ?? null;
        roster = new Roster(structuredClone(roster.dump()));
        return found;
      }});
    }})));
    """
    done = subprocess.run(
        [str(NODE), "--input-type=module", "-"],
        input=program, check=True, capture_output=True, text=True,
    )  # fmt: skip
    for calls, found in zip(scripts, json.loads(done.stdout), strict=True):
        roster = Roster()
        for (name, *given), theirs in zip(calls, found, strict=True):
            if name == "review":
                given = [{user: bytes.fromhex(keys) for user, keys in given[0].items()}]
            ours = getattr(roster, name)(*given)
            assert (ours if ours is None else [list(pair) for pair in ours]) == theirs
