"""Decoding of byte streams into messages.

`decoder` finds the conversations and drives everything else. `protocol_detector` decides whether a
stream holds frames (`frame_scanner`, `frame_resync`) or blocks of a link (`block_scanner`,
`block_decoder`); `datagrams` handles links over UDP.
"""
