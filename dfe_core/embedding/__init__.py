"""Maps of codewords and frames, and how far to trust them."""
