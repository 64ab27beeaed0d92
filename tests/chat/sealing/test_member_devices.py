"""Devices that the server lists after a member has left: which may be the former member's."""

from __future__ import annotations

import json
import random
import shutil
import subprocess

import pytest

from netchat.chat.sealing.member_devices import MemberDevices
from netchat.web.site import PAGE

NODE = shutil.which("node")

A, B, C, D = (bytes([n]) * 64 for n in range(1, 5))


def reviewed(**members: bytes) -> MemberDevices:
    known = MemberDevices()
    assert known.review(members) == [], "the first list is that of the room's link"
    return known


def test_the_device_of_a_user_who_joined_before_the_departure_is_not_new():
    known = reviewed(Ann=A, Bob=B)
    known.joined("Cyd", 5)
    known.left("Bob", 6)
    assert known.review({"Ann": A, "Cyd": C}) == []


@pytest.mark.parametrize("joins", [False, True])
def test_a_device_that_comes_between_a_departure_and_the_new_secret_is_late(joins):
    known = reviewed(Ann=A, Bob=B)
    known.left("Bob", 6)
    if joins:
        known.joined("Eve", 7)
    assert known.review({"Ann": A, "Eve": C}) == [("Eve", False)]
    assert known.review({"Ann": A, "Eve": C}) == [], "once"
    known.rekeyed(8)
    assert known.review({"Ann": A, "Eve": D}) == [("Eve", True)]


def test_a_member_who_lists_only_after_the_new_secret_notices_it_too():
    known = reviewed(Ann=A, Bob=B)
    known.left("Bob", 6)
    known.joined("Eve", 7)
    known.rekeyed(8)
    known.joined("Dan", 9)
    assert known.review({"Ann": A, "Eve": C, "Dan": D}) == [("Eve", False)]


def test_another_device_under_a_listed_name_is_noticed_unless_the_user_left():
    known = reviewed(Ann=A, Bob=B)
    assert known.review({"Ann": C, "Bob": B}) == [("Ann", True)]
    known.renamed("Ann", "Anna")
    known.renamed("Zoe", "Else")
    assert known.review({"anna": C}) == []
    known.left("Anna", 6)
    known.rekeyed(7)
    known.joined("Anna", 8)
    known.renamed("Anna", "Ann")
    assert known.review({"Ann": D, "Bob": B}) == []


def test_the_state_is_stored():
    known = reviewed(Ann=A, Bob=B)
    known.left("Bob", 6)
    known.joined("Eve", 7)
    again = MemberDevices.load(json.loads(json.dumps(known.dump())))
    assert again.dump() == known.dump()
    assert again.review({"Eve": C}) == [("Eve", False)]
    assert MemberDevices.load(None).dump() == MemberDevices().dump()


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
    const {{ MemberDevices }} = await import({json.dumps((PAGE / "member_devices.js").as_uri())});
    const big = (value) => (typeof value === "number" ? BigInt(value) : value);
    console.log(JSON.stringify({json.dumps(scripts)}.map((calls) => {{
      let known = new MemberDevices();
      return calls.map(([name, ...given]) => {{
        if (name === "review") given = [Object.entries(given[0])];
        const found = known[name](...given.map(big)) ?? null;
        known = new MemberDevices(structuredClone(known.dump()));
        return found;
      }});
    }})));
    """
    done = subprocess.run(
        [str(NODE), "--input-type=module", "-"],
        input=program, check=True, capture_output=True, text=True,
    )  # fmt: skip
    for calls, found in zip(scripts, json.loads(done.stdout), strict=True):
        known = MemberDevices()
        for (name, *given), theirs in zip(calls, found, strict=True):
            if name == "review":
                given = [{user: bytes.fromhex(keys) for user, keys in given[0].items()}]
            ours = getattr(known, name)(*given)
            assert (ours if ours is None else [list(pair) for pair in ours]) == theirs
