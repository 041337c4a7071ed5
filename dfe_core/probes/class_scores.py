"""Which classes a probe tells apart: confusions, scores of every class, and what its probabilities are worth.

All are of the pooled out-of-fold predictions of one feature row (`ProbeResult.predictions`); where the folds were
repeated, of their mean. They say where errors lie; intervals and chance are those of the score.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

BINS = 10
"""Of predicted probabilities, with as many units in each."""
_LEAST_IN_BIN = 5


def confusion(predictions: pd.DataFrame) -> pd.DataFrame:
    """How often each class was taken for each.

    Parameters
    ----------
    predictions
        Rows of one feature row with truth and predicted, as `ProbeResult.predictions` has them.

    Returns
    -------
    (C, C) counts of units; index: true class, columns: predicted class, in the order of their names.
    """
    truth, predicted = predictions["truth"].astype(str), predictions["predicted"].astype(str)
    classes = sorted(set(truth) | set(predicted))
    table = pd.crosstab(truth, predicted).reindex(index=classes, columns=classes, fill_value=0)
    return table.rename_axis(index="truth", columns="predicted")


def class_scores(predictions: pd.DataFrame) -> pd.DataFrame:
    """Precision, recall and F1 of every class.

    Returns
    -------
    One row a class: class, units, precision, recall, f1. Precision is NaN for a class that was never predicted, and
    recall for one that is no unit's.
    """
    table = confusion(predictions)
    right = np.diag(table).astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        precision, recall = right / table.sum(axis=0).to_numpy(), right / table.sum(axis=1).to_numpy()
        f1 = 2 * right / (table.sum(axis=0).to_numpy() + table.sum(axis=1).to_numpy())
    units = table.sum(axis=1).to_numpy()
    return pd.DataFrame({"class": table.index, "units": units, "precision": precision, "recall": recall, "f1": f1})


def binary_scores(predictions: pd.DataFrame) -> tuple[str, np.ndarray, bool] | None:
    """The score of the second of two classes by their names.

    Returns
    -------
    That class; (n,) its probability, or its distance from the boundary where the model gives no probabilities; whether
    they are probabilities. None where there are not two classes.
    """
    classes = sorted(set(predictions["truth"].astype(str)) | set(predictions["predicted"].astype(str)))
    if len(classes) != 2 or "decision" not in predictions:
        return None
    decision, second = predictions["decision"].to_numpy(float), predictions["predicted"].astype(str) == classes[1]
    probable = bool(np.all((decision >= 0.5 - 1e-9) & (decision <= 1 + 1e-9)))
    other = 1 - decision if probable else -decision
    return classes[1], np.where(second, decision, other), probable


def roc(predictions: pd.DataFrame) -> tuple[pd.DataFrame, float] | None:
    """The receiver operating characteristic of two classes.

    Returns
    -------
    Table with false_positive and true_positive rates over all thresholds, and the area under it; None for other than
    two classes, or where all units are of one.
    """
    from sklearn.metrics import auc, roc_curve

    found = binary_scores(predictions)
    if found is None or predictions["truth"].nunique() != 2:
        return None
    name, score, _ = found
    false, true, _ = roc_curve(predictions["truth"].astype(str) == name, score)
    return pd.DataFrame({"false_positive": false, "true_positive": true}), float(auc(false, true))


def calibration(predictions: pd.DataFrame) -> tuple[pd.DataFrame, float] | None:
    """Whether a predicted probability is how often the class is the truth.

    Returns
    -------
    One row a bin of units, by probability: predicted (mean), observed (share of the class), units; and the Brier score
    (mean squared difference from the truth; 0.25 for a coin). None without probabilities of two classes, or for fewer
    than two bins of `_LEAST_IN_BIN` units.
    """
    found = binary_scores(predictions)
    if found is None or not found[2] or len(predictions) < 2 * _LEAST_IN_BIN:
        return None
    name, probability, _ = found
    truth = (predictions["truth"].astype(str) == name).to_numpy(float)
    order = np.argsort(probability, kind="stable")
    parts = np.array_split(order, min(BINS, len(order) // _LEAST_IN_BIN))
    rows = [(probability[part].mean(), truth[part].mean(), len(part)) for part in parts]
    brier = float(np.mean((probability - truth) ** 2))
    return pd.DataFrame(rows, columns=["predicted", "observed", "units"]), brier
