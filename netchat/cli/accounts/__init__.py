"""Commands of `netchat accounts`, one file each."""
