"""Codewords that are the same face, and AUs that are spread over many codewords."""

from __future__ import annotations

import numpy as np
import pandas as pd

from dfe_core.faces.model import FaceModel
from dfe_core.facs.aggregates import Aggregates
from dfe_core.facs.association import Association
from dfe_core.facs.settings import CoverageSettings
from dfe_core.tokenizer.codebook import Codebook


def redundant_pairs(
    codebook: Codebook, face: FaceModel, codewords: pd.DataFrame, settings: CoverageSettings
) -> pd.DataFrame:
    """Pairs of judged codewords whose displacement fields have a cosine of at least `redundant_cosine`, closest first:
    first, second, cosine, first_frames, second_frames."""
    index = codewords.loc[codewords["judged"], "codeword"].to_numpy()
    gram = codebook.psi[index] @ face.gram @ codebook.psi[index].T
    size = np.sqrt(np.maximum(np.diag(gram), 1e-18))
    cosine = np.triu(gram / np.outer(size, size), 1)
    a, b = np.nonzero(cosine >= settings.redundant_cosine)
    frames = codewords["frames"].to_numpy()
    table = pd.DataFrame(
        {
            "first": index[a],
            "second": index[b],
            "cosine": cosine[a, b],
            "first_frames": frames[index[a]],
            "second_frames": frames[index[b]],
        }
    )
    return table.sort_values(["cosine", "first"], ascending=[False, True], ignore_index=True)


def split_table(aggregates: Aggregates, found: Association, settings: CoverageSettings) -> pd.DataFrame:
    """How many codewords share an AU: au, side, codewords, effective_codewords (perplexity of their frames in excess of
    chance), top (the ten largest, largest first).

    A codeword counts for the AU that it goes with most (largest phi), where that is above chance at the false discovery
    rate: AUs that often come together do not lend each other their codewords.
    """
    rows, phi = [], np.nan_to_num(found.phi[:, : aggregates.aus], nan=-1.0)
    strongest = phi.argmax(1) if phi.shape[1] else np.zeros(len(phi), int)
    for i, (au, side) in enumerate(aggregates.columns[: aggregates.aus]):
        counts = (strongest == i) & (found.q[:, i] < settings.fdr) & (found.lift[:, i] > 1)
        excess = np.where(counts, np.maximum(found.together[:, i] - found.expected[:, i], 0), 0)
        share = excess[excess > 0] / max(excess.sum(), 1e-12)
        order = np.argsort(-excess, kind="stable")[: min(10, len(share))]
        rows.append(
            {
                "au": au,
                "side": side,
                "codewords": len(share),
                "effective_codewords": float(np.exp(-(share * np.log(share)).sum())) if len(share) else 0.0,
                "top": order.tolist(),
            }
        )
    return pd.DataFrame(rows, columns=["au", "side", "codewords", "effective_codewords", "top"])
