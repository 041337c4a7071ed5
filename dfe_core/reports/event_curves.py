"""Curves around events on disk: a page, the figure, tables of curves and clusters, and what they were made from."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pandas as pd

from dfe_core.artefact_names import MANIFEST
from dfe_core.groups.event_curves import BASELINE, CURVE_MEASURES, EventCurves
from dfe_core.reports.document import Callout, Document, Figure, Section, Table, Text, table_columns
from dfe_core.reports.html import write_html
from dfe_core.reports.manifest import write_manifest
from dfe_core.reports.style import BLUE, FAINT, GOLD, GREEN, GREY, ORANGE, SKY, svg
from dfe_core.reports.tables import write_tables
from dfe_core.store import atomic_file, write_json

MOST_CURVES = 12
SIGNIFICANT = 0.05
LEVEL_COLOURS = (BLUE, ORANGE, GREEN, GOLD, SKY, GREY)


def write_curves_report(result: EventCurves, folder: Path, inputs: dict[str, Any] | None = None) -> list[Path]:
    """Write ``report.html``, ``curves.svg``, ``tables/curves.csv`` and ``tables/clusters.csv`` (both as Parquet, too),
    ``curves.json`` and, last, the manifest. Returns the paths; the same result gives the same bytes."""
    (folder / "tables").mkdir(parents=True, exist_ok=True)
    write_html(curves_document(result), folder / "report.html")
    with atomic_file(folder / "curves.svg") as temporary:
        temporary.write_text(svg(curves_figure(result)), encoding="utf-8")
    write_json(folder / "curves.json", result.to_json())
    files = [folder / name for name in ("report.html", "curves.svg", "curves.json")]
    files += write_tables({"curves": result.curves, "clusters": result.clusters}, folder / "tables")
    write_manifest(
        folder,
        files,
        kind="event curves",
        inputs=inputs or {"model": {"name": result.model}, "dataset": {"name": result.dataset}},
        settings=result.settings.as_dict(),
        seed=result.settings.seed,
        command=curves_command(result),
    )
    return [*files, folder / MANIFEST]


def curves_command(result: EventCurves) -> str:
    """The command that makes the curves again."""
    asked = result.settings
    files = dict.fromkeys(file for one in result.channels for file in one.files)
    channels = "".join(f" --signals {shlex.quote(file)}" for file in files)
    channels += "".join(f" --channel {shlex.quote(one.name)}" for one in result.channels)
    where = "".join(f" --where {column}={','.join(values)}" for column, values in asked.where.items())
    by = f" --by {asked.by}" if asked.by else ""
    return (
        f"dfe events curves {result.model} {result.dataset} --events {asked.events}{channels}{where}{by} "
        f"--window {asked.before_s:g},{asked.after_s:g} --step {asked.step_s:g} --seed {asked.seed}"
    )


def strongest_curves(result: EventCurves) -> list[tuple[int | str, str]]:
    """Codeword (or channel) and measure of the curves to show: those with the clusters of the smallest p, at most
    `MOST_CURVES`."""
    pairs = zip(result.clusters[result.item].tolist(), result.clusters["measure"], strict=True)
    return list(dict.fromkeys((k, str(measure)) for k, measure in pairs))[:MOST_CURVES]


def curves_document(result: EventCurves) -> Document:
    """The page of a result."""
    low = result.clusters[result.clusters["p_all"] < SIGNIFICANT]
    blocks: list[Any] = [Text(finding_sentence(result))]
    if len(result.clusters):
        blocks.append(curves_figure(result))
        blocks.append(_table(result))
    if result.channels:
        blocks.append(_channel_table(result))
    if min(result.subjects.values()) < 10:
        blocks.append(Callout("Fewer than ten people in a condition: curves and p depend on each of them."))
    return Document(
        title="Channels around events" if result.channels else "What the face does around events",
        subtitle=f"{result.model}, dataset {result.dataset}, events {result.settings.events}",
        sections=(
            Section("What was found", tuple(blocks)),
            Section("Methods", (Text(curves_methods(result)),)),
        ),
        facts=(
            *((level, f"{result.events[level]} events, {result.subjects[level]} people") for level in result.levels),
            (f"clusters with p < 0.05 over all {result.item}s", str(len(low))),
            ("seed", str(result.settings.seed)),
        ),
        labels=("simulated data",) if result.simulated else (),
    )


def finding_sentence(result: EventCurves) -> str:
    """What was found, in a sentence."""
    low = result.clusters[result.clusters["p_all"] < SIGNIFICANT]
    if result.channels:
        return _channel_sentence(result, low)
    if not len(low):
        return "No codeword changes its use around the events beyond chance, over all times and codewords."
    count, first = low["codeword"].nunique(), low.iloc[0]
    against = "the time before the onset" if first["b"] == BASELINE else first["b"]
    more = "more" if first["difference"] > 0 else "less"
    return (
        f"{count} codeword{'s' * (count != 1)} change{'s' * (count == 1)} around the events (p < 0.05 over all times "
        f"and codewords of a measure). First: codeword {first['codeword']} has {more} {first['measure']} in "
        f"{first['a']} than in {against} from {first['start_s']:g} to {first['end_s']:g} s."
    )


def _channel_sentence(result: EventCurves, low: pd.DataFrame) -> str:
    if not len(low):
        return "No channel changes around the events beyond chance, over all times and channels."
    count, first = low["channel"].nunique(), low.iloc[0]
    against = "its mean before the onset" if first["b"] == BASELINE else f"in {first['b']}"
    size = f"{abs(first['difference']):.3g} {first['unit']}".strip()
    side = "above" if first["difference"] > 0 else "below"
    return (
        f"{count} channel{'s' * (count != 1)} change{'s' * (count == 1)} around the events (p < 0.05 over all times "
        f"and channels). First: {first['channel']} is {size} {side} {against} in {first['a']} from "
        f"{first['start_s']:g} to {first['end_s']:g} s."
    )


def _channel_methods(result: EventCurves) -> str:
    asked = result.settings
    return (
        f"Channels were locked to the onsets of {sum(result.events.values())} events, from {asked.before_s:g} s before "
        f"to {asked.after_s:g} s after, in steps of {asked.step_s:g} s. Of each event the mean of the known frames "
        "before the onset was taken off; the rest was averaged over the events of a person, so that each person has "
        "one curve per condition; bands are 95 % bootstrap intervals over people. Frames that are excluded or unknown, "
        "and events without a known frame before the onset, were left out. "
    )


def curves_methods(result: EventCurves) -> str:
    """How the curves were made and tested."""
    return (_channel_methods(result) if result.channels else _codeword_methods(result)) + _test_methods(result)


def _codeword_methods(result: EventCurves) -> str:
    asked = result.settings
    events = sum(result.events.values())
    return (
        f"Use of codewords was locked to the onsets of {events} events, from {asked.before_s:g} s before to "
        f"{asked.after_s:g} s after, in steps of {asked.step_s:g} s. Of each step, frames were summed over the events "
        "of a person, so that each person has one curve per condition; bands are 95 % bootstrap intervals over people. "
        "Excluded frames are in no curve. "
    )


def _test_methods(result: EventCurves) -> str:
    asked = result.settings
    return (
        "Each condition was compared with its mean before the onset by cluster-permutation tests (Maris & Oostenveld "
        f"2007; two-sided critical value at {asked.alpha:g}) in which each person's curves are shifted circularly in "
        "time; conditions were compared with each other by exchange of conditions within people, or of people between "
        f"groups. {asked.permutations} permutations; p holds over all times of a curve, p over all over the times of "
        f"all {result.item}s of a measure."
    )


def _table(result: EventCurves) -> Table:
    return Table(
        name="clusters",
        caption="Runs of times in which a curve differs, the smallest p first. Difference: a − b, mean over the run.",
        frame=result.clusters,
        columns=table_columns(
            f"{result.item}={result.item.capitalize()}; {'unit=Unit' if result.channels else 'measure=Measure'}; a; b; "
            "start_s=from (s):.2f; end_s=to (s):.2f; difference=Difference:.3g; p:.3g; p_all=p over all:.3g; "
            "subjects=People"
        ),
        limit=40,
    )


def _channel_table(result: EventCurves) -> Table:
    return Table(
        name="channels",
        caption="Frames of all windows that enter and that are left out as unknown or excluded, and events without a "
        "known frame before the onset.",
        frame=pd.DataFrame(
            {
                "channel": [one.name for one in result.channels],
                "unit": [one.unit for one in result.channels],
                "file": [", ".join(one.files) for one in result.channels],
                "frames": [one.frames for one in result.channels],
                "unknown": [one.unknown for one in result.channels],
                "events": [one.events_without_baseline for one in result.channels],
            }
        ),
        columns=table_columns(
            "channel=Channel; unit=Unit; file=File; frames=Frames; unknown=Left out; events=Events without baseline"
        ),
    )


def curves_figure(result: EventCurves) -> Figure:
    """Small multiples of the strongest curves, with bands, and shading where a cluster is."""
    shown = strongest_curves(result)
    rows = max(1, -(-len(shown) // 3))

    def draw(canvas: Any) -> None:
        grid = canvas.subplots(rows, 3, squeeze=False)
        for axes, pair in zip(grid.flat, shown, strict=False):
            _draw_curve(axes, result, *pair)
        for axes in list(grid.flat)[len(shown) :]:
            axes.set_visible(False)
        canvas.subplots_adjust(left=0.07, right=0.99, top=0.9, bottom=0.1 / rows + 0.04, wspace=0.3, hspace=0.6)
        if len(result.levels) > 1 and shown:
            canvas.legend(*grid.flat[0].get_legend_handles_labels(), loc="upper center", ncol=len(result.levels))

    people = ", ".join(f"{level}: {result.subjects[level]} people" for level in result.levels)
    return Figure(
        name="curves",
        caption=f"{'Change of channels' if result.channels else 'Use of codewords'} around the onset (0 s), mean and "
        f"95 % bootstrap interval over people ({people}). Shaded: clusters with p < 0.05 over all {result.item}s and "
        "times.",
        draw=draw,
        height_mm=18 + 38 * rows,
    )


def _draw_curve(axes: Any, result: EventCurves, name: int | str, measure: str) -> None:
    own = result.curves[(result.curves[result.item] == name) & (result.curves["measure"] == measure)]
    half = result.settings.step_s / 2
    for level, colour in zip(result.levels, LEVEL_COLOURS, strict=False):
        rows: pd.DataFrame = own[own["level"] == level]
        axes.fill_between(rows["time_s"] + half, rows["low"], rows["high"], color=colour, alpha=0.2, linewidth=0)
        axes.plot(rows["time_s"] + half, rows["mean"], color=colour, label=level)
    found = result.clusters
    found = found[(found[result.item] == name) & (found["measure"] == measure) & (found["p_all"] < SIGNIFICANT)]
    for start, end in zip(found["start_s"], found["end_s"], strict=True):
        axes.axvspan(start, end, color=FAINT, zorder=0)
    axes.axvline(0, color=GREY, linewidth=0.6)
    axes.set_title(f"{name}: {measure}")
    unit = str(own["unit"].iloc[0]) if result.channels else CURVE_MEASURES[measure].split(",")[0]
    axes.set_ylabel(unit, fontsize=6)
    axes.set_xlabel("s from onset")
