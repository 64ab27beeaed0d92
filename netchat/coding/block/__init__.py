"""Short block codes, each with its kernels, and decoders for any of them."""
