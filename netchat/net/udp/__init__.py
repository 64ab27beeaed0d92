"""UDP sockets for links: `client` connects, `server` listens, `socket` sets the options.

`path` is the transport that a link over UDP uses.
"""
