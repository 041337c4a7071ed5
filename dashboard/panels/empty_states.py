"""Pages that lack something say what, why it is worth having, and offer to make it."""

from __future__ import annotations

import streamlit as st

from dfe_core.artefact_names import tokens_name
from dfe_core.errors import DataError
from dfe_core.facs.store import list_aligned

from ..data import artefact_cache
from ..links import routes
from . import error_text, job_progress

BUILD = "build-default"


def ready(choice: artefact_cache.Choice, needs_tokens: bool = True) -> bool:
    """Whether a page can show its content. Otherwise it has been told what is missing, with a button to make it."""
    if choice.faceless and (needs_tokens or not choice.model):
        no_face(choice)
    elif not choice.model:
        no_codebook()
    elif not choice.dataset:
        no_dataset()
    elif needs_tokens and not choice.encoded:
        not_encoded(choice)
    else:
        return True
    return False


def no_codebook() -> None:
    """There is no codebook: offer to build the default one."""
    with st.container(border=True):
        st.subheader("There is no codebook yet", anchor=False)
        st.markdown(
            "The default codebook learns its codewords from simulated performances on an open head model, so that "
            "everything here can be tried before your own recordings are in. Building it takes a few minutes on two "
            "processor cores, and every step is kept: you may stop and continue later."
        )
        job_progress.offer(
            "Build the default codebook",
            BUILD,
            "Building the default codebook",
            ["build-default"],
            "The default codebook is ready.",
            ":material/model_training:",
        )
        st.caption("With your own data: `dfe import`, `dfe train`, `dfe encode`, as the README shows.")


def no_dataset() -> None:
    """There is a codebook but nothing to look at with it."""
    with st.container(border=True):
        st.subheader("There is no dataset yet", anchor=False)
        st.markdown(
            "Bring recordings in with `dfe import FILES --name NAME`, then encode them with "
            "`dfe encode MODEL NAME`. The page fills in by itself."
        )


def no_face(choice: artefact_cache.Choice) -> None:
    """The dataset holds action units alone: what works with it, and the way to a face."""
    names = list_aligned(choice.dataset, choice.root)
    tool = names[0] if names else "NAME"
    with st.container(border=True):
        st.subheader(f"“{choice.dataset}” holds action units alone", anchor=False)
        st.markdown(
            "There is no face in it: nothing to show, to train on or to encode. The pages Probes and Recordings work "
            f"with its action units, and `dfe groups aus:{tool} {choice.dataset} --by COLUMN` compares them between "
            "groups. For codewords run the videos through `dfe extract`, or the tool again with its landmarks, and "
            "choose that dataset in the sidebar."
        )


def not_encoded(choice: artefact_cache.Choice) -> None:
    """The dataset has no tokens of this codebook: offer to encode it."""
    name = f"encode-{tokens_name(choice.model, choice.dataset)}"
    with st.container(border=True):
        st.subheader(f"“{choice.dataset}” has not been encoded by “{choice.model}”", anchor=False)
        if not _of_same_coefficients(choice):
            return
        st.markdown("Encoding gives every frame its tokens. It is done once and kept.")
        job_progress.offer(
            "Encode it now",
            name,
            f"Encoding {choice.dataset}",
            ["encode", choice.model, choice.dataset],
            f"{choice.dataset} is encoded.",
            ":material/data_object:",
        )


def _of_same_coefficients(choice: artefact_cache.Choice) -> bool:
    """Whether the codebook can encode the dataset; what can be done else is on the page where it cannot."""
    from dfe_core.tokenizer.storage import require_same_coefficients

    try:
        require_same_coefficients(choice.open_codebook().config, choice.open_dataset())
    except DataError as error:
        st.markdown(f"It cannot be: {error_text.sentence(error)}")
        st.markdown("Choose another codebook in the sidebar, or learn one from these recordings.")
        st.page_link(routes.route("study"), label="New study", icon=":material/rocket_launch:")
        return False
    return True


def page_missing(what: str) -> None:
    """Something a link names is not there."""
    st.warning(f"{what} Choose another below.", icon=":material/link_off:")
