"""Reed-Solomon codes: the compiled codec, its tables, and a reference implementation."""
