"""The rating studies of the chosen codebook."""

from __future__ import annotations

import logging

from dfe_core.errors import DataError
from dfe_core.ratings.store import RatingStudy, list_ratings

from . import artefact_cache


def studies_of(choice: artefact_cache.Choice) -> dict[str, RatingStudy]:
    """Those that can be read, by name; what is wrong with others `dfe doctor` says."""
    found = {}
    for name in list_ratings(choice.root):
        try:
            study = RatingStudy.open(name, choice.root)
            if study.settings.model == choice.model and study.items:
                found[name] = study
        except (DataError, KeyError, TypeError, ValueError):
            logging.getLogger(__name__).exception("the rating study %s cannot be read", name)
    return found
