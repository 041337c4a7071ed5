"""Differences between groups of people or conditions in how often, how long and how strongly codewords are used."""
