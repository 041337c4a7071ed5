"""Offline jobs on top of dfe_core: simulate, import, fit, encode, evaluate, benchmark; and the `dfe` command line.

In a checkout this package is called ``train``; the wheel installs it as ``dfe_train``, so that it cannot be mistaken
for another package of a user. Imports within it are therefore relative.
"""
