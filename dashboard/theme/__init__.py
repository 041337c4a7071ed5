"""Colours and the way numbers are written, on every page."""
