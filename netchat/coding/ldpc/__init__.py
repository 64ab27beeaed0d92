"""Low-density parity-check codes of standards and of files, and their decoders."""
