"""Links on asyncio: transport, listener on the chat's port, and CPU limits.

`transport` runs a `netchat.link.link.Link` as an asyncio transport. On a server, `stream_listener`
accepts links on the chat's TCP port, `code_loader` builds the codes that clients name, and
`cpu_budget` limits the CPU time of all links.
"""
