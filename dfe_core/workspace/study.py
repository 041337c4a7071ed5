"""One codebook over one dataset: tokens, counts, and every analysis of the two, from one object."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.faces.model import FaceModel
from dfe_core.progress import Listener, silent
from dfe_core.tokenizer.codebook import REST, Codebook
from dfe_core.tokens.cache import TokenCache
from dfe_core.workspace.workspace import Workspace

if TYPE_CHECKING:
    from dfe_core.facs.coverage import Coverage
    from dfe_core.groups.comparison import GroupComparison
    from dfe_core.probes.result import ProbeResult
    from dfe_core.tokens.intervals import RunIndex

DERIVED = "derived"
"""Name of the AUs that are estimated from ARKit coefficients, made where they are asked for and missing."""

BAG_MEASURES = ("share", "intensity")


class Study:
    """A codebook over a dataset. What is not encoded is encoded when the study is made.

    Parameters
    ----------
    codebook, dataset: opened, or their names.
    root: the artefact folder, where both are named (default: ``$DFE_CACHE``).
    progress: is called with `dfe_core.progress.Progress` while something is worked out.

    Raises `DataError` when either is missing, or when they are of different faces.
    """

    def __init__(
        self,
        codebook: Codebook | str,
        dataset: Dataset | str,
        *,
        root: str | Path | None = None,
        workspace: Workspace | None = None,
        progress: Listener = silent,
    ) -> None:
        self.workspace = workspace or Workspace(root or _root_of(codebook) or _root_of(dataset))
        self.codebook = self.workspace.open_codebook(codebook) if isinstance(codebook, str) else codebook
        self.dataset = self.workspace.open_dataset(dataset) if isinstance(dataset, str) else dataset
        self.progress = progress
        self.token_cache = self._encoded()

    @property
    def root(self) -> Path:
        """The artefact folder."""
        return self.workspace.root

    @property
    def face(self) -> FaceModel:
        """The face of both."""
        return self.workspace.open_face(self.codebook.face_id)

    @cached_property
    def intervals_index(self) -> RunIndex:
        """The index of the intervals in which codewords are present, built once and kept on disk."""
        from dfe_core.tokens.intervals import build_runs

        return build_runs(self.token_cache, self.progress)

    def tokens(self, recordings: Sequence[str] | None = None) -> pd.DataFrame:
        """One row a token: recording, frame, time_s, stage (from 0), codeword, intensity, by recording and frame.

        Frames that are not valid, and codeword 0 (nothing moves), have no row. recordings: only these.
        """
        where = "" if recordings is None else "WHERE list_contains(?, recording)"
        return self.token_cache.query(
            f"SELECT recording::VARCHAR AS recording, frame, time_s, stage, codeword, intensity FROM events {where} "
            "ORDER BY recording, frame, stage",
            None if recordings is None else [list(recordings)],
        )

    def bag(self, unit: str = "recording", measure: str = "share") -> pd.DataFrame:
        """Bag of codewords: one row per unit, one column per codeword (its number).

        Parameters
        ----------
        unit: ``recording`` or ``subject``.
        measure: ``share`` (0 … 1 of the unit's valid frames in which the codeword is present, as `tokens.presence`
            says; column 0: frames without any token) or ``intensity`` (its intensity while present, mean over all
            valid frames of the unit; column 0 is zero).

        Returns
        -------
        A table indexed by unit, in the order of the dataset; NaN where a unit has no valid frame.
        """
        _one_of("unit", unit, ("recording", "subject"))
        _one_of("measure", measure, BAG_MEASURES)
        rows = self.dataset.recordings
        owner = rows.set_index(rows["recording"].astype(str))[unit].astype(str)
        counts = self.intervals_index.presence.assign(recording=lambda t: t["recording"].astype(str))
        column = "frames" if measure == "share" else "intensity"
        table = counts.pivot_table(column, "recording", "codeword", "sum").reindex(columns=range(self.codebook.size))
        table = table.reindex(owner.index).fillna(0.0)
        table[REST] = self._empty_frames().reindex(owner.index, fill_value=0) if measure == "share" else 0.0
        frames = self._frames().reindex(owner.index, fill_value=0)
        table, frames = (part.groupby(owner.to_numpy(), sort=False).sum() for part in (table, frames))
        return table.div(frames.where(frames > 0), axis=0).rename_axis(index=unit, columns="codeword")

    def intervals(self, codeword: int | None = None) -> pd.DataFrame:
        """Intervals in which a codeword (None: any) is present: codeword, recording, start_frame, peak_frame,
        end_frame, start_s, peak_s, end_s, frames, peak, mean (intensities) and dominance (share of the codeword in the
        peak frame's intensities)."""
        asked = range(1, self.codebook.size) if codeword is None else [codeword]
        parts = [runs.assign(codeword=k) for k in asked if len(runs := self.intervals_index.runs(k)) or codeword]
        table = pd.concat(parts, ignore_index=True) if parts else self.intervals_index.runs(REST).assign(codeword=REST)
        return table[["codeword", *(name for name in table.columns if name != "codeword")]]

    def moments(self, codeword: int, limit: int = 20) -> pd.DataFrame:
        """The intervals in which a codeword is strongest, over as many subjects as there are, strongest first."""
        from dfe_core.tokens.peak_frames import strongest_moments

        return strongest_moments(self.intervals_index, codeword, self.dataset.recordings, limit)

    def evaluate(self, split: str = "test", *, rivals: bool = True) -> dict[str, Any]:
        """The figures of ``dfe evaluate``: fidelity, rate, use of the codebook; see docs/tokenizer.md for each.

        split: ``test``, ``validation``, ``train`` or ``all``. rivals: with the baselines, which take longest.
        """
        from dfe_core.evaluation.evaluate import evaluate_model

        return evaluate_model(
            self.codebook.model, self.dataset.name, split=split, root=self.root, rivals=rivals, progress=self.progress
        )

    def coverage(self, aus: str = DERIVED, *, seed: int = 0) -> Coverage:
        """The codebook against action units, as ``dfe coverage``.

        aus: the name they were imported under (``openface``), or ``derived`` for estimates from ARKit coefficients,
        which are made where they are missing. The result has ``per_au`` and other tables, and ``to_json()``.
        """
        from dfe_core.facs.coverage import analyse_coverage

        self._derive_missing(aus)
        return analyse_coverage(
            self.codebook.model, self.dataset.name, aus, root=self.root, seed=seed, progress=self.progress
        )

    def probe(self, label: str, **settings: Any) -> ProbeResult:
        """Predict a label from tokens, AUs and coefficients over folds that keep subjects apart, as ``dfe probe``.

        Parameters
        ----------
        label: a label column of the dataset.
        settings: fields of `dfe_core.probes.settings.ProbeSettings`: features, models, task, unit, group, folds,
            seed … Without ``features``: codewords (``bow``), coefficients (``psi``), and AUs where there are any.

        Returns
        -------
        The result, with ``rows`` (one a feature set and model), ``paired``, ``codewords`` and ``to_json()``.
        """
        from dfe_core.probes.run import run_probe
        from dfe_core.probes.settings import ProbeSettings

        if "features" not in settings:
            aus = self._any_aus(settings.get("aus"))
            settings |= {"features": ("bow", "au", "psi"), "aus": aus} if aus else {"features": ("bow", "psi")}
        asked = ProbeSettings(model=self.codebook.model, dataset=self.dataset.name, label=label, **settings)
        if any(part.startswith("au") for name in asked.features for part in name.split("+")):
            self._derive_missing(asked.aus)
        return run_probe(asked, self.root, self.progress)

    def compare_groups(self, by: str, **settings: Any) -> GroupComparison:
        """Does the use of codewords differ between groups? As ``dfe groups``; see docs/groups.md.

        by: a label column of 2 to 10 levels. settings: fields of `dfe_core.groups.comparison.GroupSettings`: unit,
        permutations, resamples, seed. The result has ``table`` (one row per codeword, measure and pair of levels).
        """
        from dfe_core.groups.comparison import GroupSettings, compare_groups

        return compare_groups(
            self.codebook, self.dataset, self.intervals_index, GroupSettings(by=by, **settings), progress=self.progress
        )

    def _encoded(self) -> TokenCache:
        """The tokens of both as they are, encoded now where there are none."""
        name, dataset = self.codebook.model, self.dataset.name
        try:
            tokens = self.workspace.open_tokens(name, dataset)
            made_from = (
                tokens.manifest.get("model_key", self.codebook.key),
                tokens.manifest.get("dataset_key", self.dataset.key),
            )
            if made_from == (self.codebook.key, self.dataset.key):
                return tokens
        except DataError:
            pass
        from dfe_core.tokens.encoding import encode_dataset

        encode_dataset(name, dataset, root=self.root, progress=self.progress)
        return self.workspace.open_tokens(name, dataset)

    def _derive_missing(self, aus: str) -> None:
        from dfe_core.facs.store import list_aligned

        if aus == DERIVED and DERIVED not in list_aligned(self.dataset.name, self.root):
            from dfe_core.facs.derive import derive_aus

            derive_aus(self.dataset, DERIVED, root=self.root, progress=self.progress)

    def _any_aus(self, asked: str | None) -> str | None:
        """The AUs of a probe that names none: those asked for, else the only ones, else derived where that is
        possible."""
        from dfe_core.facs.derive import make_deriver
        from dfe_core.facs.store import list_aligned

        here = list_aligned(self.dataset.name, self.root)
        if asked or len(here) == 1:
            return asked or here[0]
        try:
            make_deriver(self.dataset.names)
        except DataError:
            return here[0] if here else None
        return DERIVED

    def _frames(self) -> pd.Series:
        """Frames with tokens by recording."""
        rows = self.intervals_index.recordings
        return rows.set_index(rows["recording"].astype(str))["frames"]

    def _empty_frames(self) -> pd.Series:
        """Frames without any token but codeword 0, by recording."""
        rows = self.token_cache.query(
            "SELECT recording::VARCHAR AS recording, count(*) AS frames FROM frames "
            "WHERE list_sum(tokens::USMALLINT[]) = 0 GROUP BY recording"
        )
        return rows.set_index("recording")["frames"]

    def __repr__(self) -> str:
        return f"Study({self.codebook.model!r}, {self.dataset.name!r})"


def _root_of(artefact: Codebook | Dataset | str) -> Path | None:
    """The artefact folder that an opened artefact is in."""
    path = None if isinstance(artefact, str) else artefact.path
    return path.parent.parent if path else None


def _one_of(where: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise DataError(where, repr(value), " or ".join(allowed))
