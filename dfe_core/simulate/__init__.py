"""Performances with known truth."""
