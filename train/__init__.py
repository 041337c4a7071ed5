"""Offline jobs on top of dfe_core: simulate, import, fit, encode, evaluate, benchmark; and the `dfe` command line."""
