"""What is excluded counts in no figure: a codeword that is present in the excluded frames alone is nowhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import dfe_core as dfe
from dfe_core.artefact_names import events_name
from dfe_core.events.store import exclude, excluded_spans, include
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.removal import put_back, remove_recording
from dfe_core.facs.aggregates import aggregates_of, open_coverage_inputs
from dfe_core.facs.derive import derive_aus
from dfe_core.facs.store import AlignedAus
from dfe_core.store import cache_root
from dfe_core.tokenizer.exposure import exposure, training_record
from dfe_core.tokens.cache import TokenCache
from tests.events.planted import COUNTED, FRAMES, FROM, PLANTED, SPAN, TO, spans


def _aggregates(study: dfe.Study) -> float:
    found = aggregates_of(open_coverage_inputs("m", "d", "derived", study.root), root=study.root)
    codeword = found.arrays["row_key"] // len(found.edges)
    return float(found.arrays["row_count"][codeword == PLANTED].sum())


def _probe_features(study: dfe.Study) -> float:
    from dfe_core.probes.features.material import CodebookTokens, Sources, presence_counts, stage_counts
    from dfe_core.progress import silent

    rows = study.dataset.recordings[["recording"]].assign(span=range(6), start_s=-np.inf, end_s=np.inf)
    sources = Sources(
        dataset=study.dataset,
        spans=rows,
        folder=study.root / "analyses",
        encoded=CodebookTokens(codebook=study.codebook, tokens=study.token_cache),
        progress=silent,
    )
    return float(
        stage_counts(sources)["uses"][:, :, PLANTED].sum() + presence_counts(sources)["present"][:, PLANTED].sum()
    )


def _map_points(study: dfe.Study) -> float:
    from dfe_core.embedding.maps import MapSettings, build_map

    points = build_map(MapSettings(model="m", dataset="d", of="frames", by="tokens", method="pca"), root=study.root)
    return float(points.points["frame"].between(FROM, TO - 1).sum())


def _face_index(study: dfe.Study) -> float:
    from dfe_core.tokens.face_index import build_moments

    found = build_moments(study.dataset, study.face).search(study.codebook.psi[PLANTED], 1)
    return float((found["distance_mm"] < 0.01).sum())


def _groups(study: dfe.Study) -> float:
    table = study.compare_groups("condition", permutations=99, resamples=100).table
    rows = table[(table["codeword"] == PLANTED) & (table["measure"] == "share")]
    return float(rows["mean_a"].sum() + rows["mean_b"].sum())


def _au_groups(study: dfe.Study) -> float:
    from dfe_core.groups.au_use import count_au_use

    aus = AlignedAus.open("d", "derived", study.root)
    sums = count_au_use(aus, study.dataset, study.dataset.recordings["recording"].tolist())
    return float(sums.frames.max() - COUNTED)


def _exported(study: dfe.Study) -> float:
    from dfe_core.workspace.tables import export_table

    path = study.root / "out.csv"
    export_table(study, "tokens", path)
    tokens = pd.read_csv(path)
    export_table(study, "summary", path)
    return float((tokens["codeword"] == PLANTED).sum() + pd.read_csv(path).set_index("codeword")["uses"][PLANTED])


FIGURES: dict[str, Callable[[dfe.Study], float]] = {
    "tokens": lambda s: (s.tokens()["codeword"] == PLANTED).sum(),
    "tokens of one recording": lambda s: (s.token_cache.recording("r0").tokens == PLANTED).sum(),
    "share": lambda s: s.bag("subject")[PLANTED].sum(),
    "intensity": lambda s: s.bag(measure="intensity")[PLANTED].sum(),
    "intervals": lambda s: len(s.intervals(PLANTED)),
    "usage by stage": lambda s: s.token_cache.counts.query("codeword == @PLANTED")["uses"].sum(),
    "coefficients": lambda s: len(s.dataset.psi()) - 6 * COUNTED,
    "frames that count": lambda s: s.token_cache.frames - 6 * COUNTED,
    "valid frames": lambda s: s.dataset.recordings["valid_frames"].sum() - 6 * COUNTED,
    "AU frames": lambda s: len(AlignedAus.open("d", "derived", s.root).recording("r0").frame) - COUNTED,
    "groups": _groups,
    "groups of AUs": _au_groups,
    "probe features": _probe_features,
    "coverage": _aggregates,
    "map": _map_points,
    "similar faces": _face_index,
    "export": _exported,
}


@pytest.fixture(scope="module")
def studies(planted_root: Path) -> tuple[dict[str, float], dict[str, float]]:
    """Every figure without and with the exclusion, from one cache and one workspace that stay open."""
    workspace = dfe.Workspace(planted_root)
    before = {name: float(figure(workspace.study("m", "d"))) for name, figure in FIGURES.items()}
    exclude(workspace.open_dataset("d"), spans([f"r{i}" for i in range(6)]))
    after = {name: float(figure(workspace.study("m", "d"))) for name, figure in FIGURES.items()}
    return before, after


@pytest.mark.parametrize("figure", FIGURES)
def test_excluded_frames_count_in_no_figure(figure: str, studies):
    before, after = studies
    assert before[figure] > 0 and after[figure] == 0


def test_a_span_that_is_taken_back_counts_as_before(planted: Dataset):
    both = spans(["r0", "r1"])
    tokens, key = TokenCache.open("m", "d"), planted.key
    exclude(planted, both)
    assert TokenCache.open("m", "d").frames == tokens.frames - 2 * (TO - FROM)
    assert Dataset.open("d").key != key and Dataset.open("d").stored_key == key
    assert include(planted, both[:1]) is not None
    assert excluded_spans(planted)["recording"].tolist() == ["r1"]
    assert include(planted, both[1:]) is None
    assert Dataset.open("d").key == key and TokenCache.open("m", "d").manifest == tokens.manifest
    with pytest.raises(dfe.DataError, match="no such span"):
        include(planted, both)


def test_nothing_is_encoded_or_joined_anew(planted: Dataset):
    tokens = TokenCache.open("m", "d").recording("r0").tokens
    exclude(planted, spans(["r0"]))
    now = Dataset.open("d")
    assert AlignedAus.open("d", "derived").matches(now)
    kept = np.r_[0:FROM, TO:FRAMES]
    assert (dfe.Study("m", "d").token_cache.recording("r0").tokens == tokens[kept]).all()
    derived = AlignedAus(derive_aus(now, "derived").path, excluding=False)
    assert len(derived.recording("r0").frame) == FRAMES


def test_a_recording_removed_and_put_back_keeps_its_excluded_frames(planted: Dataset):
    before = planted.frames("r0").valid.sum()
    exclude(planted, spans(["r0", "r1"]))
    entry = remove_recording(Dataset.open("d"), "r0")
    put_back(entry)
    now = Dataset.open("d")
    assert now.whole().frames("r0").valid.sum() == before
    assert now.frames("r0").valid.sum() == before - (TO - FROM)


def test_who_was_trained_on_is_known_whatever_is_excluded(planted: Dataset):
    from dfe_core.expressions.split import Split

    split = Split("subject", {"train": ["r0"], "validation": [], "test": ["r1"]}, {})
    record = training_record(planted, split)
    exclude(planted, spans(["r0"]))
    assert exposure({"trained_on": record}, Dataset.open("d")).recordings == {"r0"}


def test_a_damaged_list_of_exclusions_is_an_error_and_not_none(planted: Dataset):
    exclude(planted, spans(["r0"]))
    (cache_root() / "analyses" / events_name("d", "excluded") / "events.parquet").write_bytes(b"PAR1")
    with pytest.raises(dfe.DataError, match="not what was written"):
        Dataset.open("d").psi()


def test_spans_without_length_and_of_unknown_recordings_are_refused(planted: Dataset):
    with pytest.raises(dfe.DataError, match="without length"):
        exclude(planted, spans(["r0"]).assign(offset_s=SPAN[0]))
    with pytest.raises(dfe.DataError, match="'r9'"):
        exclude(planted, spans(["r9"]))
    exclude(planted, spans([f"r{i}" for i in range(6)]).assign(onset_s=0.0, offset_s=1e6))
    with pytest.raises(dfe.DataError, match="every frame"):
        _ = TokenCache.open("m", "d").frames


def test_who_withdraws_takes_their_events_and_exclusions_along(planted: Dataset):
    from dfe_core.events.store import EventSet, write_events
    from dfe_core.workspace.catalogue import artefact_faults, catalogue
    from dfe_core.workspace.redaction import mentions
    from dfe_core.workspace.withdrawal import withdraw

    root = cache_root()
    table = spans(["r0", "r1", "r4"], "phase")
    sources = [{"file": "r1.eaf", "recordings": ["r1"]}, {"file": "all.csv", "recordings": ["r0", "r1", "r4"]}]
    write_events(planted, "phases", table, kind="phase", sources=sources, notes=["r1.eaf: late"])
    exclude(planted, spans(["r0", "r1"]))
    _ = TokenCache.open("m", "d").frames
    certificate = withdraw("s1", root)
    assert list(mentions(root, {"s1", "r1", "r4"})) == [] and certificate.mentions == ()
    left = EventSet.open("d", "phases")
    assert left.table["recording"].tolist() == ["r0"] and left.manifest["notes"] == []
    assert left.manifest["sources"] == [{"file": "all.csv", "recordings": ["r0"], "notes": []}]
    assert excluded_spans(Dataset.open("d"))["recording"].tolist() == ["r0"]
    assert not [a.label for a in catalogue(root) if a.kind != "models" and artefact_faults(a)]
