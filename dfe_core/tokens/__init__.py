"""Tokens of every frame of a dataset, and the queries over them."""
