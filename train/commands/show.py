"""`dfe show`: one artefact in detail."""

from __future__ import annotations

import argparse
from typing import Any

from dfe_core.artefact import Artefact
from dfe_core.artefact_names import CODEWORDS_FILE, METRICS_FILE
from dfe_core.progress import Listener
from dfe_core.store import read_signed_json
from dfe_core.workspace.catalogue import dependants, find_artefact, lineage_notes

from ..tables import duration, facts, size, table
from .list_ import data

DESCRIPTION = "Show one artefact: what it holds, what it was made from, what was dropped, and what it scored."
EXAMPLES = ("dfe show simulated", "dfe show models/default")

_ROWS = 40


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("thing", metavar="THING", help="its name, or KIND/NAME where two kinds share the name")
    parser.add_argument("--all", action="store_true", help=f"every row of long tables (default: the first {_ROWS})")


def run(args: argparse.Namespace, progress: Listener) -> None:
    artefact = find_artefact(args.thing)
    rows = None if args.all else _ROWS
    print("\n\n".join(part for part in (_common(artefact), _details(artefact, rows)) if part))


def _common(artefact: Artefact) -> str:
    users = ", ".join(a.label for a in dependants(artefact))
    made_from = ", ".join(source.label for source in sorted(artefact.made_from))
    pairs = [
        ("artefact", artefact.label),
        ("folder", artefact.path),
        ("size", size(artefact.bytes)),
        ("data", data(artefact)),
        ("made from", made_from),
        ("used by", users),
        ("fault", artefact.fault),
    ]
    return facts([(name, value) for name, value in [*pairs, *_lineage(artefact)] if value])


def _lineage(artefact: Artefact) -> list[tuple[str, str]]:
    """What a reader of a model's figures must know of the data it was trained on."""
    return [("note", sentence) for sentence in lineage_notes(artefact.path)] if artefact.kind == "models" else []


def _details(artefact: Artefact, rows: int | None) -> str:
    if artefact.fault:
        return ""
    describe = {"faces": _face, "datasets": _dataset, "models": _model}.get(artefact.kind, _manifest)
    return describe(artefact, rows)


def _face(artefact: Artefact, rows: int | None) -> str:
    from dfe_core.faces.archive import load_face

    face = load_face(artefact.path)
    pairs = [
        ("title", face.title),
        ("vertices", len(face.template)),
        ("triangles", len(face.triangles)),
        ("coefficients", face.coefficients),
        ("identity parameters", len(face.identity_names)),
        ("licence", face.licence),
        *([("drawn as", f"{face.picture.source} ({len(face.picture.points)} landmarks)")] if face.picture else []),
    ]
    return facts(pairs) + "\n\ncoefficients: " + ", ".join(face.names)


def _dataset(artefact: Artefact, rows: int | None) -> str:
    from dfe_core.expressions.dataset import Dataset
    from dfe_core.expressions.pose_leak import stored_pose_leak, was_measured
    from dfe_core.expressions.pose_text import pose_leak_facts, pose_leak_warning

    dataset = Dataset(artefact.path)
    frame = dataset.recordings
    leak = stored_pose_leak(dataset.manifest)
    pairs = [
        ("face", dataset.face_id),
        ("coefficients", len(dataset.names)),
        ("recordings", len(frame)),
        ("subjects", int(frame["subject"].nunique())),
        ("frames", dataset.frame_count),
        ("duration", duration(float(frame["duration_s"].sum()))),
        ("labels", ", ".join(dataset.labels) or None),
        *pose_leak_facts(leak, was_measured(dataset)),
    ]
    columns = [c for c in frame.columns if c != "first_row"]
    parts = [facts(pairs), *filter(None, [pose_leak_warning(leak)]), _frame(frame[columns], rows)]
    if dataset.truth is not None:
        parts.append(f"truth: {len(dataset.truth):,} events of {dataset.truth['action'].nunique()} actions")
    return "\n\n".join([*parts, *_dropped(dataset.manifest)])


def _dropped(manifest: dict[str, Any]) -> list[str]:
    """What the import did to the data and what it left out, and why."""
    notes = [
        f"{source.get('file')}: {note}" for source in _records(manifest, "sources") for note in source.get("notes", ())
    ] + [str(note) for note in manifest.get("notes") or ()]
    dropped = [str(item.get("why") or item) for item in _records(manifest, "dropped")]
    parts = (("notes", notes), ("left out", dropped))
    return [f"{title}:\n" + "\n".join(f"  {line}" for line in lines) for title, lines in parts if lines]


def _records(manifest: dict[str, Any], name: str) -> list[dict[str, Any]]:
    value = manifest.get(name)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _model(artefact: Artefact, rows: int | None) -> str:
    config = artefact.manifest
    parts = [
        facts(
            [
                *flat(config["tokenizer"], "tokenizer."),
                *flat(config["train"], "train."),
                ("seed", config["seed"]),
                ("trained with", f"dfe {config['version']}, torch {config['torch']}"),
            ]
        )
    ]
    metrics = artefact.path / METRICS_FILE
    if metrics.is_file():
        from .evaluate import report

        parts.append(report(read_signed_json(metrics)))
    return "\n\n".join([*parts, _codewords(artefact, rows)])


def flat(values: dict[str, Any], prefix: str) -> list[tuple[str, Any]]:
    """Nested settings as (dotted name, value)."""
    pairs: list[tuple[str, Any]] = []
    for name, value in values.items():
        pairs += flat(value, f"{prefix}{name}.") if isinstance(value, dict) else [(prefix + name, value)]
    return pairs


def _codewords(artefact: Artefact, rows: int | None) -> str:
    import pandas as pd

    frame = pd.read_parquet(artefact.path / CODEWORDS_FILE)
    frame = _named(artefact, frame)
    wanted = (
        "codeword",
        "name",
        "shaped like",
        "side",
        "symmetry",
        "locality",
        "peak_mm",
        "tokens in training",
        "share of training frames",
        "description",
    )
    return _frame(frame[[c for c in wanted if c in frame]], rows)


def _named(artefact: Artefact, frame: Any) -> Any:
    """The table with plain names and what codewords are shaped like; as it was stored where there is no face."""
    import numpy as np

    from dfe_core.errors import DataError
    from dfe_core.faces import open_face
    from dfe_core.facs.codeword_names import facs_label, name_codewords, with_strength
    from dfe_core.tokens.phrasing import plain_name

    try:
        face = open_face(artefact.manifest["face"])
    except DataError:
        return frame
    names = name_codewords(np.stack(frame["psi"].to_numpy()), face)
    like = [with_strength(n.in_facs_order) or facs_label(n) for n in names]
    frame = frame.rename(columns={"uses": "tokens in training", "share_of_frames": "share of training frames"})
    return frame.drop(columns="description").assign(
        **{"name": [plain_name(n.description) for n in names], "shaped like": like}
    )


def _manifest(artefact: Artefact, rows: int | None) -> str:
    return facts(
        [
            (name, value)
            for name, value in flat(artefact.manifest, "")
            if not isinstance(value, list) and not name.startswith("files.")
        ]
    )


def _frame(frame: Any, rows: int | None) -> str:
    shown = frame if rows is None else frame.head(rows)
    text = table(
        list(shown.columns),
        [tuple(v.item() if hasattr(v, "item") else v for v in row) for row in shown.itertuples(index=False)],
    )
    left = len(frame) - len(shown)
    return text + (f"\n… {left:,} more rows (--all)" if left else "")
