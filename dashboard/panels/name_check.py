"""The button that checks the names of codewords on the chosen data."""

from __future__ import annotations

from ..data import artefact_cache
from ..data.codeword_names import measured_first
from . import job_progress


def offer_check(choice: artefact_cache.Choice) -> None:
    """The button that checks the names on held-out moments, where it has not been done."""
    aus = measured_first(choice)[0]
    job_progress.offer(
        "Check the names on held-out moments",
        f"names-{choice.model}-{choice.dataset}",
        "Checking names",
        ["names", choice.model, choice.dataset, *(["--aus", aus] if aus else [])],
        "The names have been checked.",
        ":material/fact_check:",
        "tertiary",
    )
