"""The analyses of one codebook over one dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dfe_core.workspace.study_opened import DERIVED, OpenedStudy

if TYPE_CHECKING:
    from dfe_core.conversations.result import ConversationResult
    from dfe_core.conversations.settings import ConversationSettings
    from dfe_core.facs.coverage_result import Coverage
    from dfe_core.groups.channel_curves import ChannelChoice
    from dfe_core.groups.comparison import GroupComparison
    from dfe_core.groups.event_curves import CurveSettings, EventCurves
    from dfe_core.groups.families import FamilyComparison
    from dfe_core.probes.result import ProbeResult
    from dfe_core.syllables.store import SyllableSet, SyllableSettings


class StudyAnalyses(OpenedStudy):
    """What can be asked of a codebook over a dataset."""

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

    def channel_curves(self, settings: CurveSettings, choice: ChannelChoice) -> EventCurves:
        """Follow head pose, gaze, voice or signals around events, as ``dfe events curves --channel``.

        Parameters
        ----------
        settings
            The set of events, the window and the tests; see docs/events.md.
        choice
            Names of channels, and signals beside the dataset.

        Returns
        -------
        EventCurves
            As `event_curves`, with the columns ``channel`` and ``unit`` in the place of ``codeword``.

        Raises
        ------
        DataError
            For an unknown set or column of events, and for a channel that nothing holds.
        """
        from dataclasses import replace

        from dfe_core.groups.channel_curves import channel_curves

        if settings.by:
            self._note_look("event curves", settings.by, settings)
        return replace(channel_curves(self.dataset, settings, choice, self.progress), model=self.codebook.model)

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
