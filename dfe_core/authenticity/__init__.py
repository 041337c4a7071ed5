"""Real or made: recordings of a face against synthetic motion, and what gives the latter away."""
