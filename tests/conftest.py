"""What holds for all tests.

Hypothesis tries the same examples in every run, and few enough to be quick. And Ctrl-C, which tests
send to what they start, arrives: a shell that puts `make test` into the background has it ignored,
and what is ignored stays so in every program started from there.
"""

import signal
import sys

from hypothesis import settings

#: Tests that import what only Unix has: locks, terminals, limits on resources.
UNIX = [
    "bench/engine/test_resume.py",
    "cli/test_encode_bench.py",
    "cli/test_serve_page.py",
    "lab/test_bridge.py",
    "lab/test_lab.py",
    "lab/test_usage.py",
    "test_jit.py",
]
collect_ignore = UNIX if sys.platform == "win32" else []

signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("netchat", derandomize=True, max_examples=50, deadline=None)
settings.load_profile("netchat")
