"""Results of probes as figures, and a run as arguments of `dfe probe`."""

from __future__ import annotations

from typing import Any

import pandas as pd
import plotly.graph_objects as go

from dfe_core.p_values import at_floor, p_text
from dfe_core.probes.result import ProbeResult
from dfe_core.render.palette import region_colour
from dfe_core.reports.coverage_charts import interval_bars

from ..theme.palette import ACCENT
from . import figures


def title_of(result: ProbeResult) -> str:
    """One line that tells experiments apart."""
    s, found = result.settings, result.summary
    best = max(found["rows"], key=lambda row: row["score"]) if found["rows"] else None
    score = f" · best {best['features']} {best['score']:.2f} {best['metric']}" if best else ""
    models = "" if s.models == ("linear",) else f" · {', '.join(s.models)}"
    models += "" if s.codebook == "shared" else f" · codebook {s.codebook}"
    of = f" (of {len(s.together)} labels)" if s.together else ""
    return f"{s.label}{of} from {', '.join(s.features)}{models}{score} · seed {s.seed}"


def arguments(choice_model: str, choice_dataset: str, asked: dict[str, Any], out: str) -> list[str]:
    """The command line of a run; what is left at its default is not named. asked: label is one name or several."""
    labels = [asked["label"]] if isinstance(asked["label"], str) else asked["label"]
    line = [
        "probe",
        choice_model,
        choice_dataset,
        *(part for label in labels for part in ("--label", label)),
        "--features",
        ",".join([*asked["features"], *asked.get("tables", ())]),
        "--models",
        ",".join(asked["models"]),
        "--seed",
        str(int(asked["seed"])),
        "--folds",
        str(int(asked["folds"])),
        "--split",
        asked["split"],
        "--group",
        asked["group"],
        "--out",
        out,
    ]
    for name in ("task", "unit", "aus", "codebook"):
        if asked.get(name) not in (None, "", "shared"):
            line += [f"--{name}", asked[name]]
    for name in ("levels", "confounds", "regress_out", "sequence"):
        if asked.get(name):
            line += [f"--{name.replace('_', '-')}", ",".join(asked[name])]
    line += [part for name, path in asked.get("tables", {}).items() for part in ("--table", f"{name}={path}")]
    if asked.get("segment", 2.0) != 2.0:
        line += ["--segment", f"{asked['segment']:g}"]
    return [*line, "--drop-missing"] if asked.get("drop_missing") else line


def side_by_side(kept: list[ProbeResult]) -> pd.DataFrame:
    """One row a row of each experiment."""
    columns = {
        "features": "Features",
        "model": "Model",
        "metric": "Metric",
        "score": "Score",
        "low": "From",
        "high": "To",
        "p_holm": "p, corrected",
    }
    parts = [
        one.rows[list(columns)]
        .rename(columns=columns)
        .assign(
            Units=one.summary["n"],
            Groups=one.summary["groups"],
            Folds=one.summary["folds"],
            Seed=one.settings.seed,
            Model_=one.settings.validation,
        )
        for one in kept
    ]
    return pd.concat(parts, ignore_index=True).rename(columns={"Model_": "Validation"})


def scores(result: ProbeResult) -> go.Figure:
    """Score of every row with its interval, chance as a line."""
    rows = result.rows.iloc[::-1]
    names = [f"{r.features} · {r.model}" if len(result.settings.models) > 1 else r.features for r in rows.itertuples()]
    metric = rows["metric"].iloc[0]
    low = at_floor(rows["p_vs_chance"], rows["permutations"])
    printed = [p_text(p, at) for p, at in zip(rows["p_vs_chance"], low, strict=True)]
    figure = go.Figure(
        go.Scatter(
            x=rows["score"],
            y=names,
            mode="markers",
            marker={"size": 11, "color": ACCENT},
            customdata=rows.assign(p=printed)[["low", "high", "p"]],
            error_x=interval_bars(rows["score"], rows["low"], rows["high"], ACCENT),
            hovertemplate="%{y}: %{x:.3f} (%{customdata[0]:.3f} to %{customdata[1]:.3f}), p %{customdata[2]}"
            "<extra></extra>",
        )
    )
    figure.add_vline(
        x=result.summary["chance"],
        line_dash="dot",
        line_color="#8A909C",
        annotation_text="chance",
        annotation_position="top",
        annotation_font_size=12,
    )
    figure.update_xaxes(title=metric)
    figure.update_yaxes(type="category", categoryorder="array", categoryarray=names)
    return figures.laid_out(figure, 120 + 34 * len(rows)).update_layout(margin_t=24)


def how_judged(group: str) -> str:
    """How the scores below a figure came about, for its caption. group: of the settings."""
    what = {"time": "block of time", "subject": "subject"}.get(group, f"value of {group}")
    many = {"time": "blocks of time", "subject": "subjects"}.get(group, f"values of {group}")
    return f"Each prediction is by a model that had seen no data of that {what}; intervals by bootstrap over {many}."


def guesses(result: ProbeResult) -> str:
    """What guesses that see no face score."""
    metric = result.rows["metric"].iloc[0]
    told = ", ".join(f"{name} {values[metric]:.3f}" for name, values in result.summary["baselines"].items())
    return f"{metric} of guesses that see no face: {told}."


def regions(table: pd.DataFrame, column: str, label: str) -> go.Figure:
    """A figure per face region as bars."""
    table = table[(table["region"] != "none") & (table["codewords"] > 0)].iloc[::-1]
    figure = go.Figure(
        go.Bar(
            x=table[column],
            y=table["region"].str.capitalize(),
            orientation="h",
            marker_color=[region_colour(r) for r in table["region"]],
            customdata=table["codewords"],
            hovertemplate="%{y}: %{x:.3f}, %{customdata} codewords<extra></extra>",
        )
    )
    figure.update_xaxes(title=label)
    figure.update_yaxes(showgrid=False)
    return figures.laid_out(figure, 110 + 24 * len(table))
