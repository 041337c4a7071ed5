"""The faces behind a probe: the codewords that decide, one of them looked at, and the moments that push most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from dfe_core.faces.model import FaceModel
from dfe_core.probes.explain import pushing_moments
from dfe_core.probes.result import ProbeResult
from dfe_core.table_rows import typed_rows
from dfe_core.tokenizer.codebook import Codebook

from ..data import artefact_cache, examples, media, thumbnails
from ..data.dictionary import dictionary
from ..links import query_parameters, routes
from ..links.numbers import whole
from ..views import browser_views, cards, figures, probe_results
from . import moment_strip, page_frame
from .moment_strip import MomentPicture

SHOWN, MOMENTS = 12, 6


def show(choice: artefact_cache.Choice, result: ProbeResult) -> None:
    """The codewords that weigh most, the one that was clicked, regions, and the moments that push most."""
    if not len(result.codewords):
        st.caption("No linear row over codewords in this experiment: add bow.")
        return
    codebook = choice.open_codebook()
    face = choice.open_face()
    gallery(choice, result, codebook, face)
    number = asked(result)
    if number is not None:
        deciding(choice, result, codebook, face, number)
    left, right = st.columns(2, gap="medium")
    with left:
        st.caption("Sum of the sizes of the weights, by region")
        figures.show(
            probe_results.regions(result.regions, "weight", "weight"), "probe-regions", "Weight by face region"
        )
    with right:
        st.caption("How much the score falls without a region’s codewords")
        figures.show(
            probe_results.regions(result.occlusion, "fall", "fall of the score"),
            "probe-occlusion",
            "Fall of the score without each region",
        )
    st.subheader("Moments that push the prediction most", anchor=False)
    for towards in dict.fromkeys(result.codewords["towards"]):
        st.caption(
            f"Towards “{towards}”, where the push is positive"
            if towards != "higher"
            else "Towards larger values, where the push is positive"
        )
        moments(choice, face, result, result.codewords, towards, f"push-{towards}")


def strongest(weights: pd.DataFrame) -> pd.DataFrame:
    """One row a codeword, at the class for which it weighs most; largest first."""
    order = weights["weight"].abs().sort_values(ascending=False, kind="stable").index
    return weights.reindex(order).drop_duplicates("codeword")


def asked(result: ProbeResult) -> int | None:
    """The codeword that the link names, where this experiment weighs it."""
    named = query_parameters.read("deciding")
    number = whole(named)
    if number in set(result.codewords["codeword"]):
        return number
    query_parameters.unusable("deciding codeword", [named] if named else [])
    return None


def gallery(choice: artefact_cache.Choice, result: ProbeResult, codebook: Codebook, face: FaceModel) -> None:
    """The codewords that weigh most; a click shows one below."""
    table, pictures = dictionary(choice).table, thumbnails.addresses(choice.root, codebook, face)
    items = [
        card(row, table, pictures.get(row.codeword))
        for row in typed_rows(strongest(result.codewords).head(SHOWN), DecidingCodeword)
    ]
    plus = (
        f"a plus speaks for “{result.codewords['towards'].iloc[0]}”"
        if result.codewords["towards"].nunique() == 1
        else "each with the class for which it weighs most"
    )
    st.caption(
        f"Codewords that weigh most in {result.codewords['features'].iloc[0]}; {plus}. Click one to see its "
        "face and the moments that pushed."
    )
    data = {
        "items": items,
        "selected": asked(result),
        "model": codebook.model,
        "label": "Codewords that weigh most",
        "face": media.face_address(face) if face.has_mesh else None,
        "codebook": media.codebook_address(codebook),
    }
    picked = browser_views.gallery(key="probe-codewords", data=data, on_pick_change=lambda: None).pick
    if picked is not None and int(picked) != asked(result):
        query_parameters.write(deciding=int(picked))
        query_parameters.rerun_fragment()


@dataclass(frozen=True, kw_only=True)
class DecidingCodeword:
    """A codeword, its mean weight towards a class, and the share of folds in which the weight has the mean's sign."""

    codeword: int
    weight: float
    towards: str
    stability: float


def card(row: DecidingCodeword, table: pd.DataFrame, src: str | None) -> dict[str, object]:
    """One codeword with its weight."""
    words = cards.card(table.iloc[row.codeword], src)
    sign = "for" if row.weight > 0 else "against"
    return {
        **words,
        "title": f"{row.codeword} · {row.weight:+.2f}",
        "note": f"{sign} {row.towards}; same sign in {row.stability:.0%} of folds",
        "alt": f"{words['alt']} Weight {row.weight:+.2f} towards {row.towards}.",
    }


def deciding(
    choice: artefact_cache.Choice, result: ProbeResult, codebook: Codebook, face: FaceModel, number: int
) -> None:
    """One codeword: its face, its weights over folds, and the moments in which it pushed most."""
    own = result.codewords[result.codewords["codeword"] == number]
    towards = str(own["towards"].iloc[int(own["weight"].abs().to_numpy().argmax())])
    words = cards.sentence_of(dictionary(choice).table.iloc[number])
    with st.container(border=True):
        left, right = st.columns([1, 1.6], gap="medium")
        with left:
            if face.has_mesh:
                browser_views.morph(
                    key=f"deciding-{number}",
                    data={
                        "face": media.face_address(face),
                        "codebook": media.codebook_address(codebook),
                        "codeword": number,
                        "model": codebook.model,
                        "title": f"Codeword {number}",
                        "height": 300,
                        "alt": words,
                    },
                )
            routes.link("codebook", f"Open codeword {number}", codeword=number)
        with right:
            st.markdown(f"**Codeword {number}.** {words}")
            page_frame.table(
                own,
                {
                    "towards": "Towards",
                    "weight": "Weight",
                    "low": "Lowest fold",
                    "high": "Highest fold",
                    "stability": "Same sign",
                    "best_rank": "Best rank",
                    "worst_rank": "Worst rank",
                },
                formats={"Weight|Lowest fold|Highest fold": "%.3f", "Same sign": "percent"},
            )
            st.caption("The moments in which it pushed most")
            moments(choice, face, result, own, towards, f"deciding-moments-{number}")


def taking_part(recordings: pd.DataFrame, result: ProbeResult) -> pd.DataFrame:
    """The recordings that a prediction was made of: those without a label pushed nothing."""
    label = result.settings.label
    return recordings[recordings[label].notna()] if label in recordings and not result.settings.labels else recordings


@dataclass(frozen=True, kw_only=True)
class PushingMoment:
    """A moment that pushes a prediction: peak_s, its second in the recording; which codeword pushes, and how much."""

    recording: str
    peak_s: float
    codeword: int
    push: float


def moments(
    choice: artefact_cache.Choice, face: FaceModel, result: ProbeResult, weights: pd.DataFrame, towards: str, key: str
) -> None:
    """The moments that push most towards a class, as faces; a click opens the recording."""
    index, dataset = (
        choice.open_intervals(),
        choice.open_dataset(),
    )
    table = pushing_moments(weights, index, taking_part(dataset.recordings, result), towards, limit=MOMENTS)
    found = typed_rows(table, PushingMoment)
    if not found:
        st.caption("No moment of the recordings shows these codewords.")
        return
    pictures = [
        MomentPicture(
            recording=moment.recording,
            peak_s=moment.peak_s,
            psi=examples.frame_at(choice, moment.recording, moment.peak_s)[0] if face.has_mesh else np.zeros(0),
            note=f"codeword {moment.codeword}, push {moment.push:+.2f}",
            words=f"codeword {moment.codeword}, push {moment.push:+.2f}",
        )
        for moment in found
    ]
    moment_strip.show(key, face, pictures, dataset)
