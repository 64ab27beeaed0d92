"""Turbo codes and their decoders."""
