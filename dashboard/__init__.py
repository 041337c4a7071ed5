"""The Streamlit app: presentation and state alone; every number comes from dfe_core.

In a checkout this package is called ``dashboard``; the wheel installs it as ``dfe_dashboard``, so that it cannot be
mistaken for another package of a user. Imports within it are therefore relative.
"""

COMMAND_LINE = __name__.replace("dashboard", "train")
"""The package of the `dfe` command that belongs to this one: ``train`` or ``dfe_train``."""
