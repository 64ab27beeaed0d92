"""The rules that decide which entries count: the same on every server, for any batching."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchat.net.cluster.checkpoint import Checkpoint
from netchat.net.cluster.entries import (
    BatchRecord,
    ExpiredRecord,
    ForeignEntry,
    JoinedRecord,
    pack_commands,
)
from netchat.net.cluster.entry_filter import CommandBatch, EntryFilter, ServerExpired, ServerJoined
from netchat.net.cluster.log_state import LogState

COMMANDS = pack_commands([b"one", b""])


def batch(epoch: int, number: int) -> BatchRecord:
    return BatchRecord(epoch, number, COMMANDS)


def joined(epoch: int, server: str = "east", first: int = 1) -> JoinedRecord:
    return JoinedRecord(epoch, server, first, "")


def counted(*records):
    """Return, for each record, the kinds of entries that it results in."""
    rules = EntryFilter()
    letters = {CommandBatch: "B", ServerJoined: "J", ServerExpired: "E"}
    return ["".join(letters[type(e)] for e in rules.apply("1-0", r)) for r in records]


def test_batches_count_once_in_order_and_without_gaps() -> None:
    records = [joined(1), batch(1, 1), batch(1, 1), batch(1, 3), batch(1, 2), batch(1, 3)]
    assert counted(*records) == ["J", "B", "", "", "B", "B"]


def test_a_batch_after_the_end_of_its_epoch_does_not_count() -> None:
    expired = ExpiredRecord(1, "lease")
    records = [joined(1), batch(1, 1), expired, batch(1, 2), expired, joined(1), batch(1, 2)]
    assert counted(*records) == ["J", "B", "E", "", "", "", ""]


def test_a_batch_before_its_join_does_not_count() -> None:
    assert counted(batch(1, 1), joined(1), batch(1, 1)) == ["", "J", "B"]


def test_a_join_that_is_overtaken_by_a_higher_epoch_does_not_count() -> None:
    records = [joined(2, "west"), joined(1), batch(1, 1), joined(3, first=1), batch(3, 1)]
    assert counted(*records) == ["J", "", "", "J", "B"]


def test_a_second_join_of_a_server_ends_its_first_epoch() -> None:
    rules = EntryFilter()
    rules.apply("1-0", joined(1))
    assert rules.apply("2-0", joined(2, first=5)) == [
        ServerExpired("2-0", "east", 1, "superseded"),
        ServerJoined("2-0", "east", 2, ""),
    ]
    assert rules.apply("3-0", batch(1, 1)) == []
    assert rules.apply("4-0", batch(2, 5)) == [CommandBatch("4-0", "east", 2, 5, (b"one", b""))]
    assert len(rules.live) == 1


@pytest.mark.parametrize("packed", [b"\0", COMMANDS[:-1], b"\xff\xff\xff\xff"])
def test_a_damaged_batch_leaves_its_number_to_the_intact_one(packed: bytes) -> None:
    rules = EntryFilter()
    rules.apply("1-0", joined(1))
    with pytest.raises(ForeignEntry):
        rules.apply("2-0", BatchRecord(1, 1, packed))
    assert len(rules.apply("3-0", batch(1, 1))) == 1


EPOCHS = st.integers(1, 5)
RECORDS = st.one_of(
    st.builds(batch, EPOCHS, st.integers(1, 4)),
    st.builds(joined, EPOCHS, st.sampled_from(["east", "west"]), st.integers(1, 2)),
    st.builds(ExpiredRecord, EPOCHS, st.sampled_from(["lease", "left"])),
)
FIELDS = st.one_of(
    RECORDS.map(lambda record: record.fields()),
    st.lists(st.binary(max_size=8), max_size=10),
    RECORDS.flatmap(lambda record: st.permutations(record.fields())).filter(
        lambda fields: fields[0] != b"v" or fields[1] == b"1"  # not of a newer version
    ),
)


@given(st.lists(FIELDS, max_size=40), st.data())
def test_the_result_does_not_depend_on_batching_or_restarts(stream, data) -> None:
    entries = [(f"{number + 1}-0", fields) for number, fields in enumerate(stream)]
    whole = LogState("north", "", Checkpoint.start(), 100)
    expected = whole.receive(entries)
    state, found, foreign = LogState("north", "", Checkpoint.start(), 100), [], []
    while entries:
        size = data.draw(st.integers(1, len(entries)))
        received = state.receive(entries[:size])
        found += received.entries
        foreign += received.foreign
        entries = entries[size:]
        if data.draw(st.booleans()):
            saved = Checkpoint.decode(state.checkpoint.encode())
            state = LogState("north", "", saved, 100)
    assert (found, foreign) == (expected.entries, expected.foreign)
    assert state.checkpoint == whole.checkpoint
