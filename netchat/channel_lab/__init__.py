"""Engine of the channel lab: a text becomes a frame, codewords, a noisy signal, and a text again.

The page at `/lab` shows what this package computes. `state.py` parses and limits what a visitor
requests, `line.py` sends a text through encoder, channel and decoder, `explain/` shows how the decoders
decide, and `thousand.py` measures the same code and channel. All of this runs in worker processes
(`worker.py`, `pool.py`), so that the server loads neither NumPy nor Numba; `service.py` serves a
visitor's requests.
"""
