"""The coverage of a codebook against FACS as it is kept: tables, settings, what limits them, and their JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dfe_core.artefact import MADE_FROM, ArtefactId, source_labels, sources_of_tokens
from dfe_core.artefact_names import ANALYSES, MANIFEST, aus_name
from dfe_core.facs.coverage_limits import CoverageLimits
from dfe_core.facs.coverage_notes import coverage_notes, notes_of_import, presence_rule
from dfe_core.facs.settings import LEAST_PHI, CoverageSettings
from dfe_core.facs.status import describe
from dfe_core.store import content_key, read_json, write_json

VERSION = 17
TABLES = (
    "per_au",
    "pairs",
    "codewords",
    "new_moments",
    "variance",
    "beyond",
    "symmetry",
    "symmetry_by_subject",
    "redundancy",
    "splits",
    "deformation",
    "diversity",
    "rarefaction",
    "not_measured",
    "signals",
    "blind_spots",
    "by_subject",
    "truth",
)


@dataclass(frozen=True, eq=False, kw_only=True)
class Coverage:
    """The coverage of one codebook on one dataset against one set of AUs.

    Attributes
    ----------
    model, dataset, aus
        Names.
    tool, tool_version
        The detector or coding that the AUs come from.
    estimate
        Whether the AUs are derived, not detected or coded.
    simulated
        Whether the dataset is simulated.
    seed
        Of folds and bootstrap.
    face_id
        The face of both.
    keys
        Content keys by input.
    settings
        Every choice that changes a number.
    subjects, frames
        Numbers of those that have both tokens and AUs.
    per_au
        One row per AU and side: signal (what it was judged by), prevalence, events, best_codeword; AUROCs within
        held-out subjects, averaged, with low and high: auroc (of the best codeword), sparse_auroc (of sparse_codewords)
        and all_auroc (of all); held_out_subjects (that the figures are of) and unseen (whether the codebook had seen
        none of them); q, template_cosine, covered, and the fields of `dfe_core.facs.status.Status`.
    pairs
        One row per codeword and AU: lift, pmi, phi, auroc, p, q …
    codewords
        One row per codeword: the AUs that match it, and on simulated data the planted action that it shows best.
    new_moments
        Strongest moments of the new codewords.
    variance
        Shares of displacement variance, before any floor.
    beyond
        Movement beyond FACS after each step of its floor.
    beyond_estimate, beyond_lower, beyond_upper
        Share of displacement variance beyond FACS above its floor, 0 … 1.
    symmetry, symmetry_by_subject
        Shares of symmetric and one-sided frames.
    redundancy, splits
        Pairs of alike codewords; AUs that are spread over many codewords.
    deformation
        Displacement by region and condition, mm.
    diversity, rarefaction
        Displays per minute, their entropy, and how many are expected in fewer frames.
    by_subject
        One row per AU, side and subject: fold, positives, negatives (frames), unseen, and auroc, sparse_auroc,
        all_auroc within the subject, of codewords chosen on the other folds.
    signals
        By AU, what it was judged by and in how many recordings it was measured; and pose_share, the share of its
        variance that head rotation explains.
    blind_spots
        Coefficients that never move, are at the end of their scale or move with the head, by extractor.
    not_measured
        AUs without a figure, with the reason (of `dfe_core.facs.status.Reason`) and what it is about; never "missed".
    truth
        Planted actions of simulated data: as per_au with in_facs, found and new; empty for real data.
    vertex_levels
        (label, level) of each row of `vertex_mm`.
    vertex_mm : (L, V) float32
        Root mean square displacement, mm.
    limits
        What limits a reading of the figures, as facts; `notes` has the sentences.
    """

    model: str
    dataset: str
    aus: str
    tool: str
    tool_version: str
    estimate: bool
    simulated: bool
    seed: int
    face_id: str
    keys: dict[str, str]
    settings: CoverageSettings
    subjects: int
    frames: int
    per_au: pd.DataFrame
    pairs: pd.DataFrame
    codewords: pd.DataFrame
    new_moments: pd.DataFrame
    variance: pd.DataFrame
    beyond: pd.DataFrame
    symmetry: pd.DataFrame
    symmetry_by_subject: pd.DataFrame
    redundancy: pd.DataFrame
    splits: pd.DataFrame
    deformation: pd.DataFrame
    diversity: pd.DataFrame
    rarefaction: pd.DataFrame
    not_measured: pd.DataFrame
    signals: pd.DataFrame
    blind_spots: pd.DataFrame
    by_subject: pd.DataFrame
    truth: pd.DataFrame
    vertex_levels: tuple[tuple[str, str], ...]
    vertex_mm: np.ndarray
    beyond_estimate: float
    beyond_lower: float
    beyond_upper: float
    limits: CoverageLimits = field(default_factory=CoverageLimits)

    @property
    def key(self) -> str:
        """Content key of inputs, settings and seed."""
        return coverage_key(self.keys, self.settings, self.seed)

    @property
    def presence_rule(self) -> str:
        """When an AU counts as present, for captions."""
        return presence_rule(self.signals, self.settings)

    @property
    def notes(self) -> tuple[str, ...]:
        """What limits a reading of the figures, in sentences."""
        return coverage_notes(self.limits, self.blind_spots, self.aus, self.tool, self.estimate)

    @property
    def notes_of_import(self) -> tuple[str, ...]:
        """Those of the notes that are about the AUs as they were imported."""
        return notes_of_import(self.limits, self.aus)

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Every table by name; the truth only where there is one."""
        return {name: getattr(self, name) for name in TABLES if name != "truth" or len(self.truth)}

    @property
    def associated(self) -> pd.Series:
        """(pairs,) bool: which go together, or exclude each other: q below `CoverageSettings.fdr`, an interval of the
        lift that leaves out 1, and φ of at least `LEAST_PHI` in size. Significance alone is not enough: in many frames
        a trace of an association is significant, and a few people may make it."""
        pairs = self.pairs
        apart = (pairs["lift_low"] > 1) | (pairs["lift_high"] < 1)
        return (pairs["q"] < self.settings.fdr) & apart & (pairs["phi"].abs() >= LEAST_PHI)

    @property
    def new_codewords(self) -> pd.DataFrame:
        """Rows of `codewords` that no AU or AU pair matches, the most used first: by `share`, which pages print."""
        return most_used_first(self.codewords[self.codewords["new"]])

    def share(self, part: str) -> tuple[float, float, float]:
        """(share, low, high) of one of `variance.PARTS`; beyond FACS above its floor, with lower and upper bound."""
        if part == "beyond FACS":
            return self.beyond_estimate, self.beyond_lower, self.beyond_upper
        parts = self.variance.set_index("part")
        return float(parts["share"].loc[part]), float(parts["low"].loc[part]), float(parts["high"].loc[part])

    def to_json(self) -> dict[str, Any]:
        """The JSON of ``dfe coverage``; null where there is not enough data for a number."""
        judged = self.per_au[self.per_au["covered"].notna()]
        return {
            "aus": self.aus,
            "estimate": self.estimate,
            "subjects": self.subjects,
            "frames": self.frames,
            "per_au": [_au_json(row) for row in self.per_au.to_dict("records")],
            "covered_aus": _number(judged["covered"].astype(float).mean()),
            "beyond_facs_variance": _share_json(self.share("beyond FACS")[0]),
            "facs_only_variance": _share_json(self.share("FACS only")[0]),
            "new_codewords": [int(k) for k in self.new_codewords["codeword"]],
            "redundant_pairs": [
                [int(a), int(b)] for a, b in zip(self.redundancy["first"], self.redundancy["second"], strict=True)
            ],
            "truth": _truth_json(self.truth),
        }

    def save(self, folder: Path) -> None:
        """Write into an existing folder, the manifest last."""
        for name in TABLES:
            getattr(self, name).to_parquet(folder / f"{name}.parquet", index=False)
        np.savez(folder / "vertices.npz", mm=self.vertex_mm)
        plain = {
            f.name: getattr(self, f.name)
            for f in fields(self)
            if f.name not in (*TABLES, "vertex_mm", "settings", "limits")
        }
        plain |= {n: _number(plain[n]) for n in ("beyond_estimate", "beyond_lower", "beyond_upper")}
        sources = (*sources_of_tokens(self.model, self.dataset), ArtefactId(ANALYSES, aus_name(self.dataset, self.aus)))
        about = {"version": VERSION, **source_labels(*sources)}
        write_json(
            folder / MANIFEST, {**about, **plain, "settings": asdict(self.settings), "limits": asdict(self.limits)}
        )

    @classmethod
    def load(cls, folder: Path) -> Coverage:
        """Read what `save` wrote."""
        manifest = read_json(folder / MANIFEST)
        for name in ("version", MADE_FROM):
            manifest.pop(name, None)
        tables = {name: _plain_lists(pd.read_parquet(folder / f"{name}.parquet")) for name in TABLES}
        with np.load(folder / "vertices.npz", allow_pickle=False) as stored:
            vertices = stored["mm"]
        manifest |= {
            "settings": CoverageSettings(**manifest["settings"]),
            "limits": CoverageLimits.from_json(manifest["limits"]),
            **{n: np.nan for n in ("beyond_estimate", "beyond_lower", "beyond_upper") if manifest[n] is None},
            "vertex_levels": tuple(map(tuple, manifest["vertex_levels"])),
            **tables,
        }
        return cls(**manifest, vertex_mm=vertices)


def most_used_first(codewords: pd.DataFrame) -> pd.DataFrame:
    """Rows of `Coverage.codewords` by the share of frames in which the codeword is present."""
    return codewords.sort_values(["share", "codeword"], ascending=[False, True], ignore_index=True)


def coverage_key(keys: dict[str, str], settings: CoverageSettings, seed: int) -> str:
    """Content key of an analysis."""
    return content_key(["coverage", VERSION, keys, asdict(settings), seed])


def _au_json(row: Mapping[Any, Any]) -> dict[str, Any]:
    best = row["best_codeword"]
    return {
        "au": row["au"],
        "side": row["side"],
        "prevalence": _number(row["prevalence"]),
        "best_codeword": None if pd.isna(best) else int(best),
        "auroc": _number(row["auroc"]),
        "ci95": [_number(row["low"]), _number(row["high"])],
        "q": _number(row["q"]),
        "sparse3_auroc": _number(row["sparse_auroc"]),
        "all_auroc": _number(row["all_auroc"]),
        "template_cosine": _number(row["template_cosine"]),
        "signal": row["signal"],
        "status": describe(row),
    }


def _truth_json(truth: pd.DataFrame) -> dict[str, Any] | None:
    if not len(truth):
        return None
    found, known = truth["found"], truth["in_facs"]
    return {
        "in_facs_found": _number(found[known].dropna().astype(float).mean()),
        "outside_facs_found": _number(found[~known].dropna().astype(float).mean()),
    }


def _number(value: Any) -> float | None:
    return None if value is None or value is pd.NA or not np.isfinite(value) else round(float(value), 6)


def _share_json(value: float) -> float | None:
    """A held-out share can fall a hair below zero; zero is what that says."""
    return None if not np.isfinite(value) else round(max(0.0, value), 6)


def _plain_lists(table: pd.DataFrame) -> pd.DataFrame:
    """Parquet gives arrays where lists were written."""
    lists = [c for c in map(str, table) if table[c].map(lambda v: isinstance(v, np.ndarray)).any()]
    return table.assign(**{c: table[c].map(list) for c in lists})
