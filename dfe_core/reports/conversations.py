"""Conversations on disk: tables, the result as JSON, and what it was made from."""

from __future__ import annotations

from pathlib import Path

from dfe_core.artefact_names import MANIFEST
from dfe_core.conversations.analysis import TESTED, ConversationResult
from dfe_core.p_values import at_floor, p_words
from dfe_core.reports.manifest import write_manifest
from dfe_core.reports.tables import write_tables
from dfe_core.store import write_json

SIGNIFICANT = 0.05
_TABLES = ("table", "curves", "pairs", "turns", "overlap", "conversations")


def write_conversations_report(result: ConversationResult, folder: Path) -> list[Path]:
    """Write every table as CSV and Parquet, ``conversations.json`` and, last, the manifest; returns the paths. The same
    result gives the same bytes."""
    (folder / "tables").mkdir(parents=True, exist_ok=True)
    write_json(folder / "conversations.json", result.to_json())
    names = {"table": "answers"}
    tables = {names.get(name, name): getattr(result, name) for name in _TABLES if len(getattr(result, name))}
    files = [folder / "conversations.json", *write_tables(tables, folder / "tables")]
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
