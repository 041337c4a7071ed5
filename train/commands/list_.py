"""`dfe list`: what the cache holds."""

from __future__ import annotations

import argparse
from datetime import datetime

from dfe_core.artefact import Artefact
from dfe_core.artefact_names import DATASETS, KINDS, MODELS, TOKENS, is_events, is_ratings
from dfe_core.progress import Listener
from dfe_core.store import cache_root
from dfe_core.workspace.graph import ArtefactGraph

from ..tables import Columns, size, table_of

DESCRIPTION = "List every artefact of the cache: kind, name, what it holds, size, date, and whether the data are real."
EXAMPLES = ("dfe list", "dfe list --kind datasets")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--kind",
        choices=KINDS,
        help="only this kind (default: all)",
    )


def run(args: argparse.Namespace, progress: Listener) -> None:
    graph = ArtefactGraph.of()
    found = [a for a in graph.artefacts if args.kind in (None, a.kind)]
    if not found:
        print(
            f"Nothing in {cache_root()} yet: `dfe build-default` makes the default codebook, "
            "`dfe import` reads your recordings."
        )
        return
    columns: Columns = {
        "kind": "kind",
        "name": "name",
        "holds": holds,
        "made from": lambda a: made_from(graph, a),
        "data": data,
        "size": lambda a: size(a.bytes),
        "made": lambda a: f"{datetime.fromtimestamp(a.modified).astimezone():%Y-%m-%d %H:%M}",
    }
    print(table_of(found, columns))
    print(f"\n{len(found)} artefacts, {size(sum(a.bytes for a in found))} in {cache_root()}")


def made_from(graph: ArtefactGraph, artefact: Artefact) -> str:
    """The model and the dataset that an artefact was made from; of tokens their name says it."""
    if artefact.kind == TOKENS:
        return ""
    return ", ".join(f"{s.kind[:-1]} {s.name}" for s in sorted(graph.sources(artefact)) if s.kind in (DATASETS, MODELS))


def data(artefact: Artefact) -> str:
    """Whether the data are simulated or real."""
    return {True: "simulated", False: "real", None: ""}[artefact.simulated]


def holds(artefact: Artefact) -> str:
    """What an artefact holds, in a few words."""
    manifest = artefact.manifest
    if artefact.fault:
        return f"! {artefact.fault}"
    if artefact.kind == "datasets":
        return f"{manifest['recordings']:,} recordings, {manifest['frames']:,} frames, {manifest['face']}"
    if artefact.kind == "models":
        tokenizer = manifest["tokenizer"]
        return f"{tokenizer['stages']} stages x {tokenizer['codewords']} codewords"
    if artefact.kind == "tokens":
        return f"{manifest['frames']:,} frames"
    if is_events(artefact.name):
        return f"{manifest['events']:,} events"
    if is_ratings(artefact.name):
        return f"{manifest['items']:,} questions to raters"
    return str(manifest.get("kind") or manifest.get("tool") or (manifest.get("settings") or {}).get("of") or "")
