"""Polar codes with successive-cancellation and list decoders."""
