"""What limits a reading of the scores of a probe, and what the checks for confounds found, as facts: `methods_text` has
the words."""

from __future__ import annotations

from typing import Any

import numpy as np

from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.label_scales import LabelScale
from dfe_core.expressions.pose_leak import stored_pose_leak
from dfe_core.probes.target import Target
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


def limiting_facts(target: Target, data: Dataset) -> dict[str, Any]:
    """What limits a reading of the scores, as facts.

    Returns
    -------
    dict
        high_pose_leak: the pose leak of the dataset, None unless it is high. class_shares: share of the units
        in each class; empty for numbers. scale: how the label is measured (`LabelScale`). levels: how many different
        values it has, where it is an ordered scale or numbers taken as classes; None
        for other labels. unlabelled: recordings left out.
    """
    levels = len(np.unique(target.y))
    codes = all(name.lstrip("-").replace(".", "", 1).isdigit() for name in target.classes)
    counted = target.scale == LabelScale.ORDINAL or (target.scale == LabelScale.NOMINAL and codes and levels > 2)
    return {
        "high_pose_leak": high_pose_leak(data),
        "class_shares": {name: float((target.y == k).mean()) for k, name in enumerate(target.classes)},
        "scale": target.scale.value,
        "levels": levels if counted else None,
        "unlabelled": target.dropped,
    }


def high_pose_leak(data: Dataset) -> float | None:
    """The pose leak of a dataset where it is high, else None."""
    leak = stored_pose_leak(data.manifest)
    return leak.leak if leak is not None and leak.is_high else None
