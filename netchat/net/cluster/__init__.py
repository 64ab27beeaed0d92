"""One ordered log for several servers, on a Redis stream.

`log` is the interface; `replica` is what its owner provides. The rules are free of I/O: `entries` encodes
records, `entry_filter` decides which of them count, `send_window` repeats what may be lost, `log_state`
combines the three, `checkpoint` decides where to continue, and `lease` who is alive. `session` runs them
over three connections (`connection`) to Redis, `maintenance` takes snapshots (`snapshot_store`) and
trims the stream.
"""
