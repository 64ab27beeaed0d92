"""End-to-end encryption: sealed rooms, and sealed private messages; see docs/SEALING.md.

The modules here do no I/O. Those that need `cryptography` are imported on first use.
"""
