"""The result of a probe: plain values and tables that can be kept, compared and told in words."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from dfe_core.artefact import ArtefactId, newest_first, source_labels, sources_of_tokens
from dfe_core.artefact_names import ANALYSES, MANIFEST, PROBE, aus_name
from dfe_core.integrity import is_whole
from dfe_core.probes.methods_text import confound_note, methods_paragraph, summary_sentence, warning_texts
from dfe_core.probes.settings import ProbeSettings
from dfe_core.store import artefact_path, read_json, write_json

RESULT_VERSION = 12
"""Of what is kept and how it was worked out: results of another version are worked out again when asked for."""
TABLES = ("predictions", "codewords", "regions", "occlusion", "confounds", "order", "deciding", "nulls")


@dataclass(frozen=True, eq=False, kw_only=True)
class ProbeResult:
    """What a probe found.

    Attributes
    ----------
    settings
        Every choice.
    summary
        Facts, no sentences: unit, n, subjects, classes, rows (with all metrics and p corrected over rows), baselines,
        chance, paired, top_codewords, confound_checks (made in every probe), confounds (the table asked for), what
        limits a reading of the scores, inputs.
    predictions
        One row per unit and feature row: truth, prediction, fold.
    codewords
        Weights of the first linear row over codewords, with their stability over folds.
    regions, occlusion
        Weight by face region of the same row; the fall of the score without a region's codewords.
    confounds
        How well the same features predict the columns asked for; state says why there are no numbers.
    order, deciding
        What order is worth to the sequence probe, and the tokens that it weighs most; empty without one.
    nulls
        Scores of the linear rows under permuted labels; permutation 0 is the label as it is.
    """

    settings: ProbeSettings
    summary: dict[str, Any]
    predictions: pd.DataFrame
    codewords: pd.DataFrame
    regions: pd.DataFrame
    occlusion: pd.DataFrame
    confounds: pd.DataFrame
    order: pd.DataFrame
    deciding: pd.DataFrame
    nulls: pd.DataFrame

    def to_json(self) -> dict[str, Any]:
        """The JSON of ``dfe probe``: the facts, and in words their summary, warnings and the methods paragraph."""
        asked = [row | {"note": confound_note(row)} for row in self.summary["confounds"]]
        return {
            **self.summary,
            "confounds": asked,
            "warnings": self.warnings,
            "summary": self.headline,
            "methods": self.methods,
        }

    @property
    def headline(self) -> str:
        """What was predicted, from what, on how many people, and how sure, in words."""
        return summary_sentence(self.summary)

    @property
    def warnings(self) -> list[str]:
        """What limits a reading of the scores, in words."""
        return warning_texts(self.summary, self.settings)

    @property
    def methods(self) -> str:
        """The settings as a paragraph that can go into a paper."""
        return methods_paragraph(self.summary, self.settings)

    @property
    def rows(self) -> pd.DataFrame:
        """One row a feature row and model: features, model, metric, score, low, high, p_vs_chance, p_holm, and a
        column for every other metric."""
        flat = [
            {k: v for k, v in row.items() if k not in ("ci95", "scores", "detectable")}
            | {"detectable": (row.get("detectable") or {}).get("score")}
            | {"low": row["ci95"][0], "high": row["ci95"][1]}
            | {name: one["score"] for name, one in row["scores"].items()}
            for row in self.summary["rows"]
        ]
        return pd.DataFrame(flat)

    @property
    def paired(self) -> pd.DataFrame:
        """a, b, difference with its 95 % interval (low, high), p, p_t, p_holm, p_bh."""
        columns = ["a", "b", "difference", "low", "high", "p", "p_t", "p_holm", "p_bh"]
        return pd.DataFrame(self.summary["paired"], columns=columns).astype({"low": float, "high": float})

    def save(self, folder: Path) -> None:
        """Write into an existing folder, the manifest last."""
        for name in TABLES:
            getattr(self, name).to_parquet(folder / f"{name}.parquet", index=False)
        settings = self.settings
        sources = sources_of_tokens(settings.model, settings.dataset)
        aus = (ArtefactId(ANALYSES, aus_name(settings.dataset, name)) for name in settings.aus_names)
        write_json(
            folder / MANIFEST,
            {
                "version": RESULT_VERSION,
                **source_labels(*sources, *aus),
                "settings": settings.as_dict(),
                "summary": self.summary,
            },
        )

    @classmethod
    def load(cls, folder: Path) -> ProbeResult:
        """Read what `save` wrote."""
        manifest = read_json(folder / MANIFEST)
        return cls(
            settings=ProbeSettings.from_dict(manifest["settings"]),
            summary=manifest["summary"],
            **{name: pd.read_parquet(folder / f"{name}.parquet") for name in TABLES},
        )


def list_results(root: Path | None = None) -> list[ProbeResult]:
    """Every result that was kept by this version and is as it was written, the newest first."""
    parent = artefact_path("analyses", "probe", root).parent
    return [
        ProbeResult.load(folder)
        for folder in newest_first(parent, PROBE)
        if is_whole(folder) and read_json(folder / MANIFEST).get("version") == RESULT_VERSION
    ]
