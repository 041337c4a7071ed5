"""One codebook over one dataset: tokens, counts, and every analysis of the two, from one object."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.sealed_test import note_look, opened_seal
from dfe_core.faces.model import FaceModel
from dfe_core.progress import Listener, silent
from dfe_core.store import content_key
from dfe_core.tokenizer.codebook import REST, Codebook
from dfe_core.tokens.cache import TokenCache
from dfe_core.workspace.workspace import Workspace

if TYPE_CHECKING:
    from dfe_core.conversations.result import ConversationResult
    from dfe_core.conversations.settings import ConversationSettings
    from dfe_core.facs.coverage_result import Coverage
    from dfe_core.groups.comparison import GroupComparison
    from dfe_core.groups.event_curves import CurveSettings, EventCurves
    from dfe_core.groups.families import FamilyComparison
    from dfe_core.notebook.widgets import CodewordWidget, GalleryWidget, MapWidget, PlayerWidget
    from dfe_core.probes.result import ProbeResult
    from dfe_core.syllables.store import SyllableSet, SyllableSettings
    from dfe_core.tokens.intervals import RunIndex

DERIVED = "derived"
"""Name of the AUs that are estimated from ARKit coefficients, made where they are asked for and missing."""

BAG_MEASURES = ("share", "intensity")


class Study:
    """A codebook over a dataset. What is not encoded is encoded when the study is made.

    Parameters
    ----------
    codebook, dataset
        Opened, or their names.
    root
        The artefact folder, where both are names (default: ``$DFE_CACHE``).
    workspace
        A `Workspace` that holds opened artefacts, to share with other studies (default: a new one).
    progress
        Called with `dfe_core.progress.Progress` while something is computed.

    Raises
    ------
    DataError
        When either is missing, or when they are of different faces.
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
        """Tokens of every frame as a table.

        Parameters
        ----------
        recordings
            Names of recordings (default: all).

        Returns
        -------
        DataFrame
            One row per token: recording, frame, time_s (s), stage (from 0), codeword, intensity, sorted by recording,
            frame and stage. Frames that are not valid, and codeword 0 (no movement), have no row.
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
        unit
            ``recording`` or ``subject``.
        measure
            ``share`` (0 … 1 of the unit's valid frames in which the codeword is present, as `dfe_core.tokens.presence`
            defines it; column 0: frames without any token) or ``intensity`` (its intensity while present, mean over
            all valid frames of the unit; column 0 is zero).

        Returns
        -------
        DataFrame
            Shape (units, K), indexed by unit in the order of the dataset; NaN where a unit has no valid frame.

        Raises
        ------
        DataError
            For another unit or measure.
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
        table = table.groupby(owner.to_numpy(), sort=False).sum()
        frames = frames.groupby(owner.to_numpy(), sort=False).sum()
        return table.div(frames.where(frames > 0), axis=0).rename_axis(index=unit, columns="codeword")

    def intervals(self, codeword: int | None = None) -> pd.DataFrame:
        """Intervals in which a codeword is present: onset, peak and end.

        Parameters
        ----------
        codeword
            1 … K−1; None: all of them.

        Returns
        -------
        DataFrame
            One row per interval: codeword, recording, start_frame, peak_frame, end_frame, start_s, peak_s, end_s (s),
            frames, peak and mean (intensities) and dominance (0 … 1, the codeword's share of all intensities in the
            peak frame).
        """
        asked = range(1, self.codebook.size) if codeword is None else [codeword]
        parts = [runs.assign(codeword=k) for k in asked if len(runs := self.intervals_index.runs(k)) or codeword]
        table = pd.concat(parts, ignore_index=True) if parts else self.intervals_index.runs(REST).assign(codeword=REST)
        return table[["codeword", *(name for name in table.columns if name != "codeword")]]

    def moments(self, codeword: int, limit: int = 20) -> pd.DataFrame:
        """List the intervals in which a codeword is strongest, over as many subjects as possible.

        Parameters
        ----------
        codeword
            1 … K−1.
        limit
            Number of rows at most.

        Returns
        -------
        DataFrame
            Intervals as in `intervals`, with subject and labels, strongest first.
        """
        from dfe_core.tokens.peak_frames import strongest_moments

        return strongest_moments(self.intervals_index, codeword, self.dataset.recordings, limit)

    def evaluate(self, split: str = "test", *, rivals: bool = True) -> dict[str, Any]:
        """Measure fidelity, rate and use of the codebook, as ``dfe evaluate``; see docs/tokenizer.md for each figure.

        Parameters
        ----------
        split
            Subjects to measure on: ``test``, ``validation``, ``train`` or ``all``.
        rivals
            Also fit and measure the baselines, which take most of the time.

        Returns
        -------
        dict
            The JSON of ``dfe evaluate``: rmse_mm (mm), bits_per_frame, explained_variance, baselines …

        Raises
        ------
        DataError
            For another split, and for one without a valid frame.
        """
        from dfe_core.evaluation.evaluate import evaluate_codebook

        return evaluate_codebook(
            self.codebook, self.dataset, self.face, split=split, root=self.root, rivals=rivals, progress=self.progress
        )

    def coverage(self, aus: str | None = None, *, seed: int = 0) -> Coverage:
        """Compare the codebook with action units, as ``dfe coverage``.

        Parameters
        ----------
        aus
            The name they were imported under (``openface``), or ``derived`` for estimates from ARKit coefficients,
            which are made where they are missing (default: the only ones that there are, else the only ones that
            were detected or coded, else ``derived``).
        seed
            For folds and bootstrap.

        Returns
        -------
        Coverage
            ``per_au`` (one row per AU and side) and other tables, and ``to_json()``.

        Raises
        ------
        DataError
            When there are no AUs of this name, and when none can be derived.
        """
        from dfe_core.facs.aggregates import CoverageInputs
        from dfe_core.facs.coverage import analyse_inputs
        from dfe_core.facs.store import AlignedAus

        aus = self._any_aus(aus) or DERIVED
        self._derive_missing(aus)
        inputs = CoverageInputs(
            codebook=self.codebook,
            face=self.face,
            tokens=self.token_cache,
            dataset=self.dataset,
            aus=AlignedAus.open(self.dataset.name, aus, self.root),
        )
        return analyse_inputs(inputs, root=self.root, seed=seed, progress=self.progress)

    def probe(self, label: str, **settings: Any) -> ProbeResult:
        """Predict a label from tokens, AUs and coefficients over folds that keep subjects apart, as ``dfe probe``.

        Parameters
        ----------
        label
            A label column of the dataset.
        **settings
            Fields of `dfe_core.probes.settings.ProbeSettings`: features, models, task, unit, group, folds, seed …
            Without ``features``: codewords (``bow``), coefficients (``psi``), and AUs where there are any.

        Returns
        -------
        ProbeResult
            ``rows`` (one per feature set and model), ``paired``, ``codewords`` and ``to_json()``.

        Raises
        ------
        DataError
            For an unknown label or setting, and for too few subjects for the folds.
        """
        from dfe_core.probes.features.material import CodebookTokens
        from dfe_core.probes.run import probe_inputs, probe_opened
        from dfe_core.probes.settings import ProbeSettings

        if "features" not in settings:
            aus = self._any_aus(settings.get("aus"))
            settings |= {"features": ("bow", "au", "psi"), "aus": aus} if aus else {"features": ("bow", "psi")}
        asked = ProbeSettings(model=self.codebook.model, dataset=self.dataset.name, label=label, **settings)
        if any(part.startswith("au") for name in asked.features for part in name.split("+")):
            self._derive_missing(asked.aus)
        inputs = probe_inputs(asked, self.dataset, CodebookTokens(codebook=self.codebook, tokens=self.token_cache))
        return probe_opened(asked, inputs, self.progress)

    def compare_groups(self, by: str, **settings: Any) -> GroupComparison:
        """Test whether the use of codewords differs between groups, as ``dfe groups``; see docs/groups.md.

        Parameters
        ----------
        by
            A label column of 2 to 10 levels.
        **settings
            Fields of `dfe_core.groups.comparison.GroupSettings`: unit, permutations, resamples, seed.

        Returns
        -------
        GroupComparison
            ``table`` has one row per codeword, measure and pair of levels.

        Raises
        ------
        DataError
            For an unknown label, and for one with too few or too many levels.
        """
        from dfe_core.groups.comparison import GroupSettings, compare_groups

        asked = GroupSettings(by=by, **settings)
        return compare_groups(self.codebook, self.dataset, self.intervals_index, asked, progress=self.progress)

    def compare_syllables(self, by: str, **settings: Any) -> GroupComparison:
        """Test whether the use of syllables differs between groups, as ``dfe groups --syllables``.

        Parameters
        ----------
        by
            A label column of 2 to 10 levels.
        **settings
            Fields of `dfe_core.groups.comparison.GroupSettings`: unit, permutations, resamples, seed.

        Returns
        -------
        GroupComparison
            ``table`` has one row per syllable, measure (rate, share, duration) and pair of levels.

        Raises
        ------
        DataError
            Where no syllables of the two have been found, and for a label that is no grouping.
        """
        from dfe_core.groups.comparison import GroupSettings
        from dfe_core.groups.syllable_use import SYLLABLE_MEASURES, compare_syllable_groups
        from dfe_core.syllables.store import require_syllables

        asked = GroupSettings(by=by, **{"measures": SYLLABLE_MEASURES, **settings})
        return compare_syllable_groups(require_syllables(self.token_cache), self.dataset, asked, self.progress)

    def syllables(self, settings: SyllableSettings | None = None) -> SyllableSet:
        """Find displays that recur, with onset, apex, offset and duration, as ``dfe syllables``; see docs/syllables.md.

        Parameters
        ----------
        settings
            How many, how long, and the seed (default: 20 beside rest, the duration chosen by held-out likelihood).

        Returns
        -------
        SyllableSet
            ``table`` has one row per syllable, ``segments`` one per occurrence; 0 is rest.

        Raises
        ------
        DataError
            Where no face moves, and where no duration is given and nobody can be held out to choose it.
        """
        from dfe_core.syllables.store import SyllableInputs, find_syllables

        inputs = SyllableInputs(codebook=self.codebook, face=self.face, dataset=self.dataset, tokens=self.token_cache)
        return find_syllables(inputs, settings, self.progress)

    def event_curves(self, settings: CurveSettings) -> EventCurves:
        """Follow the use of codewords around events, with tests over subjects, as ``dfe events curves``.

        Parameters
        ----------
        settings
            The set of events, the window and the tests; see docs/events.md.

        Returns
        -------
        EventCurves
            ``curves`` has one row per codeword, measure, level and time; ``clusters`` one per run of times that differ.

        Raises
        ------
        DataError
            For an unknown set or column of events.
        """
        from dfe_core.groups.event_curves import event_curves

        if settings.by:
            self._note_look("event curves", settings.by, settings)
        return event_curves(self.dataset, self.token_cache, settings, self.progress)

    def conversations(self, settings: ConversationSettings) -> ConversationResult:
        """Find who answers whom in recordings that were made together, as ``dfe conversations``.

        Parameters
        ----------
        settings
            Which recordings are together, the largest lag, and the tests; see docs/conversations.md.

        Returns
        -------
        ConversationResult
            ``table`` has one row per codeword or region, measure and direction; ``turns`` one per pair of faces.

        Raises
        ------
        DataError
            For conversations of one face, clocks that do not overlap, and an unknown column.
        """
        from dfe_core.conversations.run import analyse_conversations

        return analyse_conversations(self.codebook, self.dataset, self.token_cache, settings, self.progress)

    def groups(self, by: str, *, aus: str | None = None, syllables: bool = False, **settings: Any) -> FamilyComparison:
        """Compare codewords, regions and action units between groups in one table, as ``dfe groups --all``.

        Parameters
        ----------
        by
            A label column of 2 to 10 levels.
        aus
            The name of action units (default: the only ones that there are, else the only ones that were detected or
            coded, else ``derived`` where that is possible).
        syllables
            Whether syllables are compared, too: those that were found last in these tokens.
        **settings
            Fields of `dfe_core.groups.comparison.GroupSettings`: unit, permutations, resamples, seed.

        Returns
        -------
        FamilyComparison
            ``table`` has one row per codeword, region, syllable or AU, measure and pair of levels; ``families`` one
            per family.

        Raises
        ------
        DataError
            For an unknown label, for one with too few or too many levels, and for syllables that have not been found.
        """
        from dfe_core.facs.store import AlignedAus
        from dfe_core.groups.comparison import GroupSettings
        from dfe_core.groups.families import compare_families
        from dfe_core.syllables.store import require_syllables

        asked = GroupSettings(by=by, **settings)
        if (name := self._any_aus(aus)) is not None:
            self._derive_missing(name)
        found = None if name is None else AlignedAus.open(self.dataset.name, name, self.root)
        return compare_families(
            self.codebook,
            self.dataset,
            self.intervals_index,
            asked,
            aus=found,
            syllables=require_syllables(self.token_cache) if syllables else None,
            progress=self.progress,
        )

    def codeword_widget(self, codeword: int, *, height: int = 320) -> CodewordWidget:
        """Show a codeword in a notebook as a face that moves and can be turned; needs ``dfe[notebook]``.

        Parameters
        ----------
        codeword
            0 … K−1; the widget's ``codeword`` changes it.
        height
            Of the picture, CSS pixels.

        Returns
        -------
        CodewordWidget
            Displayed where it is the value of a cell.

        Raises
        ------
        DataError
            For another number, for a face without a mesh, and where anywidget is not installed.
        """
        widgets = _widgets()
        return widgets.CodewordWidget(self.codebook, self.face, codeword, height)

    def gallery_widget(self, codewords: Sequence[int] | None = None, *, height: int = 420) -> GalleryWidget:
        """Show codewords in a notebook as cards to click and select; needs ``dfe[notebook]``.

        Parameters
        ----------
        codewords
            Which, in their order (default: all but codeword 0, those of most frames first).
        height
            Of the box that scrolls, CSS pixels.

        Returns
        -------
        GalleryWidget
            ``codeword`` is the open card, ``chosen`` the selected ones.

        Raises
        ------
        DataError
            For a number that is no codeword, and where anywidget is not installed.
        """
        widgets, table = _widgets(), self.codebook.table
        if codewords is None:
            order = table.sort_values("uses", ascending=False, kind="stable") if "uses" in table else table
            codewords = [int(k) for k in order["codeword"] if k != REST]
        return widgets.GalleryWidget(self.codebook, self.face, list(codewords), height=height, root=self.root)

    def player_widget(
        self, recording: str | None = None, *, time_s: float = 0.0, part: int = 0, height: int = 320
    ) -> PlayerWidget:
        """Show a recording in a notebook beside what its tokens rebuild, with its timeline; needs ``dfe[notebook]``.

        Parameters
        ----------
        recording
            Its name (default: the first one).
        time_s
            Where the player begins, s.
        part
            Of recordings longer than five minutes at 30 frames a second, which part.
        height
            Of the pictures, CSS pixels.

        Returns
        -------
        PlayerWidget
            ``time_s`` is where it is, and ``recording`` can be set.

        Raises
        ------
        DataError
            For a recording that is not there or has no tokens, and where anywidget is not installed.
        """
        widgets = _widgets()
        name = recording or str(self.dataset.recordings["recording"].iloc[0])
        return widgets.PlayerWidget(
            self.codebook,
            self.face,
            self.dataset,
            self.token_cache,
            recording=name,
            time_s=time_s,
            part=part,
            height=height,
        )

    def map_widget(
        self, of: str = "codewords", *, by: str | None = None, method: str = "umap", height: int = 420
    ) -> MapWidget:
        """Show codewords or frames in a notebook as a map to click and draw around; needs ``dfe[notebook]``.

        Parameters
        ----------
        of
            ``codewords`` or ``frames``.
        by
            What makes two near each other, as in ``dfe map --by`` (default: the displacement, the face).
        method
            ``umap`` or ``pca``; the map is made where it is missing.
        height
            Of the picture, CSS pixels.

        Returns
        -------
        MapWidget
            ``chosen`` are the selected codewords, ``moments`` the selected points.

        Raises
        ------
        DataError
            For a map that there is not, and where anywidget is not installed.
        """
        from dfe_core.embedding.maps import MapSettings, build_map

        widgets, frames = _widgets(), of == "frames"
        settings = MapSettings(
            model=self.codebook.model,
            dataset=self.dataset.name if frames or by == "cooccurrence" else "",
            of=of,
            by=by or ("psi" if frames else "deformation"),
            method=method,
        )
        made = build_map(settings, root=self.root, face=self.face, progress=self.progress)
        return widgets.MapWidget(self.codebook, self.face, made, self.dataset if frames else None, height)

    def _note_look(self, act: str, label: str, settings: Any) -> None:
        """Count an analysis of labels that were sealed. settings: a record of plain values."""
        if (seal := opened_seal(self.dataset.manifest, self.root)) is not None:
            note_look(seal, act, label, content_key([self.codebook.model, str(settings)]), self.root)

    def _encoded(self) -> TokenCache:
        """The tokens of both as they are, encoded now where there are none."""
        name, dataset = self.codebook.model, self.dataset.name
        try:
            tokens = self.workspace.open_tokens(name, dataset)
            made_from = (
                tokens.manifest.get("model_key", self.codebook.key),
                tokens.manifest.get("dataset_key", self.dataset.stored_key),
            )
            if made_from == (self.codebook.key, self.dataset.stored_key):
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
        """The AUs of an analysis that names none: those asked for, else `default_aus`, else derived where that is
        possible."""
        from dfe_core.facs.derive import make_deriver
        from dfe_core.facs.store import default_aus, list_aligned

        if usual := asked or default_aus(self.dataset.name, self.root):
            return usual
        here = list_aligned(self.dataset.name, self.root)
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


def _widgets() -> Any:
    """The module of widgets. Raises `DataError` where the package that runs them is not installed."""
    try:
        from dfe_core.notebook import widgets
    except ModuleNotFoundError as error:
        if error.name not in ("anywidget", "ipywidgets", "traitlets"):
            raise
        raise DataError(str(error.name), "not installed", "pip install 'dfe[notebook]'") from None
    return widgets


def _root_of(artefact: Codebook | Dataset | str) -> Path | None:
    """The artefact folder that an opened artefact is in."""
    path = None if isinstance(artefact, str) else artefact.path
    return path.parent.parent if path else None


def _one_of(where: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise DataError(where, repr(value), " or ".join(allowed))
