"""Options and parameter types that several commands share."""
