"""Short block codes: uncoded, repetition, Hamming, SECDED and CRC, each with its kernels."""
