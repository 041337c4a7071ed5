"""The report of a probe: one HTML page, tables, the result as JSON, the methods paragraph and the recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dfe_core.artefact_names import MANIFEST
from dfe_core.p_values import at_floor, p_text, p_words
from dfe_core.probes.explain import errors_by_subject
from dfe_core.probes.features.catalogue import known_features
from dfe_core.probes.methods_text import confound_note, finding_words, group_word, named_source
from dfe_core.probes.recipe import write_recipe
from dfe_core.probes.result import ProbeResult
from dfe_core.probes.scores import QUADRATIC_KAPPA
from dfe_core.reports.document import (
    Block,
    Callout,
    Column,
    Document,
    Figure,
    Number,
    Numbers,
    Section,
    Table,
    Text,
    table_columns,
)
from dfe_core.reports.html import write_html
from dfe_core.reports.manifest import write_manifest
from dfe_core.reports.tables import write_tables
from dfe_core.store import atomic_file, write_json


def write_report(result: ProbeResult, folder: Path) -> list[Path]:
    """Write ``report.html``, ``result.json``, ``methods.txt``, ``recipe.toml``, ``tables/*`` and, last, the manifest.

    Returns the paths. The same result gives the same bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_html(document(result), folder / "report.html")
    write_json(folder / "result.json", result.to_json())
    write_recipe(result.settings, folder / "recipe.toml")
    with atomic_file(folder / "methods.txt") as temporary:
        temporary.write_text(result.methods + "\n", encoding="utf-8")
    files = [folder / name for name in ("report.html", "result.json", "recipe.toml", "methods.txt")]
    files += write_tables(tables(result), folder / "tables")
    settings = result.settings
    write_manifest(
        folder,
        files,
        kind="probe",
        inputs=result.summary["inputs"],
        settings=settings.as_dict(),
        seed=settings.seed,
        command=f"dfe probe {settings.model} {settings.dataset} --label {settings.label} --recipe recipe.toml",
        notes=result.warnings,
    )
    return [*files, folder / MANIFEST]


def tables(result: ProbeResult) -> dict[str, pd.DataFrame]:
    """Every table by name; those without a row are left out."""
    rows = result.rows.drop(columns=[c for c in ("chosen",) if c in result.rows])
    found = {
        "scores": rows,
        "baselines": baselines(result),
        "paired": result.paired,
        "refit_against_shared": codebook_differences(result),
        "codewords": result.codewords,
        "regions": result.regions,
        "occlusion": result.occlusion,
        "confounds": asked_confounds(result),
        "confound_checks": check_table(result),
        "order": result.order,
        "deciding_tokens": result.deciding,
        "predictions": result.predictions,
        "errors_by_subject": errors_by_subject(result.predictions),
    }
    return {name: table for name, table in found.items() if len(table)}


def codebook_differences(result: ProbeResult) -> pd.DataFrame:
    """features, model, metric, refit, shared, difference, low and high; empty but with ``--codebook refit``."""
    rows = result.summary["codebook_use"].get("differences") or []
    return pd.DataFrame(
        [
            {k: v for k, v in row.items() if k != "ci95"} | dict(zip(("low", "high"), row["ci95"], strict=True))
            for row in rows
        ]
    )


def baselines(result: ProbeResult) -> pd.DataFrame:
    """guess and a column for each metric."""
    return pd.DataFrame([{"guess": name, **values} for name, values in result.summary["baselines"].items()])


def document(result: ProbeResult) -> Document:
    """The report as sections."""
    summary, settings = result.summary, result.settings
    labels = tuple(
        ["simulated data"] * bool(summary["simulated"]) + ["a demonstration, not evidence"] * (settings.group == "time")
    )
    sections = [Section("What was found", _found(result)), Section("Scores", _scores(result))]
    if len(result.codewords):
        sections.append(Section("Which codewords decide", _codewords(result)))
    if summary.get("confound_checks"):
        sections.insert(1, Section("Confounds: what else predicts the label", _checks(result)))
    if len(result.confounds):
        sections.append(Section("What else the features predict", _confounds(result)))
    sections += [Section("Errors by subject", (_errors(result),)), Section("Methods", (Text(result.methods),))]
    facts = (
        ("label", summary["label"]),
        ("unit", f"{summary['n']} {summary['unit']}s"),
        (f"{group_word(summary['group'])}s", str(summary["groups"])),
        ("folds", str(summary["folds"])),
        ("seed", str(summary["seed"])),
        ("dfe", summary["version"]),
        *((name, key) for name, key in summary["inputs"].items()),
    )
    return Document(
        title=f"Does the face predict {summary['label']}?",
        subtitle=f"{named_source(summary['model'])}, dataset {summary['dataset']}",
        sections=tuple(sections),
        facts=facts,
        labels=labels,
    )


def _found(result: ProbeResult) -> tuple[Block, ...]:
    numbers = Numbers(
        tuple(
            Number(
                label=row["features"] + _model(row, result),
                value=f"{row['score']:.2f}",
                detail=f"{row['metric']}, {row['ci95'][0]:.2f} to {row['ci95'][1]:.2f}{_p(row)}",
            )
            for row in result.summary["rows"]
        )
    )
    return (Text(result.headline), numbers, *(Callout(text) for text in result.warnings))


def _model(row: dict[str, Any], result: ProbeResult) -> str:
    return f", {row['model']}" if len({r["model"] for r in result.summary["rows"]}) > 1 else ""


def _p(row: dict[str, Any]) -> str:
    p = row["p_vs_chance"]
    return "" if p is None else f", {p_words('p', p, bool(at_floor(p, row['permutations'])))}"


def _scores(result: ProbeResult) -> tuple[Block, ...]:
    rows = result.rows
    metric, known = rows["metric"].iloc[0], known_features()
    low = at_floor(rows["p_vs_chance"], rows["permutations"])
    rows = rows.assign(
        p_printed=[p_text(p, at) for p, at in zip(rows["p_vs_chance"], low, strict=True)],
        holm_printed=[p_text(p, at) for p, at in zip(rows["p_holm"], low, strict=True)],
    )
    rows = rows.assign(what=[known.get(name.partition(":")[0], "") for name in rows["features"]])
    others = [c for c in ("UAR", "accuracy", "AUROC", QUADRATIC_KAPPA, "Pearson", "MAE") if c in rows]
    shown = (
        *table_columns("features=Features; model=Model"),
        Column(name="score", title=metric, spec=".3f"),
        *table_columns(
            "low=from:.3f; high=to:.3f; p_printed=p vs chance; holm_printed=corrected; "
            "detectable=found 4 times in 5:.3f"
        ),
        *(Column(name=c, title=c, spec=".3f") for c in others),
        *table_columns("what=Made from*3"),
    )
    guess = baselines(result)
    blocks: list[Block] = [
        _figure(result),
        Table(
            name="scores",
            caption=f"{_people(result)} Intervals: 95 %, by draws of {result.settings.group}s, the models refitted for "
            "each.",
            frame=rows,
            columns=shown,
        ),
        Table(
            name="baselines",
            caption="Guesses that see no face.",
            frame=guess,
            columns=tuple(
                Column(name=c, title=c.capitalize() if c == "guess" else c, spec=".3f") for c in guess.columns
            ),
        ),
    ]
    if len(differences := codebook_differences(result)):
        blocks.append(
            Table(
                name="refit_against_shared",
                caption=f"{metric} with a codebook trained in every fold without the people that it tests, and with "
                "one for all folds; the interval is of the difference, over the same draws of people.",
                frame=differences,
                columns=table_columns(
                    "features=Features; model=Model; refit=Refit:.3f; shared=Shared:.3f; difference=Difference:+.3f; "
                    "low=from:+.3f; high=to:+.3f"
                ),
            )
        )
    if len(result.paired):
        blocks.append(
            Table(
                name="paired",
                caption=f"Differences of {metric} on the same people and folds; p by random exchange of "
                "whole subjects' predictions, corrected over pairs by Holm and by Benjamini and Hochberg; "
                "last, the corrected resampled t over folds.",
                frame=result.paired,
                columns=table_columns(
                    "a=Row; b=against; difference=Difference:+.3f; low=From:+.3f; high=To:+.3f; p:.3g; "
                    "p_holm=Holm:.3g; p_bh=BH:.3g; p_t=t over folds:.3g"
                ),
            )
        )
    return tuple(blocks)


def _figure(result: ProbeResult) -> Figure:
    rows = result.rows.iloc[::-1].reset_index(drop=True)
    names = [f"{r.features}, {r.model}" for r in rows.itertuples()]
    metric, chance = rows["metric"].iloc[0], result.summary["chance"]

    def draw(canvas: Any) -> None:
        axes = canvas.subplots()
        at = np.arange(len(rows))
        axes.hlines(at, rows["low"], rows["high"], color="#5E6B77", linewidth=1.5)
        axes.plot(rows["score"], at, "o", color="#0072B2")
        axes.axvline(chance, color="#D55E00", linestyle="--", linewidth=1)
        axes.text(chance, len(rows) - 0.4, " chance", color="#D55E00", va="bottom")
        axes.set(yticks=at, yticklabels=names, xlabel=metric, ylim=(-0.6, len(rows) - 0.2))

    caption = f"{metric} of each row with its 95 % interval; the dashed line is chance. {_people(result)}"
    return Figure(name="scores", caption=caption, draw=draw, height_mm=20 + 8 * len(rows))


def _people(result: ProbeResult) -> str:
    summary = result.summary
    return (
        f"{summary['n']} {summary['unit']}s of {summary['groups']} {group_word(summary['group'])}s, "
        f"{summary['folds']} folds."
    )


def _codewords(result: ProbeResult) -> tuple[Block, ...]:
    row = result.codewords["features"].iloc[0]
    weights = Table(
        name="codewords",
        caption=f"Coefficients of {row}, standardised, over {result.summary['folds']} folds. "
        "Stability: share of folds with the mean's sign. A codeword that weighs much is no cause.",
        frame=result.codewords,
        columns=table_columns(
            "codeword=Codeword; towards=Towards; weight=Weight:+.3f; low=lowest:+.3f; high=highest:+.3f; "
            "stability=Stability:.0%; best_rank=Best rank; worst_rank=Worst rank"
        ),
        limit=20,
    )
    metric = result.rows["metric"].iloc[0]
    occluded = Table(
        name="occlusion",
        caption=f"{metric} when the codewords of a region are held at their mean in the test parts, without fitting "
        "again.",
        frame=result.occlusion,
        columns=(
            *table_columns("region=Region; codewords=Codewords"),
            Column(name="score", title=metric, spec=".3f"),
            *table_columns("fall=Fall:+.3f"),
        ),
    )
    return weights, occluded


def check_table(result: ProbeResult) -> pd.DataFrame:
    """One row a check: column, state, score, p, p_holm, as_good (feature rows that do about as well) and, by feature
    row, the score without it."""
    return pd.DataFrame(
        [
            {key: check[key] for key in ("column", "score", "p", "p_holm")}
            | {"state": finding_words(check["state"]), "as_good": ", ".join(check["matches"])}
            | {_without(name): left["score"] for name, left in check["without"].items()}
            for check in result.summary.get("confound_checks") or []
        ]
    )


def _without(features: str) -> str:
    """The column of the scores of a feature row without what a confound explains."""
    return f"{features} without it"


def asked_confounds(result: ProbeResult) -> pd.DataFrame:
    """The confounds asked for, with a note where one was not judged."""
    notes = [confound_note(row) for row in result.confounds.to_dict("records")]
    return result.confounds.drop(columns=["state", "groups"]).assign(note=notes)


def _checks(result: ProbeResult) -> tuple[Block, ...]:
    table, metric = check_table(result), result.rows["metric"].iloc[0]
    more = [
        Column(name=name, title=name.capitalize(), spec=".3f")
        for name in map(_without, result.settings.features)
        if name in table
    ]
    return (
        Table(
            name="confound_checks",
            caption=f"How well each alone predicts {result.summary['label']} ({metric}, the same folds "
            "and permutations), and what is left of the scores without what it explains. Checked in every probe.",
            frame=table,
            columns=(
                *table_columns("column=Checked; state=Found*2"),
                Column(name="score", title=metric, spec=".3f"),
                *table_columns("p:.3g; p_holm=corrected:.3g; as_good=About as well as"),
                *more,
            ),
        ),
    )


def _confounds(result: ProbeResult) -> tuple[Block, ...]:
    return (
        Table(
            name="confounds",
            caption="How well the same features predict other columns, and what is left of the score when "
            "columns are regressed out of the features inside each fold.",
            frame=asked_confounds(result),
            columns=table_columns(
                "column=Column; features=Features; kind=Judged by; metric=Metric; score=Score:.3f; "
                "chance=Chance:.3f; without=Without it:.3f; fall=Fall:+.3f; note=Note*2"
            ),
        ),
    )


def _errors(result: ProbeResult) -> Table:
    table = errors_by_subject(result.predictions)
    last = (
        Column(name="right", title="Right", spec=".0%")
        if "right" in table
        else Column(name="error", title="Mean absolute error", spec=".3g")
    )
    return Table(
        name="errors_by_subject",
        caption="Worst first.",
        frame=table,
        columns=(
            *table_columns("features=Features"),
            Column(name="group", title=result.settings.group.capitalize()),
            *table_columns("units=Units"),
            last,
        ),
    )
