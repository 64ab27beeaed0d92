"""The rules of the chat, for server and client, without I/O; the time is an argument.

- Server: `Hub` (`hub`) handles frames; `server_state` holds its state, `handshake` and
  `server_handlers` its handlers, `timers` its timeouts, `effects` what it wants done, and
  `persistence` what it stores.
- Client: `ChatClient` (`client`) handles frames; `client_session` makes requests,
  `client_handlers` handle messages, `client_events` are what it reports, and `outbox` is what it
  must keep.
- Both: `names`, `text`, `room_codes`, `credentials`.

Programs use `netchat.Client` and `netchat.Server`, which add sockets and storage.
"""
