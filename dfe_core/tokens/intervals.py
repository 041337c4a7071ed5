"""Runs: stretches of time in which a codeword is present (`tokens.presence` says when). One pass over the tokens makes
a small index of them.

Everything a page asks of one codeword (strongest moments, durations, contexts, who shows it) is read from this index
in milliseconds, however many frames the token cache has. ``analyses/runs-<key>/`` holds runs.parquet (sorted by
codeword), presence.parquet, intensities.parquet, recordings.parquet, counts.npz and, last, manifest.json.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from dfe_core.artefact import OpenedArtefact, source_labels
from dfe_core.artefact_names import INTERVALS, MANIFEST, RECORDINGS_FILE, keyed_name
from dfe_core.engines import LOCAL, Engine, consecutive_groups, report_part
from dfe_core.engines.engine import cores
from dfe_core.errors import DataError
from dfe_core.expressions.recording_table import (
    RecordingSpan,
    RecordingTable,
    iter_recording_tables,
    recording_spans,
)
from dfe_core.integrity import is_whole
from dfe_core.progress import Listener, silent
from dfe_core.store import atomic_directory, content_key, write_json
from dfe_core.table_spool import TableSpool
from dfe_core.tokenizer.codebook import REST
from dfe_core.tokens.cache import TokenCache, Tokens
from dfe_core.tokens.presence import (
    RULE,
    Activations,
    PresenceRule,
    codeword_sizes,
    frame_step,
    presence_facts,
    present_activations,
)

VERSION = 2

WINDOW_S = 1.0
"""A run follows another when its onset lies within this time after the other's onset."""

_GROUP_FRAMES = 1 << 17
"""Of recordings whose runs are found together."""
_SORTING_MEMORY, _SORTING_THREADS = "512MB", 4
"""Most that DuckDB takes; by itself it takes most of the memory and every core, and the order is the same."""
_SUMMARY_RUNS = 1 << 21
"""Runs that medians are taken of together, unless one codeword has more."""
_SCHEMA = pa.schema(
    [
        ("codeword", pa.uint16()),
        ("recording", pa.dictionary(pa.int32(), pa.string())),
        ("start_frame", pa.int64()),
        ("peak_frame", pa.int64()),
        ("end_frame", pa.int64()),
        ("start_s", pa.float64()),
        ("peak_s", pa.float64()),
        ("end_s", pa.float64()),
        ("frames", pa.int32()),
        ("peak", pa.float32()),
        ("mean", pa.float32()),
        ("dominance", pa.float32()),
    ]
)


@dataclass(frozen=True)
class RunIndex(OpenedArtefact):
    """The runs of every codeword of one token cache, and the counts taken in the same pass."""

    path: Path

    @property
    def codewords(self) -> int:
        """K."""
        return int(self.manifest["codewords"])

    @property
    def onset_mm(self) -> float:
        """Displacement (mm) from which on a codeword counts as present."""
        return float(self.manifest["presence"]["onset_mm"])

    @property
    def frames(self) -> int:
        """Frames that have tokens."""
        return int(self.manifest["frames"])

    def runs(self, codeword: int) -> pd.DataFrame:
        """Every run of one codeword, by recording and time: recording, start_frame, peak_frame, end_frame, start_s,
        peak_s, end_s (of the frame after the last), frames (with the codeword), peak and mean intensity, dominance
        (share of the codeword in the sum of the peak frame's intensities). The last few tables are kept: not to be
        changed.

        Raises `DataError` for a codeword that is not in 0 … K−1.
        """
        if not 0 <= codeword < self.codewords:
            raise DataError(self.manifest["model"], f"codeword {codeword}", f"0 to {self.codewords - 1}")
        return _runs_of(self.path, codeword)

    def of_recordings(self, recordings: Sequence[str]) -> pd.DataFrame:
        """Every run of some recordings, by codeword (a column beside those of `runs`), recording and time."""
        with duckdb.connect() as connection:
            table = connection.execute(
                f"SELECT * FROM read_parquet('{_quoted(self.path / 'runs.parquet')}') "
                "WHERE list_contains(?, recording::VARCHAR) ORDER BY codeword, recording, start_frame",
                [list(recordings)],
            ).df()
        return table.astype({"codeword": np.int64})

    def first_seen(self, recording: str) -> pd.Series:
        """Seconds at which each codeword's first run in a recording starts, by codeword."""
        with duckdb.connect() as connection:
            rows = connection.execute(
                f"SELECT codeword, min(start_s) AS first_s FROM read_parquet('{_quoted(self.path / 'runs.parquet')}') "
                "WHERE recording = ? GROUP BY codeword",
                [recording],
            ).df()
        return rows.set_index("codeword")["first_s"]

    @cached_property
    def summary(self) -> pd.DataFrame:
        """K rows: runs, median_duration_s, median_onset_s (start to peak) of every codeword; NaN where it has none."""
        return pd.read_parquet(self.path / "summary.parquet")

    @cached_property
    def presence(self) -> pd.DataFrame:
        """recording, codeword, frames in which it is present, intensity (sum over these)."""
        return pd.read_parquet(self.path / "presence.parquet")

    @cached_property
    def intensities(self) -> pd.DataFrame:
        """codeword, intensity, frames: in how many frames the codeword is present at which intensity (summed over
        the frame's tokens)."""
        return pd.read_parquet(self.path / "intensities.parquet")

    @cached_property
    def recordings(self) -> pd.DataFrame:
        """recording, frames, duration_s: what has tokens."""
        return pd.read_parquet(self.path / RECORDINGS_FILE)

    @cached_property
    def cooccurrence(self) -> np.ndarray:
        """(K, K) int64: frames in which both codewords are present; the diagonal counts frames with the one."""
        return self._counts["cooccurrence"]

    @cached_property
    def followed(self) -> np.ndarray:
        """(K, K) int64: pairs of runs, row's onset first, column's onset up to `WINDOW_S` later."""
        return self._counts["followed"]

    @cached_property
    def _counts(self) -> dict[str, np.ndarray]:
        with np.load(self.path / "counts.npz", allow_pickle=False) as stored:
            return dict(stored)


@lru_cache(maxsize=4)
def _runs_of(path: Path, codeword: int) -> pd.DataFrame:
    """The file is sorted, and its folder is named by its content."""
    table = pq.read_table(
        path / "runs.parquet", columns=_SCHEMA.names[1:], filters=[("codeword", "=", codeword)], memory_map=True
    )
    return table.to_pandas()


def open_runs(tokens: TokenCache, rule: PresenceRule = RULE) -> RunIndex | None:
    """The index of a token cache if it has been built."""
    path = _path(tokens, rule)
    return RunIndex(path) if is_whole(path) else None


def build_runs(
    tokens: TokenCache, progress: Listener = silent, rule: PresenceRule = RULE, engine: Engine = LOCAL
) -> RunIndex:
    """The index of a token cache, built in one streaming pass when there is none for these tokens and this rule.

    Memory is a group of recordings plus the counts, (K, K) twice. engine: where the runs are found.
    """
    if (found := open_runs(tokens, rule)) is not None:
        return found
    with atomic_directory(_path(tokens, rule)) as folder:
        _write(tokens, folder, progress, rule, engine)
    return RunIndex(_path(tokens, rule))


def iter_recordings(tokens: TokenCache, spans: Sequence[RecordingSpan] | None = None) -> Iterator[Tokens]:
    """The tokens of each recording in the order of the file, streamed by row group.

    spans: of `recording_spans`, the recordings that are read (default: all).
    """
    if spans is None:
        for name, table in iter_recording_tables(tokens.file):
            yield _tokens(name, table, tokens.levels)
        return
    file = RecordingTable(tokens.file, "`dfe encode` to be run again")
    columns = ("frame", "time_s", "tokens", "levels", "error_mm")
    for span in spans:
        yield _tokens(span.recording, file.read(span.first, span.count, columns), tokens.levels)


def find_runs(tokens: Tokens, sizes_mm: np.ndarray | None = None, rule: PresenceRule = RULE) -> pd.DataFrame:
    """The runs of one recording, sorted by codeword and time: `RunIndex.runs` and a codeword column.

    sizes_mm: `presence.codeword_sizes`; without, presence goes by intensity. The peak is the middle one of the frames
    with the largest intensity.
    """
    return _runs(*present_activations(tokens, sizes_mm, rule), tokens)


def _runs(present: Activations, number: np.ndarray, tokens: Tokens) -> pd.DataFrame:
    if not len(present.row):
        return pd.DataFrame({name: [] for name in _SCHEMA.names if name != "recording"})
    time, step = tokens.time_s[present.row], frame_step(tokens.time_s)
    new = np.r_[True, np.diff(number) != 0]
    first = np.flatnonzero(new)
    last = np.r_[first[1:], len(new)] - 1
    peak = _middle_of_maxima(present.intensity, first, new)
    total = tokens.intensities.sum(1, dtype=np.float64)
    frame = tokens.frame[present.row]
    count = last - first + 1
    return pd.DataFrame(
        {
            "codeword": present.codeword[first],
            "start_frame": frame[first],
            "peak_frame": frame[peak],
            "end_frame": frame[last],
            "start_s": time[first],
            "peak_s": time[peak],
            "end_s": time[last] + step,
            "frames": count,
            "peak": present.intensity[peak],
            "mean": np.add.reduceat(present.intensity, first) / count,
            "dominance": present.intensity[peak] / total[present.row[peak]],
        }
    )


def _middle_of_maxima(values: np.ndarray, first: np.ndarray, new: np.ndarray) -> np.ndarray:
    """For each run, the index of the middle one among its largest values (a plateau's middle, not its start)."""
    group = np.cumsum(new) - 1
    at = np.flatnonzero(values >= np.maximum.reduceat(values, first)[group] - 1e-9)
    count = np.bincount(group[at], minlength=len(first))
    start = np.cumsum(count) - count
    return at[start + (count - 1) // 2]


def _pairs_in_window(onset: np.ndarray, codeword: np.ndarray, size: int, window_s: float) -> np.ndarray:
    """(K, K) counts of (earlier, later) runs whose onsets differ by more than 0 and at most `window_s`."""
    order = np.argsort(onset, kind="stable")
    onset, codeword = onset[order], codeword[order].astype(np.int64)
    low, high = np.searchsorted(onset, onset, "right"), np.searchsorted(onset, onset + window_s, "right")
    count = high - low
    earlier = np.repeat(np.arange(len(onset)), count)
    later = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + np.repeat(low, count)
    return np.bincount(codeword[earlier] * size + codeword[later], minlength=size * size).reshape(size, size)


@dataclass(frozen=True, eq=False, kw_only=True)
class _Pass:
    """What all groups of recordings have in common."""

    tokens: TokenCache
    sizes: np.ndarray | None
    rule: PresenceRule


@dataclass(frozen=True, eq=False, kw_only=True)
class _Found:
    """The runs of some recordings, and what is counted of them."""

    runs: pa.Table
    presence: pd.DataFrame
    intensities: pd.DataFrame
    recordings: list[tuple[str, int, float]]
    together: np.ndarray
    followed: np.ndarray


def index_group(spans: tuple[RecordingSpan, ...], common: _Pass) -> _Found:
    """Find the runs of these recordings."""
    size = common.tokens.codewords
    together, followed = np.zeros((size, size), np.int64), np.zeros((size, size), np.int64)
    tables: list[pa.Table] = []
    presence: list[pd.DataFrame] = []
    intensities: list[pd.DataFrame] = []
    recordings: list[tuple[str, int, float]] = []
    done = 0
    for part in iter_recordings(common.tokens, spans):
        present, number = present_activations(part, common.sizes, common.rule)
        runs = _runs(present, number, part)
        tables.append(_as_table(runs, part.recording))
        together += _together(present, len(part.frame), size)
        followed += _pairs_in_window(runs["start_s"].to_numpy(), runs["codeword"].to_numpy(), size, WINDOW_S)
        presence.append(_presence(present, part.recording))
        intensities.append(_intensities(present))
        recordings.append((part.recording, len(part.frame), len(part.frame) * frame_step(part.time_s)))
        done += len(part.frame)
        report_part(done, part.recording)
    return _Found(
        runs=pa.concat_tables(tables).unify_dictionaries().combine_chunks() if tables else _SCHEMA.empty_table(),
        presence=_concat(presence, ["recording", "codeword", "frames", "intensity"]),
        intensities=_summed_intensities(intensities),
        recordings=recordings,
        together=together,
        followed=followed,
    )


def _write(tokens: TokenCache, folder: Path, progress: Listener, rule: PresenceRule, engine: Engine) -> None:
    size, sizes = tokens.codewords, codeword_sizes(tokens)
    spans = recording_spans(tokens.file)
    groups = [tuple(spans[cut]) for cut in consecutive_groups([span.count for span in spans], _GROUP_FRAMES)]
    common, frames = _Pass(tokens=tokens, sizes=sizes, rule=rule), [sum(s.count for s in one) for one in groups]
    together, followed = np.zeros((size, size), np.int64), np.zeros((size, size), np.int64)
    presence = TableSpool(_concat([], ["recording", "codeword", "frames", "intensity"]))
    intensities: list[pd.DataFrame] = []
    recordings: list[tuple[str, int, float]] = []
    with pq.ParquetWriter(folder / "unsorted.parquet", _SCHEMA) as sink:
        for part in engine.map(index_group, groups, common, sizes=frames, task="runs", progress=progress):
            sink.write_table(part.runs)
            together += part.together
            followed += part.followed
            presence.add(part.presence)
            intensities = [_summed_intensities([*intensities, part.intensities])]
            recordings += part.recordings
    np.savez(folder / "counts.npz", cooccurrence=together, followed=followed)
    presence.write(folder / "presence.parquet", index=True)
    _summed_intensities(intensities).to_parquet(folder / "intensities.parquet")
    pd.DataFrame(recordings, columns=["recording", "frames", "duration_s"]).to_parquet(folder / RECORDINGS_FILE)
    _sort(folder, size)
    write_json(
        folder / MANIFEST,
        {
            "version": VERSION,
            **source_labels(*tokens.sources),
            "tokens": _identity(tokens),
            "frames": sum(frames),
            "model": tokens.model,
            "codewords": size,
            "presence": presence_facts(sizes, rule),
            "window_s": WINDOW_S,
        },
    )


def _sort(folder: Path, size: int) -> None:
    """runs.parquet by codeword, in small row groups so that one codeword is read without the others; summary.

    What is sorted is on the disk beyond `_SORTING_MEMORY`; medians need all runs of a codeword at once.
    """
    unsorted, found, scratch = folder / "unsorted.parquet", folder / "runs.parquet", folder / ".sorting"
    with duckdb.connect() as connection:
        connection.execute(f"SET memory_limit='{_SORTING_MEMORY}'")
        connection.execute(f"SET threads={min(_SORTING_THREADS, cores())}")
        connection.execute(f"SET temp_directory='{_quoted(scratch)}'")
        connection.execute(
            f"COPY (SELECT * FROM read_parquet('{_quoted(unsorted)}') ORDER BY codeword, recording, start_frame) TO "
            f"'{_quoted(found)}' (FORMAT parquet, ROW_GROUP_SIZE 16384)"
        )
    shutil.rmtree(scratch, ignore_errors=True)
    unsorted.unlink()
    with duckdb.connect() as connection:
        connection.execute(f"CREATE VIEW runs AS SELECT * FROM read_parquet('{_quoted(found)}')")
        count = connection.execute("SELECT codeword, count(*) FROM runs GROUP BY codeword ORDER BY codeword").fetchall()
        cuts = [count[cut] for cut in consecutive_groups([runs for _, runs in count], _SUMMARY_RUNS)]
        parts = [
            connection.execute(
                "SELECT codeword, count(*) AS runs, median(end_s - start_s) AS median_duration_s, "
                "median(peak_s - start_s) AS median_onset_s FROM runs WHERE codeword BETWEEN ? AND ? GROUP BY codeword",
                [first, last],
            ).df()
            for first, last in [(cut[0][0], cut[-1][0]) for cut in cuts] or [(0, size)]
        ]
    summary = pd.concat(parts).set_index("codeword").reindex(range(size))
    summary["runs"] = summary["runs"].fillna(0).astype(np.int64)
    summary.rename_axis("codeword").reset_index().to_parquet(folder / "summary.parquet")


def _together(present: Activations, rows: int, size: int) -> np.ndarray:
    from scipy.sparse import csr_matrix

    matrix = csr_matrix((np.ones(len(present.row), np.int64), (present.row, present.codeword)), (rows, size))
    return (matrix.T @ matrix).toarray()


def _presence(present: Activations, recording: str) -> pd.DataFrame:
    frames, total = np.bincount(present.codeword), np.bincount(present.codeword, present.intensity)
    used = np.flatnonzero(frames)
    return pd.DataFrame({"recording": recording, "codeword": used, "frames": frames[used], "intensity": total[used]})


def _intensities(present: Activations) -> pd.DataFrame:
    return (
        pd.DataFrame({"codeword": present.codeword, "intensity": np.round(present.intensity, 4)})
        .groupby(["codeword", "intensity"], as_index=False)
        .size()
        .rename(columns={"size": "frames"})
    )


def _summed_intensities(parts: list[pd.DataFrame]) -> pd.DataFrame:
    table = _concat(parts, ["codeword", "intensity", "frames"])
    return table.groupby(["codeword", "intensity"], as_index=False)[["frames"]].sum()


def _concat(parts: list[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({name: [] for name in columns})


def _as_table(runs: pd.DataFrame, recording: str) -> pa.Table:
    name = pa.DictionaryArray.from_arrays(np.zeros(len(runs), np.int32), [recording])
    columns = [
        name if n == "recording" else pa.array(runs[n].to_numpy()).cast(_SCHEMA.field(n).type) for n in _SCHEMA.names
    ]
    return pa.table(columns, schema=_SCHEMA)


def _tokens(name: str, table: pa.Table, levels: np.ndarray) -> Tokens:
    rows = len(table)
    tokens, level = (
        table[name].combine_chunks().flatten().to_numpy(zero_copy_only=False).reshape(rows, -1)
        for name in ("tokens", "levels")
    )
    return Tokens(
        recording=name,
        frame=table["frame"].to_numpy(),
        time_s=table["time_s"].to_numpy(),
        tokens=tokens,
        intensities=np.where(tokens == REST, np.float32(0), levels[level]),
        error_mm=table["error_mm"].to_numpy(),
    )


def _identity(tokens: TokenCache) -> str:
    return content_key(tokens.manifest)


def _path(tokens: TokenCache, rule: PresenceRule) -> Path:
    key = content_key([VERSION, _identity(tokens), codeword_sizes(tokens).tobytes().hex(), asdict(rule), WINDOW_S])
    return tokens.path.parent.parent / "analyses" / keyed_name(INTERVALS, key)


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
