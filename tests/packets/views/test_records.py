"""Items as plain data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from netchat.packets import Item, read
from netchat.packets.views.records import as_dict

CAPTURES = Path(__file__).parents[3] / "captures"


def test_json(items: list[Item]) -> None:
    rows = [as_dict(item) for item in items]
    assert json.loads(json.dumps(rows)) == rows
    kinds = {row["item"] for row in rows}
    assert kinds == {"decoded", "damage", "gap", "notice"}
    event = next(row for row in rows if row.get("type") == "EVENT")
    assert event["fields"]["kind_name"] == "CHAT"
    assert event["from"] == "10.0.0.2:6464"
    assert bytes.fromhex(event["raw"])[:2] == b"NC"
    welcome = next(row for row in rows if row.get("type") == "WELCOME")
    assert welcome["fields"]["rooms"][1]["peer"] == "Bo"


def test_json_of_a_trace(traced: list[Item]) -> None:
    row = next(row for row in map(as_dict, traced) if row["item"] == "trace")
    assert (row["flags"], row["packet"], row["size"]) == ("SYN", 1, 0)


@pytest.mark.parametrize("path", sorted(CAPTURES.glob("*.pcapng")), ids=lambda path: path.stem)
def test_every_capture_is_json(path: Path) -> None:
    """Records in messages, such as the wraps of a REKEY, hold bytes too."""
    rows = [as_dict(item) for item in read(path)]
    assert json.loads(json.dumps(rows)) == rows
