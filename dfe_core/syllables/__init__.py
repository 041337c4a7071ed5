"""Syllables: recurring displays with a duration, found over the tokens of a codebook."""
