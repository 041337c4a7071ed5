"""Results of probes as figures, and a run as arguments of `dfe probe`."""

from __future__ import annotations

from typing import Any

import pandas as pd
import plotly.graph_objects as go

from dashboard.components import figures
from dashboard.components.palette import region_colour
from dfe_core.probes.result import ProbeResult


def title_of(result: ProbeResult) -> str:
    """One line that tells experiments apart."""
    s, found = result.settings, result.summary
    best = max(found["rows"], key=lambda row: row["score"]) if found["rows"] else None
    score = f" · best {best['features']} {best['score']:.2f} {best['metric']}" if best else ""
    models = "" if s.models == ("linear",) else f" · {', '.join(s.models)}"
    return f"{s.label} from {', '.join(s.features)}{models}{score} · seed {s.seed}"


def arguments(choice_model: str, choice_dataset: str, asked: dict[str, Any], out: str) -> list[str]:
    """The command line of a run; what is left at its default is not named."""
    line = ["probe", choice_model, choice_dataset, "--label", asked["label"], "--features", ",".join(asked["features"]),
            "--models", ",".join(asked["models"]), "--seed", str(int(asked["seed"])),
            "--folds", str(int(asked["folds"])), "--split", asked["split"], "--group", asked["group"], "--out", out]
    for name in ("task", "unit", "aus"):
        if asked.get(name):
            line += [f"--{name}", asked[name]]
    for name in ("confounds", "sequence"):
        if asked.get(name):
            line += [f"--{name}", ",".join(asked[name])]
    return line


def scores(result: ProbeResult) -> go.Figure:
    """Score of every row with its interval, chance as a line."""
    rows = result.rows.iloc[::-1]
    names = [f"{r.features} · {r.model}" if len(result.settings.models) > 1 else r.features for r in rows.itertuples()]
    metric = rows["metric"].iloc[0]
    figure = go.Figure(go.Scatter(
        x=rows["score"], y=names, mode="markers", marker={"size": 11, "color": figures.ACCENT},
        customdata=rows[["low", "high", "p_vs_chance"]],
        error_x={"type": "data", "symmetric": False, "array": rows["high"] - rows["score"],
                 "arrayminus": rows["score"] - rows["low"], "thickness": 2, "width": 0},
        hovertemplate="%{y}: %{x:.3f} (%{customdata[0]:.3f} to %{customdata[1]:.3f}), p %{customdata[2]:.3f}"
                      "<extra></extra>"))
    figure.add_vline(x=result.summary["chance"], line_dash="dot", line_color="#8A909C", annotation_text="chance",
                     annotation_position="top", annotation_font_size=12)
    figure.update_xaxes(title=metric)
    figure.update_yaxes(type="category", categoryorder="array", categoryarray=names)
    return figures.laid_out(figure, 120 + 34 * len(rows)).update_layout(margin_t=24)


def regions(table: pd.DataFrame, column: str, label: str) -> go.Figure:
    """A figure per face region as bars."""
    table = table.iloc[::-1]
    figure = go.Figure(go.Bar(x=table[column], y=table["region"].str.capitalize(), orientation="h",
                              marker_color=[region_colour(r) for r in table["region"]], customdata=table["codewords"],
                              hovertemplate="%{y}: %{x:.3f}, %{customdata} codewords<extra></extra>"))
    figure.update_xaxes(title=label)
    figure.update_yaxes(showgrid=False)
    return figures.laid_out(figure, 110 + 24 * len(table))
