"""A small study end to end, as plain values: ``python -m tests.small_study FOLDER OUT.json [PACKAGE …]``.

The sentences of the packages named are changed while it runs (`tests.changed_text`).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import is_dataclass, replace
from pathlib import Path
from typing import Any

from tests import changed_text


def run(folder: Path) -> Iterator[tuple[str, Any]]:
    """Every result of the study, by name."""
    import dfe_core as dfe
    from dfe_core.faces.arkit import ARKIT_NAMES
    from tests.conftest import make_toy_face
    from tests.facs import planted

    root = folder / "cache"
    case = planted.build(root, make_toy_face(ARKIT_NAMES), subjects=6, minutes=0.3)
    study = dfe.Study(case.model, case.dataset, root=root)
    yield from _imported(folder, root)
    yield from _described(study, case.face)
    yield from _analysed(study, folder)
    yield from _kept(study, folder)
    yield from _removed(root)


def opened(name: str, root: Path) -> Any:
    """A dataset, opened now."""
    import dfe_core as dfe

    return dfe.open_dataset(name, root)


def _imported(folder: Path, root: Path) -> Iterator[tuple[str, Any]]:
    import numpy as np
    import pandas as pd

    from dfe_core.expressions.import_job import ImportOptions
    from dfe_core.expressions.importing import import_dataset
    from dfe_core.expressions.inspection import inspect_sources
    from dfe_core.faces.arkit import ARKIT_NAMES

    rng = np.random.default_rng(0)
    for i in range(4):
        table = pd.DataFrame(rng.random((60, 52)) ** 4, columns=list(ARKIT_NAMES)).round(4)
        table.insert(0, "time", np.delete(np.arange(60 + 3 * i) / 30, np.arange(20, 20 + 3 * i)))
        table.to_csv(folder / f"p{i}_take.csv", index=False)
    (folder / "p9_take.csv").write_text("nothing\nhere\n")
    (folder / "labels.csv").write_text("ID,mood\np0,low\nP1,high\np2,low\np7,low\n")
    files = sorted(folder.glob("p*.csv"))
    inspected = inspect_sources(files)
    yield "inspected", [{n: getattr(one, n) for n in ("format", "tool", "why", "fault")} for one in inspected]
    options = ImportOptions(face="toy-1", labels=folder / "labels.csv", subject_pattern=r"^(p\d)")
    report = import_dataset(files, "mine", options, root=root)
    yield "imported", [{"name": name, "frames": count, "notes": notes} for name, count, notes in report.imported]
    yield "skipped", {"files": [path.name for path, _ in report.skipped], "notes": report.notes}
    data = opened("mine", root)
    yield "recordings", data.recordings
    yield "manifest", {**data.manifest, "files": None}
    yield "psi", float(data.psi().sum())


def _described(study: Any, face: Any) -> Iterator[tuple[str, Any]]:
    from dfe_core.facs.codeword_names import name_codewords
    from dfe_core.motion.words import timeline_from_words
    from dfe_core.tokens.describe import codeword_descriptions

    yield "names", name_codewords(study.codebook.psi, face)
    yield "described", codeword_descriptions(study.codebook.psi, face)
    yield "table", study.codebook.table
    yield "tokens", study.tokens().head(200)
    yield "bag", study.bag()
    yield "intervals", study.intervals().head(100)
    yield "timeline", timeline_from_words("smile slowly, then brows lowered, then left wink")


def _analysed(study: Any, folder: Path) -> Iterator[tuple[str, Any]]:
    from dfe_core.facs.coverage import analyse_coverage
    from dfe_core.facs.name_scores import check_names
    from dfe_core.facs.settings import CoverageSettings
    from dfe_core.reports.probe import write_report

    for _ in range(2):  # worked out, and as it is kept
        coverage = analyse_coverage(
            study.codebook.model, study.dataset.name, "truth", root=study.root, settings=CoverageSettings(resamples=20)
        )
        told = coverage.to_json()
        yield "coverage status", [{"text": row.pop("status")} for row in told["per_au"]]
        yield "coverage", {**told, "limits": coverage.limits, "notes": coverage.notes}
        for name, table in coverage.tables.items():
            yield f"coverage {name}", table
    few = {"folds": 3, "permutations": 19, "resamples": 100, "swaps": 99, "repeats": 1}
    for _ in range(2):
        result = study.probe("condition", features=("bow",), confounds=("subject", "session", "fps"), **few)
        yield "probe", result.to_json()
        yield "probe codewords", result.codewords
    files = write_report(result, folder / "report")
    yield "report", {"files": [str(file.relative_to(folder)) for file in files]}
    yield "report", {"page": (folder / "report" / "report.html").read_text(encoding="utf-8")}
    yield "checked names", check_names(study.codebook.model, study.dataset.name, "truth", root=study.root).scores
    yield "groups", study.compare_groups("condition", permutations=99, resamples=100).table


def _kept(study: Any, folder: Path) -> Iterator[tuple[str, Any]]:
    from dfe_core.workspace.catalogue import artefact_faults, catalogue, remedy

    yield "artefacts", sorted((a.label, a.kind, a.unfinished, a.key != "") for a in catalogue(study.root))
    (study.root / "models" / "begun").mkdir()
    (study.root / "datasets" / "mine" / "frames.parquet").write_bytes(b"PAR1 broken")
    wrong = [a for a in catalogue(study.root) if artefact_faults(a)]
    yield "faulty", [(a.label, a.unfinished, len(artefact_faults(a))) for a in wrong]
    yield "remedies", [{"remedy": remedy(a)} for a in wrong]


def _removed(root: Path) -> Iterator[tuple[str, Any]]:
    from dfe_core import trash
    from dfe_core.expressions.removal import put_back, remove_recording
    from dfe_core.workspace.withdrawal import withdraw

    data = opened("planted", root)
    first = str(data.recordings["recording"].iloc[0])
    key = data.key
    entry = remove_recording(data, first)
    yield "removed", {**opened("planted", root).manifest, "files": None}
    put_back(entry, root)
    yield "put back", opened("planted", root).key == key
    yield "trash", len(trash.discarded(root))
    subject = str(data.recordings["subject"].iloc[0])
    certificate = withdraw(subject, root=root)
    yield "certificate", replace(certificate, id="", time="")
    yield "left", opened("planted", root).recordings["recording"].tolist()


def plain(value: Any) -> Any:
    """Values that JSON holds."""
    import numpy as np
    import pandas as pd

    if isinstance(value, pd.DataFrame):
        return {str(name): [plain(v) for v in value[name].tolist()] for name in value}
    if is_dataclass(value) and not isinstance(value, type):
        return plain({name: getattr(value, name) for name in value.__dataclass_fields__})
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(one) for one in (sorted(value) if isinstance(value, (set, frozenset)) else value)]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return None if value != value else round(value, 9)
    return value if isinstance(value, (str, int, type(None))) else str(value)


def main(folder: str, out: str, *packages: str) -> None:
    """Write the results of the study, and how many sentences of each module were changed."""
    changed_text.change_sentences(*packages)
    results = [[name, plain(value)] for name, value in run(Path(folder))]
    held = {"results": results, "changed": changed_text.COUNTS}
    Path(out).write_text(json.dumps(held, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
