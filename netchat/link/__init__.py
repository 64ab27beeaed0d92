"""The noisy link: a reliable stream of bytes over a pipe that turns bits over.

    from netchat.link.link import Link

`link` is the whole, without I/O. `header` and `docs/LINK.md` say what a block looks like, `reader`
finds blocks in a stream, `door` lets links in over datagrams, `codes` has the codes of payloads,
`policy` says what decides on one (`wish` makes it: `threshold`, `bandit`), `sender` and `receiver`
are the two halves of the retransmission, `stats` is what is counted.
"""
