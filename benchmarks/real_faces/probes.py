"""Probes on real people: what faces tell of questionnaires in REACT-Nao, one prediction a person.

`tables` is called by ``python -m benchmarks.real_faces``.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

LABELS = ("GENDER", "Framing", "AGE", "TIPI2_1_EE")
"""Gender, the experiment's framing, age and one item of a personality questionnaire (1 to 7: extraverted)."""
ROWS = ("bow", "bow-intensity", "au", "psi")
_AUS = "openface"


def tables(work: Path, react: Path, model: str = "nao", dataset: str = "nao") -> dict[str, pd.DataFrame]:
    """The tables of probes on REACT-Nao.

    Parameters
    ----------
    work: the cache root, which holds `model`, `dataset` and the tokens of both.
    react: folder of the prepared files (`react.prepare`), from which AUs are imported where `work` holds none.

    Returns probes (a row a label and feature row: score, interval, p, the score that would be found four times in
    five), probe_confounds (what else tells the label, unasked) and probe_labels (people, classes, what the codebook
    saw, duplicates, headline).
    """
    from dfe_core.expressions.dataset import Dataset
    from dfe_core.facs.importing import import_aus
    from dfe_core.facs.store import list_aligned

    if _AUS not in list_aligned(dataset, work):
        folder = react / "csv" if (react / "csv").is_dir() else react
        import_aus([folder], Dataset.open(dataset, work), _AUS, root=work)
    found = {label: _probe(label, model, dataset, work) for label in LABELS}
    rows = [row | {"label": label} for label, one in found.items() for row in _rows(one)]
    checks = [check | {"label": label} for label, one in found.items() for check in _checks(one)]
    labels = [_label(label, one) for label, one in found.items()]
    return {"probes": pd.DataFrame(rows), "probe_confounds": pd.DataFrame(checks), "probe_labels": pd.DataFrame(labels)}


def _probe(label: str, model: str, dataset: str, work: Path) -> dict:
    from dfe_core.probes.run import run_probe
    from dfe_core.probes.settings import ProbeSettings

    return run_probe(
        ProbeSettings(
            model=model,
            dataset=dataset,
            label=label,
            features=ROWS,
            aus=_AUS,
            unit="subject",
            drop_missing=True,
            resamples=300,
        ),
        work,
    ).to_json()


def _rows(result: dict) -> list[dict]:
    return [
        {
            "features": row["features"],
            "metric": row["metric"],
            "score": row["score"],
            "low": row["ci95"][0],
            "high": row["ci95"][1],
            "AUROC": row["scores"].get("AUROC", {}).get("score"),
            "p": row["p_vs_chance"],
            "p_holm": row["p_holm"],
            "detectable": row["detectable"]["score"],
            "detectable_metric": row["detectable"]["metric"],
        }
        for row in result["rows"]
    ]


def _checks(result: dict) -> list[dict]:
    return [
        {key: check[key] for key in ("column", "state", "score", "p", "p_holm")}
        | {f"{name} without": left["score"] for name, left in check["without"].items()}
        for check in result["confound_checks"]
    ]


def _label(label: str, result: dict) -> dict:
    return {
        "label": label,
        "task": result["task"],
        "people": result["subjects"],
        "classes": len(result["classes"]),
        "chance": result["chance"],
        "repeats": result["repeats"],
        "folds": result["folds"],
        "codebook_saw": result["codebook_saw"]["seen"],
        "duplicates": len(result["duplicates"]),
        "headline": result["summary"],
    }
