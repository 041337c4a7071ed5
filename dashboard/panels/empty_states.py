"""Pages that lack something say what, show a greyed example of it, and offer to make it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from dfe_core.artefact_names import tokens_name
from dfe_core.errors import DataError
from dfe_core.facs.store import list_aligned

from ..data import artefact_cache
from ..links import routes
from ..views.example_pictures import Picture, picture
from . import error_text, job_progress

BUILD = "build-default"


@contextmanager
def example(shown: Picture, title: str, words: str = "", *, narrow: bool = False) -> Iterator[None]:
    """A greyed example of what is not there yet, with a title and a sentence; what the block draws leads on to it.

    narrow: in a column beside something else, the picture above the words and no frame.
    """
    if narrow:
        drawn, said = st.container(), st.container()
    else:
        drawn, said = st.container(border=True).columns([1, 1.9], gap="large", vertical_alignment="center")
    drawn.html(picture(shown))
    with said:
        if narrow:
            st.markdown(f"**{title}**")
        else:
            st.subheader(title, anchor=False)
        if words:
            st.markdown(words)
        yield


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


def plain_example(shown: Picture, title: str, words: str, *, narrow: bool = False) -> None:
    """`example` where what leads on is on the page already."""
    with example(shown, title, words, narrow=narrow):
        pass


def no_codebook() -> None:
    """There is no codebook: offer to build the default one."""
    with example(
        Picture.CODEWORDS,
        "There is no codebook yet",
        "The default codebook learns its codewords from simulated performances on an open head model, so that "
        "everything here can be tried before your own recordings are in. Building it takes a few minutes on two "
        "processor cores, and every step is kept: you may stop and continue later.",
    ):
        offer_default()
        st.page_link(routes.route("study"), label="Or begin with your own recordings", icon=":material/rocket_launch:")


def offer_default() -> None:
    """The button that builds the default codebook."""
    job_progress.offer(
        "Build the default codebook",
        BUILD,
        "Building the default codebook",
        ["build-default"],
        "The default codebook is ready.",
        ":material/model_training:",
    )


def no_dataset() -> None:
    """There is a codebook but nothing to look at with it."""
    with example(
        Picture.TIMELINE,
        "There are no recordings yet",
        "Bring recordings in, then encode them: the page fills in by itself. On the command line: "
        "`dfe import FILES --name NAME`, `dfe encode MODEL NAME`.",
    ):
        bring_recordings_in()


def bring_recordings_in(label: str = "Bring recordings in") -> None:
    """The way to the part of the page Data where files are dropped."""
    routes.link("data", label, data_part="Bring recordings in")


def no_face(choice: artefact_cache.Choice) -> None:
    """The dataset holds action units alone: what works with it, and the way to a face."""
    names = list_aligned(choice.dataset, choice.root)
    tool = names[0] if names else "NAME"
    with example(
        Picture.UNITS,
        f"“{choice.dataset}” holds action units alone",
        "There is no face in it: nothing to show, to train on or to encode. The pages Probes and Recordings work "
        f"with its action units, and `dfe groups aus:{tool} {choice.dataset} --by COLUMN` compares them between "
        "groups. For codewords bring the videos in, or the tool’s output with its landmarks, and choose that dataset "
        "in the sidebar.",
    ):
        bring_recordings_in()


def not_encoded(choice: artefact_cache.Choice) -> None:
    """The dataset has no tokens of this codebook: offer to encode it."""
    name = f"encode-{tokens_name(choice.model, choice.dataset)}"
    with example(Picture.TIMELINE, f"“{choice.dataset}” has not been encoded by “{choice.model}”"):
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


def no_labels(shown: Picture, title: str, words: str) -> None:
    """There is no label to predict or to compare by: the way to the table in which labels are written."""
    with example(shown, title, words):
        routes.link("data", "Write or bring in labels", data_part="Labels")


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
