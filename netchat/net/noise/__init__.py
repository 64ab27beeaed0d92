"""Simulated noise on real connections.

`proxy` is the proxy of `netchat noise`, which relays TCP (`tcp_relay`) and UDP (`udp_relay`).
`transport` adds a channel to a single asyncio connection.
"""
