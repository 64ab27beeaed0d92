"""TCP: segments dissected from packets and reassembled into byte streams.

`dissect` finds the segment in a packet. `stream` reassembles one direction, with `segments` as its
buffer. `connection` joins both directions and decides whether they are a chat.
"""
