"""Robustness on disk and in supplements: one figure, its table, and what each perturbation stands for, in words."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dfe_core.artefact_names import MANIFEST
from dfe_core.reports.document import Callout, Document, Figure, Section, Table, Text, table_columns
from dfe_core.reports.html import write_html
from dfe_core.reports.manifest import write_manifest
from dfe_core.reports.study_text import people_words
from dfe_core.reports.style import BLUE, FAINT, GREEN, GREY, ORANGE, svg
from dfe_core.reports.tables import write_tables
from dfe_core.robustness.result import RobustnessResult
from dfe_core.robustness.settings import MASKED, NO_PURIFIER, PROJECTION, PerturbationKind
from dfe_core.store import atomic_file, write_json

PURIFIER_WORDS = {NO_PURIFIER: "as it is", PROJECTION: "projected on the codebook", MASKED: "through the model of gaps"}
_ROW_MM, _ABOVE_MM, _BELOW_MM = 5.2, 7.0, 11.0
_COLOURS = {NO_PURIFIER: BLUE, PROJECTION: ORANGE, MASKED: GREEN}
STANDS_FOR = {
    PerturbationKind.LANDMARK_NOISE: "every coordinate of 68 tracked points has noise of this s.d., and the "
    "coefficients are fitted to them again",
    PerturbationKind.CAMERA_NOISE: "noise from frame to frame and slow drift, each of this size in units of a "
    "coefficient's own spread: a network on an ordinary camera",
    PerturbationKind.FRAME_RATE: "a slower camera: the frames nearest to its ticks, each as it was",
    PerturbationKind.DROPPED: "the tracker loses the face in bursts of five frames on average",
    PerturbationKind.QUANTISED: "a stream that stores every coefficient in this many bits over its range",
    PerturbationKind.SMOOTHED: "what a filter of a tracker or strong compression of a video does to fast movements: "
    "the mean over this time. No video was compressed",
    PerturbationKind.ONE_SIDED: "one side of the face moves this much of what it did, by the sides of the mesh",
    PerturbationKind.OCCLUDED: "half of the face stays at rest for two seconds at a time: a hand, a mask; figures are "
    "of the frames that are hidden",
    PerturbationKind.SCALED: "an extractor that reports everything this much as strongly",
    PerturbationKind.EXTRACTOR: "an extractor with a gain of its own for every coefficient (log-normal) and cross-talk "
    "between pairs of them; simulated",
    PerturbationKind.RANDOM: "an offset of this size in every frame: three codewords with random signs",
    PerturbationKind.ADVERSARIAL: "an offset of this size in every frame, chosen by a greedy attacker, who may ask the "
    "encoder, to change the tokens",
    PerturbationKind.GRADIENT: "an offset of at most this size in every frame, found by projected gradient steps of an "
    "attacker who knows the codebook, to change the tokens",
    PerturbationKind.PAIR: "the same recordings from the other dataset",
}
"""What each kind of perturbation is a model of."""


def write_robustness_report(result: RobustnessResult, folder: Path) -> list[Path]:
    """Write ``report.html``, ``robustness.svg``, ``tables/robustness.csv`` (as Parquet, too), ``robustness.json`` and,
    last, the manifest. Returns the paths; the same result gives the same bytes."""
    (folder / "tables").mkdir(parents=True, exist_ok=True)
    write_html(robustness_document(result), folder / "report.html")
    with atomic_file(folder / "robustness.svg") as temporary:
        temporary.write_text(svg(robustness_figure(result)), encoding="utf-8")
    write_json(folder / "robustness.json", result.to_json())
    files = [folder / name for name in ("report.html", "robustness.svg", "robustness.json")]
    files += write_tables({"robustness": result.table}, folder / "tables")
    write_manifest(
        folder,
        files,
        kind="robustness",
        inputs={"model": {"name": result.settings.model}, "dataset": {"name": result.settings.dataset}},
        settings=result.settings.as_dict(),
        seed=result.settings.seed,
        command=robustness_command(result),
    )
    return [*files, folder / MANIFEST]


def robustness_command(result: RobustnessResult) -> str:
    """The command that measures it again."""
    asked = result.settings
    words = ["dfe robustness", shlex.quote(asked.model), shlex.quote(asked.dataset)]
    words += [f"--label {shlex.quote(asked.label)} --feature {asked.feature}"] if asked.label else []
    words += [f"--only {shlex.quote(kind)}" for kind in asked.kinds]
    words += [f"--purifier {name}" for name in asked.purifiers if name != NO_PURIFIER]
    words += [f"--pair {shlex.quote(asked.pair)}"] if asked.pair else []
    words += [f"--seconds {asked.seconds:g}"] if asked.seconds else []
    return " ".join([*words, f"--seed {asked.seed}"])


def robustness_document(result: RobustnessResult) -> Document:
    """The page of a result."""
    facts = result.facts
    kinds = [PerturbationKind(kind) for kind in dict.fromkeys(result.table["kind"])]
    told = [f"{kind.value}: {STANDS_FOR[kind]}." for kind in kinds if kind in STANDS_FOR]
    blocks: list[Any] = [Text(robustness_sentence(result)), robustness_figure(result), robustness_table(result)]
    if facts["subjects"] < 10:
        blocks.append(Callout("Fewer than ten people: intervals over people say little."))
    return Document(
        title="What disturbed recordings do to tokens",
        subtitle=f"{facts['model']}, dataset {facts['dataset']}",
        sections=(
            Section("What was found", tuple(blocks)),
            Section("What was done", tuple(Text(line) for line in told)),
        ),
        facts=(
            ("people", str(facts["subjects"])),
            ("frames", f"{facts['frames']:,}"),
            ("label", result.settings.label or "none"),
            ("seed", str(result.settings.seed)),
        ),
        labels=("simulated data",) if facts["simulated"] else (),
    )


def robustness_sentence(result: RobustnessResult) -> str:
    """What was found, in a few sentences: the worst perturbation, and for how many each purifier helped or harmed."""
    table = result.table[result.table["kind"] != PerturbationKind.NOTHING.value]
    plain = table[table["purifier"] == NO_PURIFIER].dropna(subset=["matched"])
    parts = []
    if len(plain):
        ordered = plain.sort_values("matched")
        worst, best = ordered.iloc[0], ordered.iloc[-1]
        parts.append(
            f"Of the tokens of a frame between {worst['matched']:.0%} ({worst['perturbation']}) and "
            f"{best['matched']:.0%} ({best['perturbation']}) stay, the same codeword or one that moves the face alike."
        )
    for name, part in table[table["purifier"] != NO_PURIFIER].groupby("purifier", sort=False):
        helped, harmed = int((part["gain_low"] > 0).sum()), int((part["gain_high"] < 0).sum())
        steadier = int((part["steady_gain_low"] > 0).sum())
        parts.append(
            f"{PURIFIER_WORDS[str(name)].capitalize()}, more tokens stay under {helped} of {len(part)} perturbations "
            f"and fewer under {harmed} (intervals over people that leave out 0); with undisturbed recordings through "
            f"it, too, more stay under {steadier}."
        )
    return " ".join(parts)


def robustness_figure(result: RobustnessResult) -> Figure:
    """Tokens kept, divergence of shares and change of the probe's score, a row a perturbation."""
    facts, table = result.facts, result.table
    height = _ROW_MM * table["perturbation"].nunique() + _ABOVE_MM + _BELOW_MM
    label = (
        f" Right: change of {facts['metric']} of a probe of {result.settings.label} that learned from undisturbed "
        f"recordings of other people ({facts['units']} units)."
        if facts["metric"]
        else ""
    )
    return Figure(
        name="robustness",
        caption="Tokens of a frame that stay (the same codeword or one that moves the face alike), and how far the use "
        "of codewords moves (Jensen–Shannon divergence; dashed: between the halves of an undisturbed recording), by "
        f"what is done to the recordings.{label} Bars: 95 % intervals over people. n = "
        f"{people_words(facts['subjects'])}, {facts['frames']:,} frames{', simulated' if facts['simulated'] else ''}.",
        draw=lambda figure: _draw(figure, result, height),
        height_mm=height,
    )


def robustness_table(result: RobustnessResult) -> Table:
    """All rows, to print."""
    label = "; score=score:.2f; change=change:+.2f" if result.facts["metric"] else ""
    shown = result.table.assign(
        interval=[_ends(a, b) for a, b in zip(result.table["matched_low"], result.table["matched_high"], strict=True)],
        way=result.table["purifier"].map(PURIFIER_WORDS),
    )
    return Table(
        name="robustness",
        caption="kept: share of the tokens of both versions of a frame that both have; matched: the same or one that "
        f"moves the face alike (cosine of at least 0.9), with its 95 % interval; {result.facts['unit']}: between the "
        "decoded faces; divergence: of the use of codewords, bits; gain: of matched, through a purifier; both ways: "
        "with the undisturbed recordings through it, too.",
        frame=shown,
        columns=table_columns(
            "perturbation=what is done*2.4; way=frames*1.6; kept=kept:.2f; matched=matched:.2f; interval=95 %*1.2; "
            f"face_mm={result.facts['unit']}:.2f; divergence=divergence:.3f; gain=gain:+.3f; "
            f"steady_gain=both ways:+.3f{label}"
        ),
        limit=len(shown),
    )


def _ends(low: float, high: float) -> str:
    return f"{low:.2f} to {high:.2f}" if np.isfinite(low) else "–"


def _draw(figure: Any, result: RobustnessResult, height_mm: float) -> None:
    table = result.table
    names = list(dict.fromkeys(table["perturbation"]))
    panels = [("matched", "tokens that stay"), ("divergence", "divergence of use, bits")]
    if result.facts["metric"]:
        panels.append(("change", f"change of {result.facts['metric']}"))
    left, bottom, top, gap = 0.25, _BELOW_MM / height_mm, 1 - _ABOVE_MM / height_mm, 0.03
    width = (0.985 - left - gap * (len(panels) - 1)) / len(panels)
    for turn, (column, title) in enumerate(panels):
        axes = figure.add_axes((left + turn * (width + gap), bottom, width, top - bottom))
        _panel(axes, table, names, column)
        axes.set_xlabel(title)
        if column == "divergence":
            axes.axvline(result.facts["own_divergence"], color=GREY, linewidth=0.7, linestyle=(0, (4, 3)))
        if column == "change":
            axes.axvline(0, color=GREY, linewidth=0.7)
        if turn:
            axes.set_yticks([])
        else:
            axes.set_yticks(range(len(names)), names)
    _legend(figure, table)


def _panel(axes: Any, table: pd.DataFrame, names: list[str], column: str) -> None:
    ways = [way for way in _COLOURS if way in set(table["purifier"])]
    for row in range(0, len(names), 2):
        axes.axhspan(row - 0.5, row + 0.5, color=FAINT, alpha=0.45, linewidth=0)
    for place, way in enumerate(ways):
        part = table[table["purifier"] == way].set_index("perturbation")
        rows = np.array([i for i, name in enumerate(names) if name in part.index])
        own = part.loc[[names[i] for i in rows]]
        y = rows + (place - (len(ways) - 1) / 2) * 0.26
        low, high = own[f"{column}_low"].to_numpy(float), own[f"{column}_high"].to_numpy(float)
        axes.hlines(y, low, high, color=_COLOURS[way], linewidth=0.9)
        axes.plot(own[column].to_numpy(float), y, "o", color=_COLOURS[way], markersize=2.6, markeredgewidth=0)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)


def _legend(figure: Any, table: pd.DataFrame) -> None:
    from matplotlib.lines import Line2D

    ways = [way for way in _COLOURS if way in set(table["purifier"])]
    marks = [Line2D([], [], color=_COLOURS[way], marker="o", markersize=3, label=PURIFIER_WORDS[way]) for way in ways]
    figure.legend(handles=marks, loc="upper left", bbox_to_anchor=(0.25, 1.0), ncol=len(ways))
