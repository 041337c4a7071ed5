"""Expression coefficients over time: recordings, datasets and the readers of every format."""
