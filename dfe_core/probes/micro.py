"""Micro-expressions: labelled windows of 0.04 to 0.5 s, leave-one-subject-out, UF1 and UAR as in MEGC.

Of several corpora together, the composite of MEGC 2019, every corpus can also be left out as a whole.

UF1 is the mean over classes of F1, UAR that of recall, both from one confusion matrix pooled over all folds, so that
every subject counts by their windows and no fold's average hides an empty class.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.pose_text import high_leak_warning
from dfe_core.probes.chance import guesses, null_scores, permute_labels
from dfe_core.probes.features.catalogue import Feature, build_feature
from dfe_core.probes.features.material import CodebookTokens, Sources
from dfe_core.probes.features.transforms import Blocks, Measured
from dfe_core.probes.limits import high_pose_leak
from dfe_core.probes.methods_text import summary_sentence
from dfe_core.probes.micro_windows import read_windows
from dfe_core.probes.paired_tests import compare, holm
from dfe_core.probes.rows import Scored
from dfe_core.probes.settings import ProbeSettings
from dfe_core.probes.target import Target
from dfe_core.probes.token_sequences import TokenSequences, codeword_size
from dfe_core.probes.validation import Fold, Predictions, make_folds, nested
from dfe_core.progress import Listener, Progress, silent
from dfe_core.store import artefact_path
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokens.cache import TokenCache
from dfe_core.tokens.intervals import iter_recordings

if TYPE_CHECKING:
    from dfe_core.probes.sequence import ClassAnchors

CHANGE = "change"
"""Feature row: intensity of every codeword at the apex minus at the onset; a resting face cancels out."""
SUBJECT, CORPUS = "subject", "corpus"
WINDOW = "window"
MOST_CHANGES = 24
"""Codewords of a change that the sequence probe reads, those that move the face most."""
_NEAR_S = 0.02
_FEW = 20  # subjects, and windows of a class, below which intervals are said to be wide
_SLOW_FPS = 100.0
_FIELD = {"macro-F1": "UF1"}
"""What the field calls a metric."""


@dataclass(frozen=True, kw_only=True)
class MicroSettings:
    """One micro-expression experiment.

    Attributes
    ----------
    windows: CSV with recording, onset_s, offset_s and the label column; apex_s where it is coded (else the middle).
    features: rows as in `ProbeSettings`, and `CHANGE`. sequence: poolings of the sequence probe.
    align: each pooling also trained together with texts of the classes (EDCLIP). text: the encoder of these texts, as
        `text.open_encoder` takes it. others: classes without a text, which are only kept away from those of the others.
    sequence_of: what the sequence probe reads of a window: ``window``, its tokens in order; or ``change``, as D-FACE,
        what has changed from the onset to the apex, one token a codeword.
    corpus: a label of the recordings that names the corpus each is from; scores are also given for each of them.
    leave_out: what a fold tests, each ``subject`` or each ``corpus``.
    """

    model: str
    dataset: str
    windows: str
    label: str = "emotion"
    features: tuple[str, ...] = (CHANGE, "bow", "psi")
    sequence: tuple[str, ...] = ()
    sequence_of: str = WINDOW
    align: bool = False
    text: str = "words"
    others: tuple[str, ...] = ()
    corpus: str = ""
    leave_out: str = SUBJECT
    resamples: int = 500
    permutations: int = 500
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("features", "sequence", "others"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if self.leave_out not in (SUBJECT, CORPUS):
            raise DataError("leave out", repr(self.leave_out), f"{SUBJECT} or {CORPUS}")
        if self.sequence_of not in (WINDOW, CHANGE):
            raise DataError("sequence of", repr(self.sequence_of), f"{WINDOW} or {CHANGE}")
        if self.leave_out == CORPUS and not self.corpus:
            raise DataError("leave out", CORPUS, "the label that names the corpora (corpus)")

    @property
    def probe(self) -> ProbeSettings:
        """The settings of the probe that runs on the windows."""
        return ProbeSettings(
            model=self.model,
            dataset=self.dataset,
            label=self.label,
            features=self.features,
            unit="segment",
            validation="leave-one-out" if self.leave_out == SUBJECT else self.corpus,
            sequence=self.sequence,
            resamples=self.resamples,
            permutations=self.permutations,
            seed=self.seed,
            task="classify",
        )


@dataclass(frozen=True, eq=False)
class MicroResult:
    """summary: plain values, as the JSON of ``dfe probe`` with UF1 as metric. windows: n rows: recording, onset_s,
    apex_s, offset_s, truth, fold and one column of predicted classes a row of the result."""

    settings: MicroSettings
    summary: dict[str, Any]
    windows: pd.DataFrame

    def to_json(self) -> dict[str, Any]:
        """The facts, and in words their summary, warnings and protocol."""
        warnings = [*self.warnings()]
        protocol = f"{_LEFT_OUT[self.settings.leave_out]}; {PROTOCOL}"
        return {**self.summary, "warnings": warnings, "protocol": protocol, "summary": summary_sentence(self.summary)}

    def warnings(self) -> Iterator[str]:
        """What limits a reading of the scores, in words."""
        facts = self.summary
        if facts["high_pose_leak"] is not None:
            yield high_leak_warning(facts["high_pose_leak"])
        name, count = facts["rarest_class"]["name"], facts["rarest_class"]["windows"]
        if facts["subjects"] < _FEW or count < _FEW:
            yield (
                f"Few data: {facts['subjects']} subjects, and {count} windows of the rarest class ({name}); intervals "
                "are wide and may still be too narrow."
            )
        if facts["slowest_fps"] < _SLOW_FPS:
            yield (
                f"The slowest recording has {facts['slowest_fps']:g} frames a second; micro-expression corpora have "
                "100 to 200, and at lower rates short onsets fall between frames."
            )
        if facts["simulated"]:
            yield "Simulated data: the figures say nothing about people."


def probe_micro(settings: MicroSettings, root: Path | None = None, progress: Listener = silent) -> MicroResult:
    """Leave-one-subject-out scores of labelled windows.

    Raises `DataError` for windows that are no micro-expressions, overlap, hold too few frames or belong to no
    recording, and for labels that no score could be trusted on.
    """
    codebook, data = Codebook.open(settings.model, root), Dataset.open(settings.dataset, root)
    tokens = TokenCache.open(settings.model, settings.dataset, root)
    spans = read_windows(Path(settings.windows), data, settings.label)
    target = window_target(data, spans, settings.label, settings.corpus)
    sources = Sources(
        dataset=data,
        encoded=CodebookTokens(codebook=codebook, tokens=tokens),
        spans=spans,
        folder=artefact_path("analyses", "x", root).parent,
        progress=progress,
    )
    folds = make_folds(target, settings.probe)
    scored = _scored(sources, target, folds, settings, progress)
    found = {name: one for (name, _), one in scored.found.items()}
    repeats = {name: every for (name, _), every in scored.repeats.items()}
    nulls = {name: null for (name, _), null in scored.nulls.items()}
    base = {
        name: {_FIELD.get(metric, metric): value for metric, value in of.items()}
        for name, of in guesses(target, folds, settings.probe).items()
    }
    summary = {
        "label": settings.label,
        "task": "classify",
        "unit": "window",
        "n": target.n,
        "subjects": target.subjects,
        "group": "subject",
        "groups": target.subjects,
        "left_out": settings.leave_out,
        "classes": list(target.classes),
        "folds": len(folds),
        "seed": settings.seed,
        "rows": _renamed(scored.rows),
        "chance": base["chance"]["UF1"],
        "baselines": base,
        "paired": compare(repeats, target, settings.probe, nulls),
        "top_codewords": [],
        "settings": asdict(settings),
        "simulated": data.simulated,
        **_limits(target, spans, data),
    }
    windows = _told(spans, target, found, settings.corpus)
    if settings.corpus:
        summary["by_corpus"] = corpus_scores(windows, list(found), target.classes)
    return MicroResult(settings, summary, windows)


def window_target(data: Dataset, spans: pd.DataFrame, label: str, corpus: str = "") -> Target:
    """Every window a unit, its subject the group. corpus: the label that names corpora. Raises `DataError` for one
    class, a class with too few people, and where no label names corpora."""
    if corpus and corpus not in data.labels:
        raise DataError(f"corpus {corpus!r}", "no such label column", f"one of {', '.join(data.labels) or 'none'}")
    rows = data.recordings.assign(recording=data.recordings["recording"].astype(str)).set_index("recording")
    groups = rows["subject"].reindex(spans["recording"]).astype(str).to_numpy()
    classes = sorted(spans[label].astype(str).unique())
    if len(classes) < 2:
        raise DataError(f"label {label}", f"every window is {classes[0]!r}", "two or more classes")
    y = spans[label].astype(str).map({c: i for i, c in enumerate(classes)}).to_numpy(int)
    for index, name in enumerate(classes):
        people = len(np.unique(groups[y == index]))
        if people < 3:
            raise DataError(
                f"label {label}",
                f"class {name!r} is shown by {people} subject(s)",
                "three or more: with one left out, two must stay to choose and to train on; join it with "
                "another class or leave it out",
            )
    units = np.array([f"{r.recording}@{r.start_s:g}" for r in spans.itertuples()], object)
    table = spans.assign(unit=units, subject=groups)
    if corpus:
        table[corpus] = rows[corpus].reindex(spans["recording"]).to_numpy()
    return Target(
        task="classify",
        unit="segment",
        units=units,
        groups=groups,
        y=y,
        classes=tuple(classes),
        member=np.arange(len(spans)),
        table=table,
    )


def change_feature(sources: Sources, target: Target) -> Feature:
    """`CHANGE`: (n, K) mean intensity of every codeword within 0.02 s (or the nearest frame) of the apex, minus the
    same at the onset: the two frames that D-FACE compares."""
    size = sources.tokens.codewords
    raw = np.zeros((target.n, size), np.float32)
    wanted = sources.spans.groupby("recording", sort=False)
    for part in iter_recordings(sources.tokens):
        if part.recording not in wanted.groups:
            continue
        spans = wanted.get_group(part.recording)
        for span, apex_s, start_s in zip(spans["span"], spans["apex_s"], spans["start_s"], strict=True):
            apex, onset = (_around(part.time_s, t) for t in (apex_s, start_s))
            raw[span] = _intensity(part, apex, size) - _intensity(part, onset, size)
    columns = pd.DataFrame({"name": [f"change of codeword {k}" for k in range(size)], "codeword": np.arange(size)})
    return Feature(
        name=CHANGE, raw=raw, columns=columns, transform=Blocks(((0, size, Measured()),)), member=np.arange(target.n)
    )


def _around(time_s: np.ndarray, moment: float) -> np.ndarray:
    near = np.flatnonzero(np.abs(time_s - moment) <= _NEAR_S)
    return near if len(near) else np.array([int(np.argmin(np.abs(time_s - moment)))])


def _intensity(part, rows: np.ndarray, size: int) -> np.ndarray:
    flat = part.tokens[rows].astype(np.int64).ravel()
    total = np.bincount(flat, part.intensities[rows].ravel(), size) / len(rows)
    total[0] = 0
    return total.astype(np.float32)


def _scored(
    sources: Sources, target: Target, folds: tuple[Fold, ...], settings: MicroSettings, progress: Listener
) -> Scored:
    """The rows. Two windows may well hold the same tokens, unlike two recordings: nothing is refused for that."""
    scored, probe = Scored(), settings.probe
    permuted = permute_labels(target, folds, probe, settings.permutations)
    for step, name in enumerate(settings.features):
        progress(Progress(task="probing windows", done=step, total=len(settings.features), detail=name))
        feature = change_feature(sources, target) if name == CHANGE else build_feature(name, sources, target, probe)
        found = nested(feature, target, folds, "linear", probe)
        scored.add(name, "linear", (found,), null_scores(found, target, permuted, "linear", probe), target, probe)
    progress(Progress(task="probing windows", done=len(settings.features), total=len(settings.features)))
    if settings.sequence:
        for name, found in sequence_predictions(sources, target, folds, settings, progress).items():
            scored.add(name, "transformer", (found,), None, target, probe)
    return scored


def sequence_predictions(
    sources: Sources, target: Target, folds: tuple[Fold, ...], settings: MicroSettings, progress: Listener = silent
) -> dict[str, Predictions]:
    """Out-of-fold predictions of the sequence probe, by pooling; each also with texts of the classes where asked."""
    from dfe_core.probes import sequence  # torch: seconds to import, and only needed here

    anchors = class_anchors(target.classes, settings) if settings.align else None
    if settings.sequence_of == WINDOW:
        return sequence.sequence_rows(sources, target, folds, settings.probe, progress, anchors)
    tokens = change_sequences(change_feature(sources, target).raw, sources, target)
    net = sequence.SequenceSettings(seed=settings.seed)
    made = sequence.probe_poolings(
        tokens, target, folds, sources.codebook, settings.sequence, net, progress=progress, anchors=anchors
    )
    return {name: result.predictions for name, result in made.items()}


def change_sequences(change: np.ndarray, sources: Sources, target: Target) -> TokenSequences:
    """Changes as tokens.

    Parameters
    ----------
    change: (n, K) as `change_feature` gives them.

    Returns
    -------
    One token for each codeword that changes, at most `MOST_CHANGES` a window, the largest movements first; its
    intensity is the change, which may be negative, and it lasts as long as its window.
    """
    size = np.abs(change) * codeword_size(sources.codebook)
    order = np.argsort(-size, axis=1, kind="stable")[:, :MOST_CHANGES]
    unit, place = np.nonzero(np.take_along_axis(size, order, 1) > 0)
    word = order[unit, place]
    seconds = (sources.spans["end_s"] - sources.spans["start_s"]).to_numpy()
    return TokenSequences(
        codeword=word.astype(np.int64),
        stage=np.zeros(len(word), np.int64),
        intensity=change[unit, word].astype(np.float32),
        seconds=seconds[unit].astype(np.float32),
        time_s=np.zeros(len(word)),
        span=unit.astype(np.int64),
        edges=np.searchsorted(unit, np.arange(target.n + 1)),
    )


def class_anchors(classes: tuple[str, ...], settings: MicroSettings) -> ClassAnchors:
    """The texts of the classes. Raises `DataError` for a class whose facial actions are not known, unless it is among
    the others."""
    from dfe_core.probes.prompts import class_prompts
    from dfe_core.probes.sequence import ClassAnchors
    from dfe_core.probes.text import open_encoder
    from dfe_core.probes.text_alignment import OTHERS

    prompts = class_prompts(classes, others=settings.others)
    vectors = open_encoder(settings.text).encode(list(prompts.values()))
    place = {name: at for at, name in enumerate(prompts)}
    return ClassAnchors(vectors=vectors, of_class=np.array([place.get(name, OTHERS) for name in classes]))


def corpus_scores(windows: pd.DataFrame, features: list[str], classes: tuple[str, ...]) -> list[dict[str, Any]]:
    """UF1 and UAR of the pooled predictions of each corpus.

    Parameters
    ----------
    windows: as `MicroResult.windows`, with a column ``corpus``. features: columns of predictions.

    Returns
    -------
    One row a corpus and feature: corpus, features, n, subjects, UF1, UAR; of the classes that the corpus has.
    """
    rows = []
    for corpus, own in windows.groupby("corpus", sort=True):
        here = [name for name in classes if (own["truth"] == name).any()]
        for name in features:
            right = own["truth"] == own[name]
            hits = [int((right & (own["truth"] == k)).sum()) for k in here]
            coded = [int((own["truth"] == k).sum()) for k in here]
            said = [int((own[name] == k).sum()) for k in here]
            rows.append(
                {
                    "corpus": str(corpus),
                    "features": name,
                    "n": len(own),
                    "subjects": int(own["subject"].nunique()),
                    "UF1": float(np.mean([2 * h / (c + s) for h, c, s in zip(hits, coded, said, strict=True)])),
                    "UAR": float(np.mean([h / c for h, c in zip(hits, coded, strict=True)])),
                }
            )
    return rows


def _renamed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """macro-F1 of pooled predictions is called UF1 in the field; p corrected over the rows by Holm."""
    adjusted = holm([row["p_vs_chance"] for row in rows])
    return [
        {
            **row,
            "metric": "UF1",
            "p_holm": p,
            "scores": {_FIELD.get(name, name): one for name, one in row["scores"].items()},
        }
        for row, p in zip(rows, adjusted, strict=True)
    ]


def _told(spans: pd.DataFrame, target: Target, found: dict[str, Predictions], corpus: str) -> pd.DataFrame:
    classes = np.array(target.classes, object)
    table = pd.DataFrame(
        {
            "recording": spans["recording"],
            "subject": target.groups,
            "onset_s": spans["start_s"],
            "apex_s": spans["apex_s"],
            "offset_s": spans["end_s"],
            "truth": classes[target.y],
        }
    )
    if corpus:
        table["corpus"] = target.table[corpus].astype(str).to_numpy()
    return table.assign(**{name: classes[one.values.argmax(1)] for name, one in found.items()})


def _limits(target: Target, spans: pd.DataFrame, data: Dataset) -> dict[str, Any]:
    """What limits a reading of the scores: high_pose_leak, rarest_class, slowest_fps."""
    count = np.bincount(target.y)
    fps = data.recordings.set_index(data.recordings["recording"].astype(str))["fps"].reindex(spans["recording"])
    return {
        "high_pose_leak": high_pose_leak(data),
        "rarest_class": {"name": target.classes[int(count.argmin())], "windows": int(count.min())},
        "slowest_fps": float(fps.min()),
    }


_LEFT_OUT = {SUBJECT: "Leave-one-subject-out", CORPUS: "Leave-one-corpus-out"}
PROTOCOL = (
    "UF1 and UAR from the confusion matrix pooled over folds (MEGC). Hyper-parameters "
    "and stopping are chosen on inner subjects, never on the test subject: figures of code that keeps each "
    "fold's best epoch on its test subject are not comparable."
)
