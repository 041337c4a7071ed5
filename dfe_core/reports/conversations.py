"""Conversations on disk: a page with lag curves and who leads, tables, JSON, and what they were made from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from dfe_core.artefact_names import MANIFEST
from dfe_core.conversations.result import CORRELATION, TESTED, ConversationResult
from dfe_core.p_values import at_floor, p_words
from dfe_core.reports.document import Callout, Document, Figure, Section, Table, Text, table_columns
from dfe_core.reports.html import write_html
from dfe_core.reports.manifest import write_manifest
from dfe_core.reports.style import BLUE, FAINT, GREY, svg
from dfe_core.reports.tables import write_tables
from dfe_core.store import atomic_file, write_json

SIGNIFICANT = 0.05
MOST_LAG_CURVES = 9
_TABLES = ("table", "curves", "pairs", "windows", "turns", "overlap", "conversations")


def write_conversations_report(result: ConversationResult, folder: Path) -> list[Path]:
    """Write ``report.html``, ``lags.svg``, every table as CSV and Parquet, ``conversations.json`` and, last, the
    manifest; returns the paths. The same result gives the same bytes."""
    (folder / "tables").mkdir(parents=True, exist_ok=True)
    write_html(conversations_document(result), folder / "report.html")
    with atomic_file(folder / "lags.svg") as temporary:
        temporary.write_text(svg(lag_figure(result)), encoding="utf-8")
    write_json(folder / "conversations.json", result.to_json())
    names = {"table": "answers"}
    tables = {names.get(name, name): getattr(result, name) for name in _TABLES if len(getattr(result, name))}
    files = [folder / name for name in ("report.html", "lags.svg", "conversations.json")]
    files += write_tables(tables, folder / "tables")
    write_manifest(
        folder,
        files,
        kind="conversations",
        inputs={"model": {"name": result.model}, "dataset": {"name": result.dataset}},
        settings=result.settings.as_dict(),
        seed=result.settings.seed,
        command=conversations_command(result),
    )
    return [*files, folder / MANIFEST]


def conversations_command(result: ConversationResult) -> str:
    """The command that makes the result again."""
    asked = result.settings
    columns = {"by": asked.by, "role": asked.role, "offset": asked.offset}
    given = "".join(f" --{name} {value}" for name, value in columns.items() if value)
    given += " --syllables" if asked.syllables else ""
    step = f" --step {asked.step_s:g}" if asked.step_s else ""
    return (
        f"dfe conversations {result.model} {result.dataset}{given} --max-lag {asked.max_lag_s:g} "
        f"--window {asked.window_s:g}{step} --surrogates {asked.surrogates} --seed {asked.seed}"
    )


def conversation_sentence(result: ConversationResult) -> str:
    """What was found beyond both families of surrogates, in a sentence."""
    table = result.table[result.table["status"] == TESTED]
    shuffled = table["p_shuffled"].notna().any()
    low = table["q_shift"] <= SIGNIFICANT
    if shuffled:
        low &= table["q_shuffled"] <= SIGNIFICANT
    against = "shifted and shuffled pairs" if shuffled else "shifted pairs (too few conversations to shuffle)"
    if not low.any():
        return f"No codeword and no region is answered beyond {against}."
    first = table[low].iloc[0]
    found = table[low].drop_duplicates(["kind", "thing"])
    count = len(found)
    p = p_words("q", first["q_shift"], bool(at_floor(first["p_shift"], result.settings.surrogates)))
    return (
        f"{count} codeword{'s' * (count != 1)} or region{'s' * (count != 1)} go together beyond {against}. First: "
        f"{first['kind']} {first['thing']}, {first['measure']} {first['value']:.2f} (chance {first['base']:.2f}), {p}."
    )


def conversations_document(result: ConversationResult) -> Document:
    """The page of a result."""
    first, second = result.roles
    blocks: list[Any] = [Text(conversation_sentence(result))]
    if len(result.curves):
        blocks.append(lag_figure(result))
    if result.table["p_shuffled"].isna().all():
        blocks.append(Callout("Too few conversations to shuffle: what both do because of the task is not taken out."))
    tables = [_answers(result), *([_turns(result)] if len(result.turns) else [])]
    return Document(
        title="Who answers whom",
        subtitle=f"{result.model}, dataset {result.dataset}, {len(result.conversations)} conversations",
        sections=(
            Section("What was found", (*blocks, *tables)),
            Section("Methods", (Text(conversations_methods(result)),)),
        ),
        facts=(
            ("conversations", str(len(result.conversations))),
            ("minutes together", f"{result.conversations['seconds'].sum() / 60:.1f}"),
            ("a positive lag", f"{second} after {first}"),
            ("seed", str(result.settings.seed)),
        ),
        labels=("simulated data",) if result.simulated else (),
    )


def conversations_methods(result: ConversationResult) -> str:
    """How conversations were measured and tested."""
    asked = result.settings
    return (
        f"Faces of a conversation were put on one clock of {result.step_s:.3g} s. Intensities were centred on their "
        f"moving mean over {asked.window_s:g} s and correlated at lags up to {asked.max_lag_s:g} s (pooled windowed "
        "cross-correlation, Boker et al. 2002; mean of Fisher's z over conversations). Answers are onsets that the "
        f"other face follows with an onset of the same thing within {asked.max_lag_s:g} s. Both were tested against "
        f"{asked.surrogates} circular shifts within pairs and {asked.surrogates} shuffles of pairs between "
        "conversations, the largest value over lags being taken in every surrogate; q by Benjamini-Hochberg over the "
        "codewords, or the regions, of a measure. A lead is the mean at positive less the mean at negative lags, p by "
        "exchange of first and second within conversations. Intervals are bootstrap intervals over conversations. "
        "Frames that are not valid or excluded are gaps."
    )


def strongest_things(result: ConversationResult) -> list[tuple[str, str]]:
    """Kind and name of what goes together with the smallest p, at most `MOST_LAG_CURVES`."""
    rows = result.table[(result.table["measure"] == CORRELATION) & (result.table["status"] == TESTED)]
    rows = rows.assign(size=-rows["value"].abs()).sort_values(["p_shift", "size"], kind="stable").head(MOST_LAG_CURVES)
    return list(zip(rows["kind"], rows["thing"], strict=True))


def lag_figure(result: ConversationResult) -> Figure:
    """Small multiples of lag curves with their intervals and what shifted pairs give."""
    shown = strongest_things(result)
    rows = max(1, -(-len(shown) // 3))
    first, second = result.roles

    def draw(canvas: Any) -> None:
        grid = canvas.subplots(rows, 3, squeeze=False)
        for axes, (kind, thing) in zip(grid.flat, shown, strict=False):
            own = result.curves[(result.curves["kind"] == kind) & (result.curves["thing"] == thing)]
            _draw_lags(axes, own, f"{kind} {thing}", f"lag, s ({second} later: right)")
        for axes in list(grid.flat)[len(shown) :]:
            axes.set_visible(False)
        canvas.subplots_adjust(left=0.07, right=0.99, top=0.93, bottom=0.1 / rows + 0.05, wspace=0.3, hspace=0.7)

    return Figure(
        name="lags",
        caption=f"Correlation of both faces by lag, mean and 95 % bootstrap interval over {len(result.conversations)} "
        f"conversations. Right of 0, {second} comes after {first}. Grey: the middle 95 % of shifted pairs at each lag.",
        draw=draw,
        height_mm=18 + 38 * rows,
    )


def _draw_lags(axes: Any, own: pd.DataFrame, title: str, label: str) -> None:
    axes.fill_between(own["lag_s"], own["null_low"], own["null_high"], color=FAINT, linewidth=0)
    axes.fill_between(own["lag_s"], own["low"], own["high"], color=BLUE, alpha=0.2, linewidth=0)
    axes.plot(own["lag_s"], own["r"], color=BLUE)
    axes.axvline(0, color=GREY, linewidth=0.6)
    axes.axhline(0, color=GREY, linewidth=0.6)
    axes.set_title(title)
    axes.set_ylabel("r", fontsize=6)
    axes.set_xlabel(label)


def _answers(result: ConversationResult) -> Table:
    return Table(
        name="answers",
        caption="Codewords and regions of both faces, the smallest p first. Chance: the mean of shifted pairs. "
        f"Lead above 0: {result.roles[0]} leads.",
        frame=result.table[result.table["status"] == TESTED],
        columns=table_columns(
            "kind=Kind; thing=Name; measure=Measure; direction=Direction; value=Value:.2f; low:.2f; high:.2f; "
            "base=Chance:.2f; strength=Strength:.2f; lag_s=Lag (s):.2f; lead=Lead:.2f; q_lead=q lead:.3g; "
            "q_shift=q shifts:.3g; q_shuffled=q shuffled:.3g"
        ),
        limit=40,
    )


def _turns(result: ConversationResult) -> Table:
    return Table(
        name="turns",
        caption="Who speaks: shares of the time, changes of turn, and the median time between turns.",
        frame=result.turns,
        columns=table_columns(
            "conversation=Conversation; first_face=First; second_face=Second; source=Speech by; "
            "first=First speaks:.2f; second=Second speaks:.2f; both=Both:.2f; changes=Changes; gap_s=Gap (s):.2f"
        ),
    )
