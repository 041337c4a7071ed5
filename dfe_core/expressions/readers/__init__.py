"""One small module a file format."""
