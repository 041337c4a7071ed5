"""Two codebooks side by side: which displays both have, which only one has, and which holds this data better."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import streamlit as st

from dfe_core.artefact_names import tokens_name
from dfe_core.embedding.compare import Comparison, Fidelity, Matching
from dfe_core.table_rows import typed_rows
from dfe_core.tokens.statistics import STATISTICS, in_use

from ..data import artefact_cache, comparisons, coverage_analyses, media, thumbnails
from ..data.codeword_names import measured_first
from ..data.dictionary import dictionary
from ..links import routes
from ..panels import empty_states, job_progress, page_frame
from ..theme.formatting import plural, text
from ..views import browser_views, cards, comparison_figure, figures
from ..views.example_pictures import Picture

PARTS = ("Both have", "Only here", "Only there")
SECOND_KEY, SECOND_TITLE = f"second-{artefact_cache.SECOND_MODEL}", "A second codebook, to compare with"
SECOND_ARGUMENTS = ["build-default", "--second"]
OTHER_SEED = 1
"""Of the second codebook that the page offers to train; the first one's is 0 where nobody chose another."""


def page() -> None:
    """The page."""
    choice = artefact_cache.chosen()
    page_frame.header(
        "Compare", "Two codebooks: what they share, what only one has, which to prefer for this data.", choice
    )
    if empty_states.ready(choice):
        shown(choice)


@st.fragment
def shown(choice: artefact_cache.Choice) -> None:
    """The other model, the verdict, the faces."""
    with page_frame.guarded():
        others = comparisons.comparable(choice)
        if not others:
            nothing_to_compare(choice)
            return
        box, _ = st.columns([1, 2])
        name = box.selectbox(f"Compare “{choice.model}” with", others, key="other", bind="query-params")
        other = replace(choice, model=name)
        verdict(choice, other)
        faces(choice, other)


def nothing_to_compare(choice: artefact_cache.Choice) -> None:
    """There is one codebook only, or one of this kind of face."""
    one = len(artefact_cache.model_names(choice.root)) == 1
    other, key, arguments = second_codebook(choice)
    smaller = arguments == SECOND_ARGUMENTS
    how = "a smaller one" if smaller else f"with another seed ({OTHER_SEED})"
    with empty_states.example(
        Picture.PAIR,
        "There is one codebook so far" if one else "No other codebook is of this face",
        ("" if one else "The other codebooks are of faces that share no coefficient with this one’s. ")
        + f"Train another on “{text(choice.dataset)}”, {how}, and see what both have learned, what only one has, and "
        "which represents the recordings better. It takes some minutes.",
    ):
        job_progress.offer(
            "Train a second codebook",
            key,
            SECOND_TITLE,
            arguments,
            f"The codebook {other} is trained.",
            ":material/model_training:",
        )
        st.caption("Of another size: " + f"`dfe train {choice.dataset} --name another --set tokenizer.codewords=128`")


def second_codebook(choice: artefact_cache.Choice) -> tuple[str, str, list[str]]:
    """Name, key of the job and command of another codebook of the chosen data: of the default data the smaller one
    that the dashboard makes by itself, else one of another seed."""
    if (choice.model, choice.dataset) == (artefact_cache.DEFAULT_MODEL, artefact_cache.DEFAULT_DATASET):
        return artefact_cache.SECOND_MODEL, SECOND_KEY, SECOND_ARGUMENTS
    name = f"{choice.dataset}-{OTHER_SEED}"
    return name, f"train-{name}", ["train", choice.dataset, "--name", name, "--seed", str(OTHER_SEED)]


def verdict(choice: artefact_cache.Choice, other: artefact_cache.Choice) -> None:
    """Which of the two holds the chosen dataset better, with intervals."""
    if not other.encoded:
        with empty_states.example(
            Picture.PAIR,
            "Their fidelity has not been compared yet",
            f"“{text(choice.dataset)}” has not been encoded by “{text(other.model)}”.",
        ):
            job_progress.offer(
                "Encode it now",
                f"encode-{tokens_name(other.model, choice.dataset)}",
                f"Encoding {choice.dataset}",
                ["encode", other.model, choice.dataset],
                "Encoded.",
                ":material/data_object:",
            )
        return
    found = comparisons.fidelity(choice, other)
    with st.container(border=True):
        if found.preferred:
            preferred = f"Prefer “{text(found.preferred)}” for “{text(choice.dataset)}”{at_bits(found)}"
            st.markdown(f"**{preferred}**: {found.reason}.")
        else:
            st.markdown(f"**The data do not decide**: {found.reason}.")
        kind = "held-out subjects" if found.held_out else "subjects, some of which a model was trained on"
        st.caption(
            f"On {found.subjects} {kind}. {size_words(found.a, choice)}; {size_words(found.b, other)}. Coded bits: "
            "entropy of the tokens of a frame."
        )
    figures.show(comparison_figure.fidelity_figure(found), "fidelity", "Error of both models per subject")
    rows = [
        {
            "Codebook": one.model,
            "RMSE mm": one.rmse_mm[0],
            "From": one.rmse_mm[1],
            "To": one.rmse_mm[2],
            "Codewords in use": in_use_text(replace(choice, model=one.model)),
            "AUs covered": covered(replace(choice, model=one.model)),
            "Bits a frame": one.bits,
            "Entropy bits": one.entropy_bits,
        }
        for one in (found.a, found.b)
    ]
    page_frame.table(
        pd.DataFrame(rows),
        formats={"RMSE mm|From|To": "%.3f", "Bits a frame|Entropy bits": "%.1f"},
        column_config={
            "Codewords in use": st.column_config.TextColumn(help=STATISTICS["in_use"].help),
            "AUs covered": st.column_config.TextColumn(help=STATISTICS["covered"].help),
        },
    )


def at_bits(found: Comparison) -> str:
    """Whether the preferred codebook takes more or fewer coded bits a frame than the other, in words."""
    best, other = (found.a, found.b) if found.preferred == found.a.model else (found.b, found.a)
    if round(best.entropy_bits, 1) == round(other.entropy_bits, 1):
        return ""
    return f", at {'fewer' if best.entropy_bits < other.entropy_bits else 'more'} bits a frame"


def size_words(one: Fidelity, choice: artefact_cache.Choice) -> str:
    """Codewords, stages and coded bits of a codebook."""
    codebook = choice.open_codebook()
    return (
        f"“{text(one.model)}”: {codebook.size} codewords, {plural(codebook.stages, 'stage')}, "
        f"{one.entropy_bits:.1f} coded bits a frame"
    )


def common_start(choice: artefact_cache.Choice, other: artefact_cache.Choice) -> str:
    """Why two codebooks may hold nearly the same codewords, by what their configs say; empty where they do not say
    so."""
    one, two = (c.open_codebook().config for c in (choice, other))
    for mine, theirs, name in ((one, other, choice.model), (two, choice, other.model)):
        if mine.get("started_from") == theirs.model:
            return f"“{text(name)}” was started from “{text(theirs.model)}”, so near-identical codewords are expected."
    parts = ("dataset", "split", "seed", "started_from")
    if any(part not in one for part in parts) or any(one.get(part) != two.get(part) for part in parts):
        return ""
    return (
        f"Both were learned from the same training recordings with seed {one['seed']}: near-identical codewords are "
        "expected, and do not show that another seed or other people would give them again."
    )


def in_use_text(choice: artefact_cache.Choice) -> str:
    """Codewords that the chosen data show, of those that move something."""
    used, moving = in_use(dictionary(choice).table)
    return f"{used} of {moving}"


def covered(choice: artefact_cache.Choice) -> str:
    """How many AUs a codebook covers on the chosen data, by action units that were measured, where that has been
    analysed: estimates from the same coefficients are covered by construction."""
    for aus in measured_first(choice)[:-1]:
        if (found := coverage_analyses.analysis(choice, aus)) is not None:
            if found.coverage.estimate:
                return "only estimates"
            judged = found.coverage.per_au["covered"].dropna()
            return f"{int(judged.sum())} of {len(judged)} ({aus})" if len(judged) else f"not enough data ({aus})"
    return "not analysed"


def faces(choice: artefact_cache.Choice, other: artefact_cache.Choice) -> None:
    """Matched pairs and what only one has."""
    found = comparisons.matching(choice, other)
    same = int(found.pairs["same"].sum())
    st.subheader("Their codewords", anchor=False)
    page_frame.facts(
        [
            ("The same display", str(same), f"of {len(found.pairs)} matched pairs"),
            ("Mean likeness", f"{found.mean_cosine:.2f}", "cosine of matched pairs"),
            (f"Only in {choice.model}", str(len(found.only_a)), "codewords"),
            (f"Only in {other.model}", str(len(found.only_b)), "codewords"),
        ]
    )
    if said := common_start(choice, other):
        st.caption(said)
    if found.lost:
        st.caption(f"The faces differ: {', '.join(found.lost)} of “{other.model}” cannot be shown here.")
    part = page_frame.parts("Codewords", PARTS, key="compare_part", label_visibility="collapsed")
    if part == PARTS[0]:
        pairs(choice, other, found)
    else:
        alone(
            choice if part == PARTS[1] else other,
            found.only_a if part == PARTS[1] else found.only_b,
        )


def pairs(choice: artefact_cache.Choice, other: artefact_cache.Choice, found: Matching) -> None:
    """Matched codewords: pick a pair and see both faces."""
    if not len(found.pairs):
        empty_states.plain_example(
            Picture.PAIR,
            "No codeword of one has a counterpart in the other",
            "What only one has is under the other two parts.",
        )
        return
    mine, theirs = dictionary(choice).table, dictionary(other).table
    table = pd.DataFrame(
        {
            choice.model: found.pairs["a"],
            other.model: found.pairs["b"],
            "Cosine": found.pairs["cosine"],
            "Movement": [cards.name_of(mine.iloc[k]) for k in found.pairs["a"]],
            "There": [cards.name_of(theirs.iloc[k]) for k in found.pairs["b"]],
        }
    )
    left, right = st.columns([1.2, 1], gap="medium")
    with left:
        picked = page_frame.table(
            table,
            on_select="rerun",
            selection_mode="single-row",
            key="pairs",
            height=420,
            formats={"Cosine": "%.2f"},
        )
    row = picked.selection.rows[0] if picked.selection.rows else 0
    with right:
        if len(found.pairs):
            side_by_side(choice, other, int(found.pairs["a"].iloc[row]), int(found.pairs["b"].iloc[row]))


def side_by_side(choice: artefact_cache.Choice, other: artefact_cache.Choice, a: int, b: int) -> None:
    """Two codewords on this codebook's face."""
    codebook = choice.open_codebook()
    face = choice.open_face()
    if not face.has_mesh:
        return
    theirs = comparisons.psi_here(choice, other, b)
    browser_views.morph(
        key="pair",
        data={
            "face": media.face_address(face),
            "psi": np.round(theirs, 4).tolist(),
            "title": f"{other.model} {b}",
            "height": 330,
            "other": {"psi": np.round(codebook.psi[a], 4).tolist(), "title": f"{choice.model} {a}"},
            "alt": f"Codeword {a} of {choice.model} beside codeword {b} of {other.model}",
        },
    )
    routes.link("codebook", f"Open codeword {a}", codeword=a)


@dataclass(frozen=True, kw_only=True)
class Unmatched:
    """A codeword with no counterpart in the other codebook: the nearest there, and their cosine."""

    codeword: int
    nearest: int
    cosine: float


def alone(choice: artefact_cache.Choice, rows: pd.DataFrame) -> None:
    """Codewords that the other codebook has nothing like."""
    codebook, table = choice.open_codebook(), dictionary(choice).table
    face = choice.open_face()
    st.caption(f"{plural(len(rows), 'codeword')} with no counterpart, those farthest from anything there first.")
    if not len(rows) or not face.has_mesh:
        return
    pictures = thumbnails.addresses(choice.root, codebook, face)
    items = [
        {
            **cards.card(table.iloc[row.codeword], pictures.get(row.codeword)),
            "note": f"{cards.name_of(table.iloc[row.codeword])}. Nearest {row.nearest}, cosine {row.cosine:.2f}",
            "score": "",
        }
        for row in typed_rows(rows, Unmatched)
    ]
    page_frame.colour_scale("how far each vertex moves at intensity 1")
    browser_views.gallery(
        key=f"alone-{codebook.model}",
        on_pick_change=lambda: None,
        data={
            "items": items,
            "selected": None,
            "model": codebook.model,
            "label": f"Only in {codebook.model}",
            "face": media.face_address(face),
            "codebook": media.codebook_address(codebook),
        },
    )
