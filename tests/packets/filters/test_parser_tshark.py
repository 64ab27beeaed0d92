"""The same filters in netchat, in tshark's display filters and in plain Python, on all captures."""

from __future__ import annotations

import os
import random
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from netchat.packets import Damage, DecodedMessage, read
from netchat.packets.filters import parse
from netchat.packets.wireshark.dissector import DISSECTOR
from tests.packets.filters.predicates import Chooser, flat, holds, written
from tests.packets.fragmented import write_fragments
from tests.packets.sharks import TSHARK, needs_tshark

CAPTURES = sorted((Path(__file__).parents[3] / "captures").glob("*.pcapng"))
LISTENERS = Path(__file__).with_name("listeners.lua")

#: Random filters for each capture.
FILTERS = 300


def by_tshark(capture: Path, filters: list[str], folder: Path) -> list[set[int] | None]:
    """Return the packets that match each filter, or None for a filter that tshark refuses."""
    source, target = folder / "filters", folder / "matches"
    source.write_text("\n".join(filters), encoding="utf-8")
    subprocess.run(
        [TSHARK or "tshark", "-n", "-q", "-X", f"lua_script:{DISSECTOR}",
         "-X", f"lua_script:{LISTENERS}", "-r", str(capture)],
        env={**os.environ, "FILTERS_IN": str(source), "FILTERS_OUT": str(target)},
        capture_output=True, check=True, timeout=300,
    )  # fmt: skip
    found: list[set[int] | None] = [set() for _ in filters]
    for line in target.read_text("utf-8").splitlines():
        index, packet = line.split()
        matches = found[int(index)]
        if packet == "refused":
            found[int(index)] = None
        elif matches is not None:
            matches.add(int(packet))
    return found


@needs_tshark
@pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: path.stem)
def test_filters(capture: Path, tmp_path: Path) -> None:
    check_filters(capture, tmp_path)


@needs_tshark
def test_filters_of_reassembled_packets(tmp_path: Path) -> None:
    capture = tmp_path / "room-of-three.pcapng"
    write_fragments(CAPTURES[0].with_name(capture.name), capture)
    check_filters(capture, tmp_path)


def check_filters(capture: Path, tmp_path: Path) -> None:
    """Check random filters on a capture in all three ways."""
    # By packet, because Wireshark filters packets: those that complete exactly one message.
    packets: dict[int, list[Any]] = defaultdict(list)
    for item in read(capture).items():
        if isinstance(item, DecodedMessage | Damage) and item.conversation.link is None:
            packets[item.packets[-1]].append(item)
    packets = {
        number: found for number, found in packets.items()
        if len(found) == 1 and isinstance(found[0], DecodedMessage)
    }  # fmt: skip
    messages = {number: found[0] for number, found in packets.items()}
    if not messages:
        assert "link" in capture.stem or "tls-without-keys" in capture.stem
        return
    fields = {number: flat(message) for number, message in messages.items()}
    chooser = Chooser(list(fields.values()), random.Random(capture.stem))
    trees = [chooser.tree() for _ in range(FILTERS)]
    filters = [written(tree) for tree in trees]
    there, *theirs = by_tshark(capture, ["netchat.type", *filters], tmp_path)
    assert there is not None
    # Of segments out of order, tshark dissects a message with another packet.
    assert len(messages.keys() - there) == (capture.stem == "reordered")
    messages = {number: message for number, message in messages.items() if number in there}
    some = 0
    for tree, text, matches in zip(trees, filters, theirs, strict=True):
        assert matches is not None, f"tshark refuses {text}"
        test = parse(text)
        ours = {number for number, message in messages.items() if test(message)}
        python = {number for number in messages if holds(tree, fields[number])}
        assert (ours, python) == (python, matches & messages.keys()), text
        some += 0 < len(ours) < len(messages)
    assert some > FILTERS / 5  # not only filters that select all or nothing


@needs_tshark
def test_both_refuse_the_same_mistakes(tmp_path: Path) -> None:
    from netchat.errors import FilterError

    wrong = [
        "netchat.rooom == 1", "netchat.seq == x", "netchat.seq contains", "netchat.seq == ",
        "(netchat.seq == 1", "netchat.seq == 1)", 'netchat.text == "', "netchat.seq in {}",
        "netchat.seq == 1 netchat.seq == 2", "not", "and netchat.seq == 1", "ip.addr == ::1",
        "netchat.type == NONSENSE", 'netchat.text matches "("', "netchat.send == 1",
        "netchat.kind == 1", "netchat.seq contains 5",
    ]  # fmt: skip
    assert by_tshark(CAPTURES[0], wrong, tmp_path) == [None] * len(wrong)
    for text in wrong:
        with pytest.raises(FilterError):
            parse(text)
