"""Intervals by region: what brows, eyes, mouth and head do, from when to when, found, edited, compared and put in words."""
