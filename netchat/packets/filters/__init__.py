"""Filter language for captured items, with the field names of the Wireshark dissector.

    from netchat.packets import read
    from netchat.packets.filters import complete, parse

    wanted = parse('type == SEND and room == "lobby" and text contains "hi"')
    for message in filter(wanted, read("chat.pcapng")):
        print(message.user, message.fields["text"])

    complete("type == SE").candidates    # SEND, SERVERS, SEALED_SEND, ...

`parse` returns a predicate of items (messages, gaps, damage, blocks, ...), or raises
`netchat.errors.FilterError`, which knows the position of the mistake. `complete` returns the
candidates at a position, for the Tab key. `docs/FILTERS.md` describes the language.

The language is imported on first use: `make_filter` alone needs little of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netchat.packets.filters.options import ItemFilter, all_of, in_room, make_filter

if TYPE_CHECKING:
    from netchat.packets.filters.completion import Candidate, Completion, complete
    from netchat.packets.filters.fields import filter_fields, find_field
    from netchat.packets.filters.kinds import FieldKind, FilterField
    from netchat.packets.filters.parser import ParsedFilter, describe_unknown, parse
else:
    from netchat.lazy_exports import lazy_exports

    __getattr__, __dir__ = lazy_exports(
        __name__,
        {
            "completion": "Candidate Completion complete",
            "fields": "filter_fields find_field",
            "kinds": "FieldKind FilterField",
            "parser": "ParsedFilter describe_unknown parse",
        },
    )

__all__ = [
    "Candidate",
    "Completion",
    "FieldKind",
    "FilterField",
    "ItemFilter",
    "ParsedFilter",
    "all_of",
    "complete",
    "describe_unknown",
    "filter_fields",
    "find_field",
    "in_room",
    "make_filter",
    "parse",
]
