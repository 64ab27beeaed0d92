"""Hypothesis strategies, built from the declarations: any message, any record."""

from __future__ import annotations

from hypothesis import strategies as st

from netchat.wire import MESSAGES, Field, Frame, Message, Record, fields_of
from netchat.wire.fields import BLOB, LIST, TEXT

# Python's strings may contain lone surrogates, which UTF-8 and therefore the protocol cannot encode.
_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def _values(field: Field) -> st.SearchStrategy:
    if field.kind is TEXT:
        return _TEXT
    if field.kind is BLOB:
        return st.binary(max_size=60)
    if field.kind is LIST:
        return st.lists(instances(field.record), max_size=min(4, field.most)).map(tuple)
    top = 256**field.kind.size - 1
    return st.sampled_from([0, 1, top - 1, top]) | st.integers(0, top)


def instances(declared: type[Record]) -> st.SearchStrategy[Record]:
    """Return a strategy for all values of a message or record type."""
    return st.builds(declared, **{field.name: _values(field) for field in fields_of(declared)})


messages: st.SearchStrategy[Message] = st.sampled_from(list(MESSAGES.values())).flatmap(instances)

frames = messages.map(lambda m: Frame(m.TYPE, m.encode()))
