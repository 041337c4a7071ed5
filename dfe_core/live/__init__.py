"""Faces as they happen: the stream of a camera or a phone to tokens, frame by frame, and takes of it for an import."""
