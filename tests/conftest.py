"""Settings of all tests.

Hypothesis tries the same few examples in every run. SIGINT gets its default handler, because a shell
that runs `make test` in the background sets it to be ignored, and the programs that the tests start
and interrupt would inherit that.
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
