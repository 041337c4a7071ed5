"""Which codewords and frames are chosen, in every page at once."""
