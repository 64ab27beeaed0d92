"""Random filters over captured values, and an evaluator that shares no code with the filter language.

A filter is a tree: `("or" | "and", parts)`, `("not", part)`, or `(name, operator, value)` with the operator
`has` for a field alone. `flat` makes the fields of an item from its plain data; `holds` evaluates a
tree on them with Wireshark's rules.
"""

from __future__ import annotations

import operator
import random
import re
from collections import defaultdict
from typing import Any

from netchat.packets import DecodedMessage, Item
from netchat.packets.views.records import as_dict
from netchat.packets.wireshark.dissector import common_fields
from netchat.wire import fields_of
from netchat.wire.fields import BLOB

ORDER = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


def flat(item: Item) -> dict[str, list[Any]]:
    """Return the values of an item by the dissector's names."""
    found: dict[str, list[Any]] = defaultdict(list)
    row = as_dict(item)
    found["frame.time_relative"].append((item.time - item.conversation.origin) / 1e9)
    if ":" not in item.conversation.client[0]:
        ends = [row["from"].rpartition(":"), row["to"].rpartition(":")]
        found["ip.src"], found["ip.dst"] = [ends[0][0]], [ends[1][0]]
        found["ip.addr"] = found["ip.src"] + found["ip.dst"]
        if row["transport"] == "TCP":
            found["tcp.port"] = [int(port) for _, _, port in ends]
            found["tcp.srcport"], found["tcp.dstport"] = [int(ends[0][2])], [int(ends[1][2])]
    if isinstance(item, DecodedMessage):
        found["netchat.type"].append(item.raw[3])
        found["netchat.length"].append(len(item.raw) - 16)
        found["netchat.crc_good"].append(1)
        name = f"netchat.{item.type.lower()}"
        found[name].append(True)
        _flatten(found, name, item.message, common_fields())
    return dict(found)


def _flatten(found: dict[str, list[Any]], prefix: str, holder: Any, common: dict[str, Any]) -> None:
    for field in fields_of(type(holder)):
        value = getattr(holder, field.name)
        name = f"{prefix}.{field.name}"
        if isinstance(value, tuple):
            found[name].append(len(value))
            for entry in value:
                _flatten(found, name, entry, common)
        elif field.kind is not BLOB or value:
            found[name].append(value)
            if field.name in common:
                found[f"netchat.{field.name}"].append(value)


def holds(tree: Any, fields: dict[str, list[Any]]) -> bool:
    """Evaluate a tree."""
    match tree:
        case ("or", parts):
            return any(holds(part, fields) for part in parts)
        case ("and", parts):
            return all(holds(part, fields) for part in parts)
        case ("not", part):
            return not holds(part, fields)
        case (name, "has", _):
            return name in fields
        case (name, "==", wanted):
            return wanted in fields.get(name, [])
        case (name, "!=", wanted):
            return bool(fields.get(name)) and wanted not in fields[name]
        case (name, "in", wanted):
            return bool(set(fields.get(name, [])) & set(wanted))
        case (name, "contains", wanted):
            return any(wanted in each for each in fields.get(name, []))
        case (name, "matches", wanted):
            return any(re.search(wanted, each, re.IGNORECASE) for each in fields.get(name, []))
        case (name, symbol, wanted):
            return any(ORDER[symbol](each, wanted) for each in fields.get(name, []))
    raise AssertionError(tree)


def written(tree: Any, rng: random.Random | None = None) -> str:
    """Write a tree as a filter; with `rng`, in one of its spellings."""

    def choose(*spellings: str) -> str:
        return rng.choice(spellings) if rng is not None else spellings[0]

    match tree:
        case ("or", parts):
            return "(" + choose(" or ", " || ", "||").join(written(p, rng) for p in parts) + ")"
        case ("and", parts):
            return "(" + choose(" and ", " && ", "&&").join(written(p, rng) for p in parts) + ")"
        case ("not", part):
            return choose("not ", "!") + f"({written(part, rng)})"
        case (name, "has", _):
            return name
        case (name, "in", wanted):
            return f"{name} in {{{', '.join(map(literal, wanted))}}}"
        case (name, symbol, wanted):
            words = {"==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}
            spelt = choose(symbol, words.get(symbol, symbol))
            gap = choose(" ", "  ") if spelt.isalpha() else choose(" ", "")
            return f"{name}{gap}{spelt}{gap}{literal(wanted)}"
    raise AssertionError(tree)


def literal(value: Any) -> str:
    if isinstance(value, bytes):
        return value.hex(":")
    if (
        isinstance(value, str)
        and re.fullmatch(r"[0-9.]+(/[0-9]+)?", value)
        and value.count(".") == 3
    ):
        return value
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{value:.7f}" if isinstance(value, float) else repr(value)


class Chooser:
    """Maker of random filters whose values mostly occur in a corpus.

    Args:
        corpus: Fields of items, from `flat`.
        rng: Source of randomness.
    """

    def __init__(self, corpus: list[dict[str, list[Any]]], rng: random.Random) -> None:
        values: dict[str, set[Any]] = defaultdict(set)
        for fields in corpus:
            for name, found in fields.items():
                values[name].update(found)
        self._values = {name: sorted(found) for name, found in sorted(values.items())}
        self._rng = rng

    def test(self) -> Any:
        """Return one test of a field."""
        rng = self._rng
        name = rng.choice(list(self._values))
        known = self._values[name]
        value = rng.choice(known)
        if value is True or rng.random() < 0.1:
            return name, "has", None
        if name.startswith("ip."):
            return name, rng.choice(["==", "!="]), value
        if isinstance(value, bytes):
            if rng.random() < 0.5:
                at = rng.randrange(max(1, len(value) - 3))
                return name, "contains", value[at : at + 3]
            return name, rng.choice(["==", "!="]), value
        if rng.random() < 0.2 and not isinstance(value, float):
            return name, "in", [rng.choice(known) for _ in range(3)]
        if isinstance(value, str):
            if rng.random() < 0.3 and value:
                at = rng.randrange(len(value))
                return name, "contains", value[at : at + 3]
            if rng.random() < 0.2 and value:
                return name, "matches", re.escape(value[:3].swapcase())
            return name, rng.choice(["==", "!=", "<", "<=", ">", ">="]), value
        if isinstance(value, float):
            # Not equal to any time, because Wireshark rounds otherwise.
            return name, rng.choice(["<", ">"]), round(value, 6) + 5e-7
        if name != "netchat.crc_good":  # 2 is no truth value
            value += rng.choice([0, 0, 0, 1])
        return name, rng.choice(["==", "!=", "<", "<=", ">", ">="]), value

    def tree(self, depth: int = 3) -> Any:
        """Return a random tree of tests."""
        rng = self._rng
        if depth == 0 or rng.random() < 0.3:
            return self.test()
        kind = rng.choice(["or", "and", "not"])
        if kind == "not":
            return kind, self.tree(depth - 1)
        return kind, [self.tree(depth - 1) for _ in range(rng.choice([2, 2, 3]))]
