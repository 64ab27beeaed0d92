"""What holds for all tests: the same examples in every run, and few enough to be quick."""

from hypothesis import settings

settings.register_profile("netchat", derandomize=True, max_examples=50, deadline=None)
settings.load_profile("netchat")
