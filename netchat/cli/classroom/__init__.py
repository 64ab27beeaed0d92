"""Subcommands of `netchat class`."""
