"""Commands about a history: `netchat history`."""
