"""Storage of a server's rooms, sessions and events, on disk or in memory.

`sqlite_history` and `memory_history` implement the same interface. `history_writer` commits batches in
a thread, `history_file` opens and locks the file, and `stored_state` validates what is read at
startup. `purge` deletes old events, and `recover` copies the readable parts of a damaged history.
"""
