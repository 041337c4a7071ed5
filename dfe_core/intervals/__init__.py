"""Intervals by region: what brows, eyes, mouth and head do when: found, compared, and put in words."""
