"""Terminal output of frames, codewords and captured items."""
