"""The limit on log entries."""

from __future__ import annotations

import random
import re
from collections import Counter

from netchat.chat.effects import Log
from netchat.chat.log_limit import BURST, LINES, TOTAL, LogLimit
from netchat.chat.server_log import ServerLog, log_line
from netchat.wire import FrameReader, Join, Leave, Rename, encode
from tests.chat.world import World


def refused(n: int, host: str = "10.0.0.7") -> Log:
    text = f"There is no room with the code {n}"
    fields = {"name": "Nova", "address": f"{host}:{1000 + n}", "code": "NO_SUCH_ROOM", "text": text}
    return Log("refused", fields)


def omitted(text: str) -> int:
    """Return the number of omitted entries that a summary states."""
    return sum(int(number.replace(",", "")) for number in re.findall(r"([\d,]+) more time", text))


def busiest(lines: list[tuple[float, Log]], source: str | None = None) -> int:
    """The most lines in any second, of one address or of all."""
    times = [at for at, note in lines if source is None or source in str(note.fields)]
    return max(sum(at <= other < at + 0.999 for other in times) for at in times)


def test_repeated_entries_are_counted_instead() -> None:
    limit = LogLimit()
    written = [n for i in range(500) for n in limit.admit(refused(7), i / 1000)]
    assert written == [refused(7)]

    (summary,) = limit.expire(1.0)
    assert log_line(summary) == "refused 499 more times  10.0.0.7"
    assert limit.expire(2.0) == []
    assert limit.admit(refused(7), 2.1) == [refused(7)]


def test_lines_per_second_of_one_address_are_limited() -> None:
    limit, lines = LogLimit(), list[tuple[float, Log]]()
    for i in range(20_000):
        now = i / 2000
        lines += [(now, note) for note in limit.admit(refused(i), now)]

    assert LINES - 1 <= busiest(lines) <= 2 * LINES  # of a second of the limit, and of the next
    assert len(lines) <= 10 * LINES
    counted = sum(n.event == "refused" for _, n in lines)
    said = [n.fields["text"] for _, n in lines if n.event == "repeated"]
    said += [n.fields["text"] for n in limit.expire(99.0)]
    assert counted + sum(omitted(str(text)) for text in said) == 20_000


def test_all_ipv6_addresses_of_one_customer_share_a_limit() -> None:
    limit = LogLimit()
    lines = [n for i in range(500) for n in limit.admit(refused(i, f"[2001:db8::{i:x}]"), 0.5)]
    assert len(lines) == LINES - 1
    (summary,) = limit.expire(2.0)
    assert log_line(summary) == f"refused {501 - LINES} more times  2001:db8::/64"
    other = refused(1, "[2001:db8:0:1::1]")
    assert limit.admit(other, 2.0) == [other]


def test_a_quiet_address_is_logged_beside_a_noisy_one() -> None:
    limit = LogLimit()
    for i in range(1000):
        limit.admit(refused(i), i / 2000)

    quiet = refused(1, "10.0.0.8")
    assert limit.admit(quiet, 0.6) == [quiet]
    assert limit.admit(Log("storage", {"text": "disk full"}), 0.6)


def test_the_total_of_many_addresses_is_limited() -> None:
    limit, rng, lines = LogLimit(), random.Random(1), list[tuple[float, Log]]()
    for i in range(50_000):
        now = i / 10_000
        lines += [(now, n) for n in limit.admit(refused(i, f"10.0.{rng.randrange(99)}.1"), now)]
    assert len(lines) <= BURST + 5 * (TOTAL + 6)
    summaries = Counter(n.fields.get("sources", 1) for _, n in lines if n.event == "repeated")
    assert max(summaries) > 50
    assert len(limit._sources) <= 99


def test_entries_without_an_address_count_for_the_request_that_caused_them() -> None:
    world = World()
    nova, _ = world.greet("Nova")
    notes: list[Log] = []
    world.hub.take_effects()
    host = nova.address.rpartition(":")[0]
    for message in (Join(1, 0, 0, "lobby"), Rename(2, "Stella"), Leave(3, "lobby")):
        world.hub.receive(nova, FrameReader().feed(encode(message)), world.now)
        notes += [n for n in world.hub.take_effects() if isinstance(n, Log)]

    assert [n.event for n in notes] == ["room joined", "renamed", "room left"]
    assert {n.source.rpartition(":")[0] for n in notes} == {host}
    assert world.hub.state.source == ""


def test_dropped_entries_are_not_in_the_dashboards_feed() -> None:
    heard: list[Log] = []
    notes = ServerLog(heard.append, LogLimit())
    for _ in range(1000):
        notes(Log("too fast", {"name": "Nova", "address": "10.0.0.7:1"}))
    notes.flush(at_once=True)

    assert notes.warnings == 1000
    assert [noted.note for noted in notes.latest] == heard
    assert notes.count == len(heard) <= 4
    counted = sum(omitted(str(n.fields["text"])) for n in heard if n.event == "repeated")
    assert counted + sum(n.event == "too fast" for n in heard) == 1000
