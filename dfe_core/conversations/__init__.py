"""Faces that were recorded together: who answers whom, how late, how often, and who speaks when."""
