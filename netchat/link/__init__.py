"""Noisy link: a reliable byte stream over a channel that flips bits, without I/O.

    >>> from netchat.link.link import Link
    >>> client, server = Link.client("uncoded"), Link.server()
    >>> client.send(b"hello")
    >>> for now in (0.0, 0.1, 0.2):
    ...     server.receive(client.data_to_send(now), now)
    ...     client.receive(server.data_to_send(now), now)
    >>> server.received(0.2)
    b'hello'

`link` combines the parts: `handshake` opens and closes it, `sender` and `receiver` retransmit and
reassemble, `block_writer` and `block_scanner` convert to and from bytes, `payload_decoder` decodes.
`header` and docs/LINK.md define the block format, `code_table` the codes. `policies` choose a code for
each block; `policy_registry` finds them by name. `datagram_listener` is the server side over UDP.

Import from the modules: this package imports nothing, so that a server without links stays small.
"""
