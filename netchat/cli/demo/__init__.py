"""`netchat demo`."""
