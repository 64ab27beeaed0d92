"""Codes, channels and interleavers that the lab suggests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from netchat.channel_lab.codec import build_code
from netchat.channel_lab.explain.kinds import kind_of
from netchat.channel_lab.limits import (
    MAX_CELLS,
    MAX_CODES,
    MAX_ERRORS,
    MAX_SPEC,
    MAX_TEXT,
    MAX_TOUCHED,
)
from netchat.channel_lab.state import StateError

__all__ = ["CHANNELS", "CODES", "INTERLEAVERS", "catalogue"]


class _Code(NamedTuple):
    family: str
    spec: str
    title: str
    about: str


_DATA: dict[str, list[dict[str, Any]]] = json.loads(
    Path(__file__).with_name("catalogue.json").read_text("utf-8")
)

#: Suggested codes; at least one of each family.
CODES = tuple(_Code(**entry) for entry in _DATA["codes"])
#: Suggested channels, with the range of their main parameter.
CHANNELS = tuple(_DATA["channels"])
#: Suggested interleavers; any depth from 2 to 64 is allowed.
INTERLEAVERS = tuple(_DATA["interleavers"])


def catalogue(plugins: Mapping[str, str]) -> dict[str, Any]:
    """Return the lists of codes, channels and interleavers, and the limits.

    Args:
        plugins: Codes of the server's owner, by the name that visitors see.
    """
    codes = [_described(code, plugins) for code in CODES]
    for name in plugins:
        entry = _Code("own codes", name, name, "A code of the owner of this server.")
        try:
            codes.append(_described(entry, plugins))
        except StateError as error:
            codes.append({**entry._asdict(), "problem": str(error)})
    return {
        "codes": codes,
        "channels": list(CHANNELS),
        "interleavers": list(INTERLEAVERS),
        "texts": {
            "text": MAX_TEXT, "cells": MAX_CELLS, "touched": MAX_TOUCHED, "spec": MAX_SPEC,
            "codes": MAX_CODES, "errors": MAX_ERRORS,
        },
    }  # fmt: skip


def _described(entry: _Code, plugins: Mapping[str, str]) -> dict[str, Any]:
    code = build_code(entry.spec, plugins)
    bits = code.bits_per_symbol
    return {
        **entry._asdict(),
        "title": code.name if entry.spec in plugins else entry.title,
        "n": code.n * bits,
        "k": code.k * bits,
        "rate": round(code.rate, 4),
        "min_distance": code.minimum_distance,
        "corrects": code.corrects,
        "soft": code.soft,
        "bits_per_symbol": bits,
        "explains": kind_of(code),
    }
