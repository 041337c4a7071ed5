"""`dfe events`: labels in time beside the recordings of a dataset, and spans that no figure counts."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from dfe_core.errors import DataError
from dfe_core.progress import Listener

from ..cli import seed
from ..tables import facts, table_of
from .output import add_json_option, deliver
from .segments_option import add_choice_options, conditions, window, write_asked

if TYPE_CHECKING:
    import pandas as pd

    from dfe_core.events.store import EventSet
    from dfe_core.expressions.dataset import Dataset
    from dfe_core.groups.channel_curves import ChannelChoice

DESCRIPTION = (
    "Bring events and segments (trials, stimuli, talking) to the recordings of a dataset: tables of onset and offset, "
    "BIDS events, ELAN, BORIS, Praat. Exclude spans of time from every figure."
)
EXAMPLES = (
    "dfe events import events.csv --dataset study1",
    "dfe events list study1",
    "dfe events exclude study1 --events coding --where annotation=talking --reason talking",
)
_IMPORT = (
    "Import events: a table with recording, onset_s and offset_s, BIDS events.tsv, ELAN (.eaf or tab-delimited), "
    "BORIS (exports or .boris) or Praat TextGrid. Files of one recording are matched by name.",
    ("dfe events import events.csv --dataset study1", "dfe events import coding/*.eaf --dataset study1 --name coding"),
)
_LIST = (
    "List the sets of events of a dataset, or what one of them holds.",
    ("dfe events list study1", "dfe events list study1 coding --json events.json"),
)
_EXCLUDE = (
    "Exclude spans from every figure: those of events, or one that is named outright. Nothing is encoded again, and "
    "--undo counts them again.",
    (
        "dfe events exclude study1 --events coding --where annotation=talking --reason talking",
        "dfe events exclude study1 --recording s1_talk --from 12 --to 15.5 --reason 'face lost'",
    ),
)
_SEGMENTS = (
    "Write every event that lasts as a recording of its own into another dataset, with the labels of its recording and "
    "the columns of the event; tokens and AUs are those of the whole recordings. --segments of other commands does so.",
    ("dfe events segments study1 trials", "dfe events segments study1 trials --where phase=task --window 1,3"),
)
_CURVES = (
    "Rate, share and intensity of every codeword from 2 s before to 5 s after events, with cluster-permutation tests "
    "over subjects: each condition against its baseline, and conditions against each other.",
    (
        "dfe events curves codebook1 study1 --events trials --by trial_type --out curves/",
        "dfe events curves codebook1 study1 --events coding --where annotation=joke --window 2,5 --json curves.json",
        "dfe events curves codebook1 study1 --events trials --signals p01-physio.csv p02-physio.csv --channel eda",
    ),
)
_REMOVE = ("Remove a set of events; `dfe rm --undo` brings it back.", ("dfe events rm study1 coding",))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from ..cli import add_device_option, common_options, help_texts

    actions = parser.add_subparsers(dest="action", metavar="import|list|exclude|segments|curves|rm", required=True)

    def action(name: str, about: tuple[str, tuple[str, ...]], text: str) -> argparse.ArgumentParser:
        return actions.add_parser(name, help=text, parents=[common_options()], **help_texts(*about))

    importing = action("import", _IMPORT, "files of events")
    importing.add_argument("sources", nargs="+", metavar="FILE", type=Path, help="files, or folders of files")
    importing.add_argument("--dataset", required=True, help="one that `dfe list` shows")
    importing.add_argument("--name", default="events", help="of the set of events to write (default: events)")
    importing.add_argument("--format", default="auto", help="of the files: auto looks at each (default: auto)")
    importing.add_argument(
        "--offset", type=float, default=0.0, metavar="SECONDS", help="added to every time (default: 0)"
    )
    listing = action("list", _LIST, "the sets of a dataset, or the events of one")
    listing.add_argument("dataset", metavar="DATASET", help="one that `dfe list` shows")
    listing.add_argument("name", nargs="?", metavar="NAME", help="a set of events, or excluded")
    add_json_option(listing)
    excluding = action("exclude", _EXCLUDE, "take spans out of every figure")
    excluding.add_argument("dataset", metavar="DATASET", help="one that `dfe list` shows")
    excluding.add_argument("--events", metavar="NAME", help="a set of events whose spans are excluded")
    excluding.add_argument(
        "--where",
        action="append",
        default=[],
        metavar="COLUMN=A,B",
        help="only events whose column has one of these values; may be given several times",
    )
    excluding.add_argument("--recording", metavar="NAME", help="the recording of one span, with --from and --to")
    excluding.add_argument("--from", dest="onset", type=float, metavar="SECONDS", help="onset of the span")
    excluding.add_argument("--to", dest="offset", type=float, metavar="SECONDS", help="offset of the span")
    excluding.add_argument("--reason", default="", help="why, kept with the spans (default: what the events say)")
    excluding.add_argument("--undo", action="store_true", help="count these spans again")
    cutting = action("segments", _SEGMENTS, "a dataset of segments")
    cutting.add_argument("dataset", metavar="DATASET", help="one that `dfe list` shows")
    cutting.add_argument("events", metavar="EVENTS", help="a set of events")
    cutting.add_argument("--name", help="of the dataset of segments (default: DATASET.EVENTS)")
    add_choice_options(cutting)
    locked = action("curves", _CURVES, "use of codewords around events, tested")
    locked.add_argument("model", metavar="MODEL", help="one that `dfe list` shows")
    locked.add_argument("dataset", metavar="DATASET", help="with the events; encoded where it is not")
    locked.add_argument("--events", default="events", metavar="NAME", help="a set of events (default: events)")
    locked.add_argument(
        "--channel",
        action="append",
        default=[],
        metavar="NAME",
        help="in the place of codewords, a channel of --signals or of the dataset (head_pitch, gaze_vertical, voice, a "
        "column beside the coefficients), or all; may be given several times",
    )
    locked.add_argument(
        "--signals", nargs="+", action="extend", default=[], metavar="FILE", type=Path, help="as dfe signals writes"
    )
    locked.add_argument("--by", default="", metavar="COLUMN", help="of the events, or a label: levels to compare")
    add_choice_options(locked)
    locked.add_argument("--step", type=float, default=0.2, metavar="SECONDS", help="of the curves (default: 0.2)")
    locked.add_argument("--measures", default="rate,share,intensity", metavar="A,B", help="(default: all three)")
    locked.add_argument("--permutations", type=int, default=2000, metavar="N", help="(default: 2000)")
    locked.add_argument("--seed", type=seed, default=0, help="of permutations and bootstrap (default: 0)")
    locked.add_argument("--out", type=Path, metavar="DIR", help="write the curves as CSV, SVG and a page there")
    add_device_option(locked, "tokens that are missing")
    add_json_option(locked)
    removing = action("rm", _REMOVE, "remove a set of events")
    removing.add_argument("dataset", metavar="DATASET", help="one that `dfe list` shows")
    removing.add_argument("name", metavar="NAME", help="a set of events, or excluded")


def run(args: argparse.Namespace, progress: Listener) -> None:
    from dfe_core.expressions.dataset import Dataset

    dataset = Dataset.open(args.dataset)
    if args.action == "import":
        _import(args, dataset, progress)
    elif args.action == "segments":
        _segments(args, progress)
    elif args.action == "curves":
        _curves(args, progress)
    else:
        {"list": _list, "exclude": _exclude, "rm": _remove}[args.action](args, dataset)


def _import(args: argparse.Namespace, dataset: Dataset, progress: Listener) -> None:
    from dfe_core.events.importing import import_events

    report = import_events(
        args.sources, dataset, args.name, format=args.format, offset_s=args.offset, progress=progress
    )
    if report.events is not None:
        print(_summary(report.events) + "\n")
    print("\n".join(report.lines()))


def _summary(events: EventSet) -> str:
    return facts(
        [
            ("events", events.title),
            ("dataset", events.dataset),
            ("kind", events.kind or "none"),
            ("columns", ", ".join(events.columns) or "none"),
        ]
    )


def _segments(args: argparse.Namespace, progress: Listener) -> None:
    segments = write_asked(args, args.events, args.name, progress)
    rows = segments.recordings
    pairs = [
        ("dataset", segments.name),
        ("segments", len(rows)),
        ("recordings", int(rows["source_recording"].nunique())),
        ("subjects", int(rows["subject"].nunique())),
        ("frames", segments.frame_count),
        ("labels", ", ".join(segments.labels)),
    ]
    print("\n".join([facts(pairs), *map(str, segments.manifest["notes"])]))


def _curves(args: argparse.Namespace, progress: Listener) -> None:
    from dfe_core.groups.event_curves import CurveSettings
    from dfe_core.reports.event_curves import finding_sentence, write_curves_report
    from dfe_core.workspace.study import Study

    before, after = window(args.window) or (2.0, 5.0)
    settings = CurveSettings(
        events=args.events,
        where=conditions(args.where),
        by=args.by,
        before_s=before,
        after_s=after,
        step_s=args.step,
        measures=tuple(name.strip() for name in args.measures.split(",")),
        permutations=args.permutations,
        seed=args.seed,
    )
    study = Study(args.model, args.dataset, progress=progress)
    choice = _channels(args)
    result = study.event_curves(settings) if choice is None else study.channel_curves(settings, choice)
    if args.out is not None:
        write_curves_report(result, args.out)
    levels = [(one, f"{result.events[one]} events, {result.subjects[one]} subjects") for one in result.levels]
    names = (
        result.item,
        "unit" if result.channels else "measure",
        "a",
        "b",
        "start_s",
        "end_s",
        "difference",
        "p",
        "p_all",
        "subjects",
    )
    left_out = [(f"{c.name} left out", f"{c.unknown} of {c.frames + c.unknown} frames") for c in result.channels]
    rows = result.clusters.head(20).to_dict("records")
    text = "\n\n".join(
        (
            facts([("model", result.model), ("dataset", result.dataset), ("events", args.events), *levels, *left_out]),
            table_of(rows, {name.replace("_", " "): name for name in names}),
            finding_sentence(result),
        )
    )
    deliver(result.to_json(), text, args.json)


def _channels(args: argparse.Namespace) -> ChannelChoice | None:
    """The channels that are followed in the place of codewords."""
    if not args.channel and not args.signals:
        return None
    from dfe_core.groups.channel_curves import ChannelChoice
    from dfe_core.signals.aligned import read_aligned

    names = () if args.channel == ["all"] else tuple(dict.fromkeys(args.channel))
    return ChannelChoice(names=names, signals=tuple(read_aligned(path) for path in args.signals))


def _list(args: argparse.Namespace, dataset: Dataset) -> None:
    from dfe_core.events.store import EventSet, list_events
    from dfe_core.table_rows import json_rows

    if args.name is None:
        sets = [EventSet.open(dataset.name, name, dataset.root) for name in list_events(dataset.name, dataset.root)]
        rows = [
            {
                "events": one.title,
                "rows": one.manifest["events"],
                "recordings": one.manifest["recordings"],
                "kind": one.kind,
                "columns": ", ".join(one.columns),
            }
            for one in sets
        ]
        text = table_of(rows, {c: c for c in ("events", "rows", "recordings", "kind", "columns")})
        deliver({"dataset": dataset.name, "events": rows}, text, args.json)
        return
    events = EventSet.open(dataset.name, args.name, dataset.root)
    counts = _counts(events)
    deliver(
        {"dataset": dataset.name, "events": events.title, "rows": json_rows(events.table)},
        f"{_summary(events)}\n\n{table_of(counts, {c: c for c in counts[0]} if counts else {})}",
        args.json,
    )


def _counts(events: EventSet) -> list[dict]:
    """Rows of the kinds of events: how many, in how many recordings, and how long."""
    from dfe_core.events.store import as_text

    table = events.table.assign(seconds=events.table["offset_s"] - events.table["onset_s"])
    kinds = table[events.kind].map(as_text) if events.kind else table["recording"].map(lambda _: "all")
    return [
        {
            "kind": kind,
            "events": len(rows),
            "recordings": rows["recording"].nunique(),
            "median s": float(round(rows["seconds"].median(), 3)),
            "total s": float(round(rows["seconds"].sum(), 3)),
        }
        for kind, rows in table.groupby(kinds, sort=True)
    ]


def _exclude(args: argparse.Namespace, dataset: Dataset) -> None:
    from dfe_core.events.store import exclude, excluded_spans, include

    spans = _spans(args, dataset)
    (include if args.undo else exclude)(dataset, spans)
    held = excluded_spans(dataset)
    now = (
        dataset.whole().recordings["valid_frames"].sum() - type(dataset)(dataset.path).recordings["valid_frames"].sum()
    )
    print(
        facts(
            [
                ("counted again" if args.undo else "excluded", f"{len(spans)} spans"),
                ("excluded in all", f"{len(held)} spans in {held['recording'].nunique()} recordings"),
                ("frames excluded", int(now)),
            ]
        )
    )


def _spans(args: argparse.Namespace, dataset: Dataset) -> pd.DataFrame:
    """The spans that are meant, with their reason."""
    import pandas as pd

    from dfe_core.events.store import REASON, EventSet, as_text

    named = args.recording is not None and args.onset is not None and args.offset is not None
    if named == (args.events is not None):
        raise DataError(
            "dfe events exclude", "no span, or two kinds of them", "--events NAME, or --recording --from --to"
        )
    if named:
        row = {"recording": args.recording, "onset_s": args.onset, "offset_s": args.offset, REASON: args.reason}
        return pd.DataFrame([row])
    events = EventSet.open(dataset.name, args.events, dataset.root)
    table = events.where(conditions(args.where))
    table = table[table["offset_s"] > table["onset_s"]]
    if not len(table):
        raise DataError(args.events, "no event with a length", "events that last")
    said = table[events.kind].map(as_text) if events.kind else ""
    return table[["recording", "onset_s", "offset_s"]].assign(**{REASON: args.reason or said})


def _remove(args: argparse.Namespace, dataset: Dataset) -> None:
    from dfe_core.artefact_names import ANALYSES, events_name
    from dfe_core.events.store import EventSet
    from dfe_core.workspace.catalogue import find_artefact, remove_artefact

    EventSet.open(dataset.name, args.name, dataset.root)
    label = f"{ANALYSES}/{events_name(dataset.name, args.name)}"
    removal = remove_artefact(find_artefact(label))
    print(f"removed {label}; dfe rm --undo {removal.entry.id} brings it back")
