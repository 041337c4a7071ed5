"""What the checks for confounds found, as facts: `methods_text` has the words."""

from __future__ import annotations

from dfe_core.text_enum import StrEnum


class Finding(StrEnum):
    """What the check of one confound found."""

    CONSTANT = "constant"
    """The same for all units: not judged."""
    INCOMPLETE = "incomplete"
    """Units without a value: not judged."""
    NOT_PREDICTIVE = "not_predictive"
    """It does not predict the label."""
    PREDICTIVE = "predictive"
    """It predicts the label alone (p_holm at most 0.05)."""


class Judged(StrEnum):
    """Whether the features were judged by how well they predict a column, or why not."""

    JUDGED = "judged"
    NO_VALUES = "no_values"
    """No such column, or not a value for every recording."""
    ONE_VALUE = "one_value"
    FEW_GROUPS = "few_groups"
    """A value occurs in fewer than two groups."""
    NOT_EVALUABLE = "not_evaluable"
    """No folds can be made of it on which every class is trained."""
