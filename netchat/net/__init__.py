"""Real sockets, real disks: the asyncio shells round the sans-I/O cores."""
