"""Replay of a capture's clients against a live server.

`player` sends what the clients sent. `translation` maps captured identifiers to the live server's,
and `matching` compares its answers to the captured ones.
"""
