"""Whether a server can continue at its checkpoint."""

from __future__ import annotations

import pytest

from netchat.errors import ClusterError
from netchat.net.cluster.checkpoint import Checkpoint, Place, locate
from netchat.net.cluster.entry_filter import LiveServer

AT = Checkpoint("id", "5-1", "digest", 7, (LiveServer("east", 7, 12, "h:1"),))


def test_a_checkpoint_survives_encoding() -> None:
    assert Checkpoint.decode(AT.encode()) == AT
    assert Checkpoint.decode(Checkpoint.start().encode()) == Checkpoint.start()


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"[]", b"\xff", b'["a","5-1","",0,[[1]]]', b'["a","5","",0,[]]', b"[1,2,3,4,5]"],
)
def test_damaged_checkpoints(data: bytes) -> None:
    with pytest.raises(ClusterError, match="checkpoint of the cluster's stream is damaged"):
        Checkpoint.decode(data)


@pytest.mark.parametrize(
    ("checkpoint", "cluster", "found", "first", "snapshot", "place"),
    [
        (AT, "id", "digest", "1-0", None, Place.PRESENT),
        (AT, "id", "other", "1-0", None, Place.LOST),
        (AT, "other", "digest", "1-0", None, Place.LOST),
        (AT, "id", None, "1-0", None, Place.LOST),
        (AT, "id", None, None, None, Place.LOST),
        (AT, "id", None, None, "9-0", Place.LOST),
        (AT, "id", None, "6-0", None, Place.LOST),
        (AT, "id", None, "6-0", "5-0", Place.LOST),
        (AT, "id", None, "6-0", "6-0", Place.TRIMMED),
        (AT, "id", None, "10-0", "10-0", Place.TRIMMED),
        (Checkpoint.start(), "id", None, None, None, Place.PRESENT),
        (Checkpoint.start(), "id", None, "1-0", None, Place.PRESENT),
        (Checkpoint.start(), "id", None, "1-0", "9-0", Place.TRIMMED),
    ],
)
def test_places(checkpoint, cluster, found, first, snapshot, place) -> None:
    assert locate(checkpoint, cluster, found, first, snapshot) is place
