"""Captures for browsing: an index first, packets and messages on demand.

- `packet_store`: columns about packets, whose bytes stay in the file; `item_store`: those of decoded
  items.
- `capture`: index and decoder of a capture, which work in steps; `selection`: packets that a filter
  selects.
- `filter_line`: completion of a filter; `rows`: rows of the list; `layers`: tree of a
  packet; `conversations`: transcript and ladder.

Nothing here draws; `netchat.fullscreen` does.
"""

__all__: list[str] = []
