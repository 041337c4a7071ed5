"""What a report was made from and with: enough to make it again."""

from __future__ import annotations

import platform
from importlib import metadata
from pathlib import Path
from typing import Any

from dfe_core import __version__
from dfe_core.artefact_names import MANIFEST
from dfe_core.store import file_sha256, write_json

PACKAGES = ("numpy", "scipy", "pandas", "pyarrow", "scikit-learn", "statsmodels", "torch", "matplotlib", "plotly")


def versions(packages: tuple[str, ...] = PACKAGES) -> dict[str, str]:
    """Versions of dfe, Python and those of `packages` that are installed; nothing is imported to find out."""
    found = {"dfe": __version__, "python": platform.python_version()}
    for name in packages:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:  # an optional package: what is absent had no part in the numbers
            continue
    return found


def write_manifest(
    folder: Path,
    files: list[Path],
    *,
    kind: str,
    inputs: dict[str, Any],
    settings: dict[str, Any],
    seed: int,
    command: str,
    notes: list[str] | None = None,
) -> dict[str, Any]:
    """Write ``manifest.json`` into a report's folder, last, with the SHA-256 of the report's `files`.

    It holds no time and no path of the machine: the same command on the same inputs writes the same manifest.

    Parameters
    ----------
    kind: what the report is (``coverage``, ``probe``).
    inputs: what it was made from, with content keys.
    settings: every number that could have been chosen otherwise.
    command: the command line that makes it again.
    notes: sentences for the reader: what was dropped, what is not measured.
    """
    digests = {path.relative_to(folder).as_posix(): file_sha256(path) for path in sorted(files)}
    manifest = {
        "kind": kind,
        "command": command,
        "seed": seed,
        "inputs": inputs,
        "settings": settings,
        "versions": versions(),
        "notes": notes or [],
        "files": digests,
    }
    write_json(folder / MANIFEST, manifest)
    return manifest
