"""Coverage of a codebook against FACS: both ways, with what is new, and the truth where it is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd

from dfe_core.artefact import MADE_FROM, ArtefactId, source_labels, sources_of_tokens
from dfe_core.artefact_names import ANALYSES, COVERAGE, MANIFEST, aus_name, keyed_name
from dfe_core.expressions.pose_leak import stored_pose_leak
from dfe_core.expressions.pose_text import pose_leak_warning
from dfe_core.faces.model import FaceModel
from dfe_core.facs.action_units import ACTION_UNITS, DETECTOR_CAVEAT, EMISSIONS, ESTIMATE_CAVEAT
from dfe_core.facs.aggregates import Aggregates, CoverageInputs, aggregates_of, load_or_none, open_coverage_inputs
from dfe_core.facs.agreement import agreement_examples
from dfe_core.facs.association import (
    Association,
    associate,
    interval,
    pair_intervals,
    pair_table,
    subject_weights,
)
from dfe_core.facs.beyond import measure_beyond
from dfe_core.facs.blind_spots import BlindSpots, find_blind_spots, lines, pose_shares
from dfe_core.facs.codeword_au_matching import codeword_table, find_templates
from dfe_core.facs.condition_effects import deformation_table, levels, vertex_map
from dfe_core.facs.exposure import CodebookExposure, codebook_exposure
from dfe_core.facs.held_out import READOUTS, Choice, Scores, mean_over_subjects, score_frames, select_codewords
from dfe_core.facs.lag import lag_line
from dfe_core.facs.rarefaction import diversity_table, rarefaction_table
from dfe_core.facs.redundancy import redundant_pairs, split_table
from dfe_core.facs.settings import CoverageSettings
from dfe_core.facs.signals import INTENSITY, PRESENCE, Measurement
from dfe_core.facs.status import (
    COVERED,
    NOT_COVERED,
    NOT_ENOUGH,
    NOT_MEASURED,
    OF_MEASUREMENT,
    Reason,
    Status,
    describe,
    describe_reason,
)
from dfe_core.facs.store import PRESENT_PROBABILITY, AlignedAus
from dfe_core.facs.symmetry import symmetry_by_subject, symmetry_summary
from dfe_core.facs.templates import Templates
from dfe_core.facs.token_au_stream import Joined
from dfe_core.facs.variance import held_out_errors, variance_table
from dfe_core.progress import Listener, Progress, silent
from dfe_core.store import artefact_path, atomic_directory, content_key, read_json, write_json
from dfe_core.tokenizer.codebook import Codebook

VERSION = 15
_SHOWN = 24  # new codewords whose moments are looked up: two pages of faces
_MOST_NOTES = 30
_TABLES = (
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
    presence_rule
        When an AU counts as present, for captions.
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
        AUs that the tool cannot emit, or of which these data hold nothing; never "missed".
    truth
        Planted actions of simulated data: as per_au with in_facs, found and new; empty for real data.
    vertex_levels
        (label, level) of each row of `vertex_mm`.
    vertex_mm : (L, V) float32
        Root mean square displacement, mm.
    notes
        Sentences for the reader.
    """

    model: str
    dataset: str
    aus: str
    tool: str
    tool_version: str
    estimate: bool
    presence_rule: str
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
    notes: tuple[str, ...] = field(default_factory=tuple)

    @property
    def key(self) -> str:
        """Content key of inputs, settings and seed."""
        return coverage_key(self.keys, self.settings, self.seed)

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Every table by name; the truth only where there is one."""
        return {name: getattr(self, name) for name in _TABLES if name != "truth" or len(self.truth)}

    @property
    def new_codewords(self) -> pd.DataFrame:
        """Rows of `codewords` that no AU or AU pair matches, the most used first."""
        return self.codewords[self.codewords["new"]].sort_values(
            ["frames", "codeword"], ascending=[False, True], ignore_index=True
        )

    def share(self, part: str) -> tuple[float, float, float]:
        """(share, low, high) of one of `variance.PARTS`; beyond FACS above its floor, with lower and upper bound."""
        if part == "beyond FACS":
            return self.beyond_estimate, self.beyond_lower, self.beyond_upper
        row = self.variance.set_index("part").loc[part]
        return float(row["share"]), float(row["low"]), float(row["high"])

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
        for name in _TABLES:
            getattr(self, name).to_parquet(folder / f"{name}.parquet", index=False)
        np.savez(folder / "vertices.npz", mm=self.vertex_mm)
        plain = {
            f.name: getattr(self, f.name) for f in fields(self) if f.name not in (*_TABLES, "vertex_mm", "settings")
        }
        plain |= {n: _number(plain[n]) for n in ("beyond_estimate", "beyond_lower", "beyond_upper")}
        sources = (*sources_of_tokens(self.model, self.dataset), ArtefactId(ANALYSES, aus_name(self.dataset, self.aus)))
        about = {"version": VERSION, **source_labels(*sources)}
        write_json(folder / MANIFEST, {**about, **plain, "settings": self.settings.as_dict()})

    @classmethod
    def load(cls, folder: Path) -> Coverage:
        """Read what `save` wrote."""
        manifest = read_json(folder / MANIFEST)
        for name in ("version", MADE_FROM):
            manifest.pop(name, None)
        tables = {name: _plain_lists(pd.read_parquet(folder / f"{name}.parquet")) for name in _TABLES}
        with np.load(folder / "vertices.npz", allow_pickle=False) as stored:
            vertices = stored["mm"]
        manifest |= {
            "settings": CoverageSettings(**manifest["settings"]),
            "notes": tuple(manifest["notes"]),
            **{n: np.nan for n in ("beyond_estimate", "beyond_lower", "beyond_upper") if manifest[n] is None},
            "vertex_levels": tuple(map(tuple, manifest["vertex_levels"])),
            **tables,
        }
        return cls(**manifest, vertex_mm=vertices)


def analyse_coverage(
    model: str,
    dataset: str,
    aus: str,
    *,
    root: Path | None = None,
    seed: int = 0,
    settings: CoverageSettings | None = None,
    progress: Listener = silent,
) -> Coverage:
    """The coverage of `model` on `dataset` against the AUs `aus`: from the cache, or worked out now and cached.

    Raises `DataError` when one of them is missing, they do not belong together, or no frame has both tokens and AUs.
    """
    inputs = open_coverage_inputs(model, dataset, aus, root)
    return analyse_inputs(inputs, root=root, seed=seed, settings=settings, progress=progress)


def analyse_inputs(
    inputs: CoverageInputs,
    *,
    root: Path | None = None,
    seed: int = 0,
    settings: CoverageSettings | None = None,
    progress: Listener = silent,
) -> Coverage:
    """`analyse_coverage` of artefacts that are open already."""
    settings = settings or CoverageSettings()
    folder = artefact_path("analyses", keyed_name(COVERAGE, coverage_key(inputs.keys, settings, seed)), root)
    if (found := load_or_none(Coverage.load, folder)) is not None:
        return found
    result = _analyse(inputs, settings, root, seed, progress)
    with atomic_directory(folder) as temporary:
        result.save(temporary)
    return result


def coverage_key(keys: dict[str, str], settings: CoverageSettings, seed: int) -> str:
    """Content key of an analysis."""
    return content_key(["coverage", VERSION, keys, settings.as_dict(), seed])


def _analyse(
    inputs: CoverageInputs, settings: CoverageSettings, root: Path | None, seed: int, progress: Listener
) -> Coverage:
    aggregates = aggregates_of(inputs, settings=settings, root=root, seed=seed, progress=progress)
    codebook, face = inputs.codebook, inputs.face
    found = associate(aggregates, None, settings)
    templates = find_templates(face, inputs.dataset, inputs.aus)
    progress(Progress(task="choosing codewords", done=0, total=0))
    choice = select_codewords(aggregates, settings)
    scores = score_frames(
        Joined(inputs.tokens, inputs.dataset, inputs.aus, aggregates.signals), aggregates, choice, settings, progress
    )
    beyond = measure_beyond(
        Joined(inputs.tokens, inputs.dataset, inputs.aus, aggregates.signals),
        aggregates,
        codebook,
        face,
        settings,
        seed,
        detector=is_detector(inputs.aus),
        progress=progress,
    )
    progress(Progress(task="intervals", done=0, total=0))
    codewords = codeword_table(codebook, face, aggregates, found, templates, beyond.codewords, settings)
    exposure, spots = codebook_exposure(codebook, inputs.dataset), find_blind_spots(inputs.dataset, root)
    held_out = _held_out(aggregates, scores, exposure, np.any(found.enough, axis=0), settings, seed)
    blind = _blind_columns(aggregates, spots)
    columns = _column_table(
        aggregates, found, choice, held_out, settings=settings, blind=blind, estimate=inputs.aus.estimate
    )
    per_au = _with_templates(columns.iloc[: aggregates.aus], codebook, face, templates)
    symmetric = symmetry_by_subject(aggregates, codebook)
    shown = list(levels(aggregates))
    return Coverage(
        model=codebook.model,
        dataset=inputs.dataset.name,
        aus=inputs.aus.name,
        tool=inputs.aus.tool,
        tool_version=inputs.aus.version,
        estimate=inputs.aus.estimate,
        presence_rule=presence_rule(inputs.aus, aggregates.signals.table, settings),
        simulated=inputs.dataset.simulated,
        seed=seed,
        face_id=face.id,
        keys=inputs.keys,
        settings=settings,
        subjects=len(aggregates.subjects),
        frames=aggregates.frames,
        per_au=per_au,
        pairs=_with_cosine(
            pair_table(aggregates, found, pair_intervals(aggregates, found, settings, seed)), codebook, face, templates
        ),
        codewords=_with_truth(codewords, aggregates, found),
        new_moments=agreement_examples(inputs.tokens, _most_used_new(codewords), recordings=inputs.aus.recordings),
        variance=variance_table(held_out_errors(aggregates, face.gram), settings, seed),
        beyond=beyond.steps,
        symmetry=symmetry_summary(symmetric, codewords, settings, seed),
        symmetry_by_subject=symmetric,
        redundancy=redundant_pairs(codebook, face, codewords, settings),
        splits=split_table(aggregates, found, settings),
        deformation=deformation_table(aggregates, settings, seed),
        diversity=diversity_table(aggregates, settings, seed),
        rarefaction=rarefaction_table(aggregates, settings),
        not_measured=_not_measured(inputs.aus, per_au),
        signals=aggregates.signals.table.assign(pose_share=pose_shares(inputs.aus, inputs.dataset)),
        blind_spots=spots.coefficients,
        by_subject=_by_subject(aggregates, scores, exposure),
        truth=_truth_table(aggregates, columns.iloc[aggregates.aus :], codewords),
        vertex_levels=tuple((condition, level) for condition, level, _ in shown),
        vertex_mm=np.stack([vertex_map(aggregates, face, where) for _, _, where in shown]),
        beyond_estimate=beyond.estimate,
        beyond_lower=beyond.lower,
        beyond_upper=beyond.upper,
        notes=_notes(inputs, aggregates, templates, spots, beyond.lag_s),
    )


def _column_table(
    aggregates: Aggregates,
    found: Association,
    choice: Choice,
    held_out: Mapping[str, Any],
    *,
    settings: CoverageSettings,
    blind: np.ndarray,
    estimate: bool,
) -> pd.DataFrame:
    """One row a column (AUs, then the truth's), without template_cosine. held_out: columns of `_held_out`."""
    columns = len(aggregates.columns)
    table = pd.DataFrame(
        {
            "au": [a for a, _ in aggregates.columns],
            "side": [s for _, s in aggregates.columns],
            "signal": [*aggregates.signals.rules, *["truth"] * (columns - aggregates.aus)],
            "frames": found.frames.astype(np.int64),
            "present": found.present.astype(np.int64),
            "events": found.events.astype(np.int64),
            "subjects": found.subjects,
            "prevalence": np.divide(found.present, found.frames, out=np.full(columns, np.nan), where=found.frames > 0),
            **held_out,
        }
    )
    chosen, seen = choice.codewords[-1], table["held_out_subjects"].to_numpy() > 0
    best = pd.Series(np.where(chosen[:, 0] >= 0, chosen[:, 0], -1), dtype="Int64")
    together = np.where(found.lift > 1, found.q, np.nan), np.where(found.lift > 1, found.p, np.nan)
    q, p = together
    table = table.assign(
        best_codeword=best.where(best >= 0),
        q=_least(q, chosen[:, :1], seen),
        p=_least(p, chosen[:, :1], seen),
        sparse_codewords=[[int(k) for k in row if k >= 0] for row in chosen],
    )
    statuses = [
        _unless_blind(_status(row, settings, least, states), unseen, estimate)
        for row, least, states, unseen in zip(
            table.to_dict("records"),
            _least(np.where(np.isfinite(q), q, p), chosen, seen),
            _states(aggregates),
            blind,
            strict=True,
        )
    ]
    known = [s.status in (COVERED, NOT_COVERED) for s in statuses]
    return table.assign(
        covered=pd.Series([s.status == COVERED for s in statuses], dtype="boolean").where(pd.Series(known)),
        **{name: [getattr(s, name) for s in statuses] for name in Status.__dataclass_fields__},
    )


def _by_subject(aggregates: Aggregates, scores: Scores, exposure: CodebookExposure) -> pd.DataFrame:
    subject, column = np.nonzero(np.isfinite(scores.auroc[0][:, : aggregates.aus]))
    names, unseen = np.array(aggregates.subjects), np.array(exposure.unseen(aggregates.subjects), bool)
    return pd.DataFrame(
        {
            "au": [aggregates.columns[c][0] for c in column],
            "side": [aggregates.columns[c][1] for c in column],
            "subject": names[subject],
            "fold": [aggregates.folds[n] for n in names[subject]],
            "positives": scores.positives[subject, column],
            "negatives": scores.negatives[subject, column],
            "unseen": unseen[subject],
            **{f"{name}auroc": scores.auroc[i][subject, column] for i, name in enumerate(("", "sparse_", "all_"))},
        }
    )


def _blind_columns(aggregates: Aggregates, spots: BlindSpots) -> np.ndarray:
    """(C,) bool: AUs that no extractor of the dataset can show."""
    blind = set(spots.aus())
    return np.array([i < aggregates.aus and au in blind for i, (au, _) in enumerate(aggregates.columns)])


def _unless_blind(status: Status, blind: bool, estimate: bool) -> Status:
    """An AU that the extractor cannot show was not measured where AUs are derived from its coefficients; another tool
    may have measured it, and tokens then miss it for that reason."""
    if not blind or status.status == COVERED:
        return status
    return Status(status=NOT_MEASURED if estimate else status.status, reason=Reason.BLIND)


def _held_out(
    aggregates: Aggregates,
    scores: Scores,
    exposure: CodebookExposure,
    enough: np.ndarray,
    settings: CoverageSettings,
    seed: int,
) -> dict[str, np.ndarray]:
    """AUROCs with their intervals of every column, over the subjects that the codebook has not seen where enough of
    them show it, else over all."""
    unseen = np.array(exposure.unseen(aggregates.subjects), bool)
    weights = subject_weights(len(aggregates.subjects), settings.resamples, seed)
    usable = np.isfinite(scores.auroc[0]) & enough
    only_unseen = (usable & unseen[:, None]).sum(0) >= settings.min_subjects
    usable = usable & (unseen[:, None] | ~only_unseen)
    count = usable.sum(0)
    result = {"held_out_subjects": count, "unseen": only_unseen}
    for readout, name in zip(READOUTS, ("", "sparse_", "all_"), strict=True):
        values = np.where(usable, scores.auroc[READOUTS.index(readout)], np.nan)
        mean = mean_over_subjects(values, np.ones((1, len(values))))[0]
        low, high = interval(mean_over_subjects(values, weights))
        told = {f"{name}auroc": mean, f"{name}low": low, f"{name}high": high}
        result |= {n: np.where(count >= settings.min_subjects, v, np.nan) for n, v in told.items()}
    return result


def _states(aggregates: Aggregates) -> list[dict[Measurement, int]]:
    """How many recordings are in each state, for every column; empty for columns of the truth."""
    state = aggregates.signals.state
    counts = [{m: int((state[:, i] == m).sum()) for m in Measurement} for i in range(aggregates.aus)]
    return counts + [{}] * (len(aggregates.columns) - aggregates.aus)


def _least(values: np.ndarray, chosen: np.ndarray, enough: np.ndarray) -> np.ndarray:
    """(C,) smallest value over the chosen codewords of each column; NaN where there are none."""
    picked = np.where(chosen >= 0, values[np.maximum(chosen, 0), np.arange(len(chosen))[:, None]], np.inf)
    least = np.nanmin(np.where(np.isnan(picked), np.inf, picked), 1)
    return np.where(enough & np.isfinite(least), least, np.nan)


def _status(row: dict[str, Any], settings: CoverageSettings, q: float, states: dict[Measurement, int]) -> Status:
    """What became of one column; `q`: smallest of the chosen codewords'."""
    if states and not states[Measurement.VARIES]:
        worst = max(OF_MEASUREMENT, key=lambda m: states[m])
        return Status(
            status=NOT_MEASURED, reason=OF_MEASUREMENT[worst], count=states[worst], total=sum(states.values())
        )
    for name, least, reason in (
        ("events", settings.min_events, Reason.FEW_EVENTS),
        ("present", settings.min_frames, Reason.FEW_FRAMES),
        ("held_out_subjects", settings.min_subjects, Reason.FEW_SUBJECTS),
    ):
        if row[name] < least:
            return Status(status=NOT_ENOUGH, reason=reason, count=int(row[name]))
    if row["frames"] - row["present"] < settings.min_frames:
        return Status(status=NOT_ENOUGH, reason=Reason.FEW_FRAMES_WITHOUT, count=int(row["frames"] - row["present"]))
    if not row["sparse_codewords"]:
        return Status(status=NOT_COVERED, reason=Reason.NO_CODEWORD)
    if not row["sparse_auroc"] >= settings.covered_auroc:
        return Status(
            status=NOT_COVERED, reason=Reason.LOW_AUROC, value=float(row["sparse_auroc"]), least=settings.covered_auroc
        )
    return Status(status=COVERED) if q < settings.fdr else Status(status=NOT_COVERED, reason=Reason.NO_ASSOCIATION)


def _with_templates(
    per_au: pd.DataFrame, codebook: Codebook, face: FaceModel, templates: Templates | None
) -> pd.DataFrame:
    best = per_au.assign(codeword=per_au["best_codeword"].fillna(-1).astype(int))
    cosine = _with_cosine(best, codebook, face, templates)["template_cosine"]
    return per_au.assign(template_cosine=cosine.where(best["codeword"] >= 0))


def _with_cosine(table: pd.DataFrame, codebook: Codebook, face: FaceModel, templates: Templates | None) -> pd.DataFrame:
    """template_cosine beside every codeword, au and side: of its deformation with the AU's template; NaN where none."""
    if templates is None:
        return table.assign(template_cosine=np.nan)
    every = np.pad(templates.cosine(face, codebook.psi), ((0, 0), (0, 1)), constant_values=np.nan)
    column = {pair: i for i, pair in enumerate(templates.aus)}
    at = [column.get(pair, len(column)) for pair in zip(table["au"], table["side"], strict=True)]
    return table.assign(template_cosine=every[table["codeword"].to_numpy(int), np.array(at, int)])


def _with_truth(codewords: pd.DataFrame, aggregates: Aggregates, found: Association) -> pd.DataFrame:
    """The planted action that each codeword says best, and its AUROC; no columns for real data."""
    planted = found.auroc[:, aggregates.aus :]
    if not planted.shape[1]:
        return codewords
    score = np.where(np.isfinite(planted), planted, -1)
    names = [action if side == "both" else f"{action} {side}" for action, side in aggregates.columns[aggregates.aus :]]
    best = [names[i] if s > 0 else None for i, s in zip(score.argmax(1), score.max(1), strict=True)]
    return codewords.assign(
        planted_action=cast(Any, best), planted_auroc=np.where(score.max(1) > 0, score.max(1), np.nan)
    )


def _most_used_new(codewords: pd.DataFrame) -> list[int]:
    new = codewords[codewords["new"]].sort_values(["frames", "codeword"], ascending=[False, True])
    return new["codeword"].head(_SHOWN).tolist()


def _not_measured(aus: AlignedAus, per_au: pd.DataFrame) -> pd.DataFrame:
    """au, title, why: AUs without a figure because the tool cannot emit them or did not measure them here."""
    known = per_au.groupby("au")["status"].agg(lambda s: bool((s != NOT_MEASURED).any()))
    why = {row["au"]: describe_reason(row) for row in per_au.to_dict("records") if row["status"] == NOT_MEASURED}
    rows = [
        {
            "au": code,
            "title": unit.title,
            "why": why.get(code, "not in these data") if code in aus.emits else f"{aus.tool} cannot emit it",
        }
        for code, unit in ACTION_UNITS.items()
        if not known.get(code, False)
    ]
    return pd.DataFrame(rows, columns=["au", "title", "why"])


def _truth_table(aggregates: Aggregates, columns: pd.DataFrame, codewords: pd.DataFrame) -> pd.DataFrame:
    """Planted actions: found when covered; one that FACS has no code for also needs a codeword listed as new."""
    new = set(codewords.loc[codewords["new"], "codeword"])
    table = columns.rename(columns={"au": "action"}).reset_index(drop=True)
    listed = [any(k in new for k in chosen) for chosen in table["sparse_codewords"]]
    in_facs = aggregates.in_facs[aggregates.aus :]
    found = table["covered"] & pd.array(in_facs | np.array(listed, bool), "boolean")
    return table.assign(in_facs=in_facs, listed_as_new=np.array(listed, bool), found=found)


def _notes(
    inputs: CoverageInputs, aggregates: Aggregates, templates: Templates | None, spots: BlindSpots, lag_s: float
) -> tuple[str, ...]:
    warning = pose_leak_warning(stored_pose_leak(inputs.dataset.manifest))
    notes = [caveat(inputs.aus.tool, inputs.aus.estimate), *filter(None, [warning])]
    if lag_s:
        side = "after" if lag_s > 0 else "before"
        notes.append(
            f"In these frames AUs come {abs(lag_s):.1f} s {side} the expressions that they go with, and were "
            "not moved here: import them again with --offset auto."
        )
    if templates is None:
        notes.append("This face has no AU templates: codewords were matched by their use alone.")
    elif templates.source == "learned":
        notes.append("AU templates were learned from these AUs by regression, not taken from a table.")
    notes += lines(spots.coefficients)
    if aggregates.dropped:
        notes.append(
            f"{len(aggregates.dropped)} recordings have no part in this: "
            + "; ".join(f"{name} ({why})" for name, why in list(aggregates.dropped.items())[:5])
            + "."
        )
    rows = [row for row in inputs.aus.manifest["alignment"] if row["frames"]]
    if is_detector(inputs.aus) or any("lag" in row for row in rows):
        notes.append(lag_line(rows))
    own = [str(n) for n in inputs.aus.manifest.get("notes", []) if not any(str(n) in note for note in notes)]
    notes += (
        own
        if len(own) <= _MOST_NOTES
        else [
            f"{len(own)} notes on single files are in the manifest of the AUs {inputs.aus.name}; AUs that are imported "
            "again have them summed up."
        ]
    )
    return tuple(dict.fromkeys(notes))


def presence_rule(aus: AlignedAus, signals: pd.DataFrame, settings: CoverageSettings) -> str:
    """When an AU of this artefact counts as present, for captions."""
    rules = set(signals["signal"])
    said = []
    if INTENSITY in rules:
        said.append(f"present from {settings.above_baseline:g} of 5 above the subject's own baseline on")
    if PRESENCE in rules:
        said.append(
            f"present from probability {PRESENT_PROBABILITY:g}"
            + (" where there are no intensities" if INTENSITY in rules else "")
        )
    return ", ".join(said) or "present where it was coded"


def is_detector(aus: AlignedAus) -> bool:
    """Whether a program judged faces: not coded by people, derived from coefficients, or the truth of a simulation."""
    return not aus.estimate and any(emission.tool.startswith(aus.tool) for emission in EMISSIONS.values())


def caveat(tool: str, estimate: bool) -> str:
    """What the source of the AUs does to every figure, for people."""
    if estimate:
        return ESTIMATE_CAVEAT + (
            " AUs and tokens were read from the same coefficients here, so agreement is high and "
            "FACS-only variance low by construction; what is beyond FACS is what the table has "
            "no AU for."
        )
    if tool == "simulated truth":
        return (
            "These AUs are the truth of a simulation, which no detector or coder reaches: figures against a real "
            "tool will be lower."
        )
    if tool == "manual":
        return "These AUs were coded by people; how far coders agree with each other bounds every figure here."
    return DETECTOR_CAVEAT + (
        " An AU that the tool misses looks like a display beyond FACS, and a false alarm like an "
        "AU without a codeword: read coverage of FACS as a lower bound, and what is beyond as "
        "an upper bound."
    )


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
