"""Gaps filled with intervals: lost frames, hidden halves of the face, coefficients that an extractor never moves."""
