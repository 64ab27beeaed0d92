"""Network I/O with asyncio: client, server, transports, and storage on disk.

    async with netchat.Server(port=0) as server:
        async with netchat.Client(server.address, name="Robot") as chat:
            room = await chat.join("lobby")
            await room.send("Hello")

- `client`, `server`: the awaitable API for programs, also available as `netchat.Client` and
  `netchat.Server`.
- `client_driver`, `chat_server`: drivers of the sans-I/O cores in `netchat.chat`.
- `protocol_detector`, `group_commit`: the server's first look at a connection; pacing of commits.
- `client_path`, `link/`, `udp/`, `noise/`: links, UDP, and simulated noise.
- `history/`, `client_store`: storage of the server and of the client.
- `probe`: a blocking client that sends arbitrary bytes.

Import from the modules: this package imports nothing, so that each program loads only what it uses.
"""
