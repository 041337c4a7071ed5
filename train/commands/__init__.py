"""One module a verb of the command line.

Each has ``DESCRIPTION`` and ``EXAMPLES`` (shown by ``--help``), ``add_arguments(parser)`` and
``run(args, progress) -> int | None``. They import what they need inside `run`, so that `dfe --help` is quick.
"""
