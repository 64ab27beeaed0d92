"""What holds for all tests.

Hypothesis tries the same examples in every run, and few enough to be quick. And Ctrl-C, which tests
send to what they start, arrives: a shell that puts `make test` into the background has it ignored,
and what is ignored stays so in every program started from there.
"""

import signal

from hypothesis import settings

signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("netchat", derandomize=True, max_examples=50, deadline=None)
settings.load_profile("netchat")
