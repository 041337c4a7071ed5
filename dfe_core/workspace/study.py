"""One codebook over one dataset: tokens, counts, and every analysis of the two, from one object."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from dfe_core.errors import DataError
from dfe_core.tokenizer.codebook import REST
from dfe_core.workspace.study_analyses import StudyAnalyses
from dfe_core.workspace.study_widgets import StudyWidgets

BAG_MEASURES = ("share", "intensity")


class Study(StudyAnalyses, StudyWidgets):
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


def _one_of(where: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise DataError(where, repr(value), " or ".join(allowed))
