"""Settings of all tests.

Hypothesis tries the same few examples in every run. SIGINT gets its default handler, because a shell
that runs `make test` in the background sets it to be ignored, and the programs that the tests start
and interrupt would inherit that.
"""

import signal

from hypothesis import settings

signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("netchat", derandomize=True, max_examples=50, deadline=None)
settings.load_profile("netchat")
