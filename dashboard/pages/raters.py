"""Rating studies: ask people whether the names of codewords are true, by a link that opens nothing else."""

from __future__ import annotations

import streamlit as st

from dfe_core.ratings.store import RatingStudy, list_ratings

from ..data import artefact_cache, rating_studies
from ..links import query_parameters, routes
from ..panels import empty_states, job_progress, page_frame, rating_forms, rating_results
from ..views.example_pictures import Picture

MAKING = "raters-make"


def page() -> None:
    """The page."""
    choice = artefact_cache.chosen()
    page_frame.header(
        "Raters", "Do people see what codewords are called? Ask them by a link, without an account.", choice
    )
    if not empty_states.ready(choice, needs_tokens=False):
        return
    own = rating_studies.studies_of(choice)
    if own:
        box, _ = st.columns([1, 2])
        query_parameters.spell("ratings", sorted(own))
        name = box.selectbox("Rating study", sorted(own), key="ratings", bind="query-params", filter_mode=None)
        shown(own[name])
    else:
        empty_states.plain_example(
            Picture.RATING,
            f"No rating study of “{choice.model}” yet",
            "Raters see faces of codewords and say in their own words, or choose, what moves. Agreement and chance "
            "stand beside each name. Make a study below, then invite raters by a link.",
        )
    with st.expander("New rating study", icon=":material/add:", expanded=not own):
        rating_forms.new_study(choice, MAKING, taken=list_ratings(choice.root))
        job_progress.watch(MAKING, "The rating study is made.")


@st.fragment
def shown(study: RatingStudy) -> None:
    """One study: what it asks, its invitations, what raters said."""
    with page_frame.guarded():
        rating_results.overview(study)
        rating_forms.invitations(study, routes.address())
        rating_results.results(study)
