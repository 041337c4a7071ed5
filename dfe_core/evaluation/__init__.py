"""Figures of a trained model on held-out subjects, beside those of its baselines."""
