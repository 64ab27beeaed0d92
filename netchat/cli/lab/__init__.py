"""Subcommands of `netchat lab`."""
