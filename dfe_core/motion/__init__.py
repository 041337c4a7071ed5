"""Faces in motion: mixing codewords, timelines from words, playing on another face, and taking it away as a file."""
