"""Tables of a comparison of groups on disk, with the manifest that says what they were made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dfe_core.artefact_names import MANIFEST
from dfe_core.groups.comparison import GroupComparison
from dfe_core.groups.families import FamilyComparison
from dfe_core.reports.groups_in_r import write_groups_for_r
from dfe_core.reports.manifest import write_manifest
from dfe_core.reports.tables import write_table
from dfe_core.store import write_json


def write_groups_report(
    result: GroupComparison | FamilyComparison,
    folder: Path,
    inputs: Mapping[str, Any] | None = None,
    *,
    values: bool = True,
) -> list[Path]:
    """Write groups.csv, confounds.csv (what else differs), omnibus.csv (of three or more levels), families.csv (of
    several families), all as Parquet, too, groups.json and, last, manifest.json.

    inputs: what the comparison was made from, for the manifest. values: write ``r/``, too, with the values of every
    unit, from which a script of base R computes the table again (`groups_in_r`). The same result gives the same bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = write_table(result.table, folder, "groups")
    write_json(folder / "groups.json", result.to_json())
    files.append(folder / "groups.json")
    if values:
        parts = result.parts if isinstance(result, FamilyComparison) else {"": result}
        files += write_groups_for_r({str(family): part for family, part in parts.items()}, folder)
    if len(result.confounds):
        files += write_table(result.confounds, folder, "confounds")
    every = ""
    if isinstance(result, FamilyComparison):
        files += write_table(result.families, folder, "families")
        result, every = next(iter(result.parts.values())), " --all"
    if len(result.omnibus):
        files += write_table(result.omnibus, folder, "omnibus")
    settings = result.settings
    write_manifest(
        folder,
        files,
        kind="groups",
        inputs=dict(inputs or {"model": {"name": result.model}, "dataset": {"name": result.dataset}}),
        settings=asdict(settings),
        seed=settings.seed,
        command=f"dfe groups {result.model} {result.dataset} --by {settings.by} --seed {settings.seed}{every}",
    )
    return [*files, folder / MANIFEST]
