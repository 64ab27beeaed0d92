"""Exit codes of the `netchat` command."""

__all__ = ["FAILED", "INTERRUPTED", "NOT_PERMITTED", "NO_CONNECTION", "OK", "USAGE"]

OK = 0
FAILED = 1
USAGE = 2
NO_CONNECTION = 3
NOT_PERMITTED = 4
INTERRUPTED = 130
