"""Hosts on one machine, joined by a bridge that loses, delays and damages real Ethernet frames.

`lab` is the whole of it, `network` the hosts, `bridge` what is between them. Linux, as root.
"""
