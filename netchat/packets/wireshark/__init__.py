"""Wireshark support: a dissector generated from the protocol's declarations.

`dissector` generates it, and `plugin` installs it where Wireshark finds it.
"""
