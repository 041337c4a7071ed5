"""What every figure about codewords means: one definition each, for the code that makes it and the pages that show it.

Where a figure is worked out, `Statistic.where` says. Pages print `Statistic.help` beside it, so that one word means one
thing on all of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True, kw_only=True)
class Statistic:
    """One figure: label, as pages head it; help: what it is, in a sentence or two; where: what makes it."""

    label: str
    help: str
    where: str


STATISTICS = {
    "presence": Statistic(
        label="Counted from",
        help="A codeword counts in a frame where it moves a vertex this far or farther, for a tenth of a second at "
        "least; it is counted until it falls below half of that. Tokens of the same codeword in a frame are "
        "summed. It holds for every frequency on these pages; coverage, groups and probes count from 1 mm always.",
        where="dfe_core.tokens.presence.presence_of",
    ),
    "in_use": Statistic(
        label="In use",
        help="Codewords that the chosen data show at least once, counted from the displacement chosen in the sidebar, "
        "of those that move something (codeword 0, rest, moves nothing).",
        where="dfe_core.tokens.statistics.in_use",
    ),
    "share_of_frames": Statistic(
        label="In the data",
        help="Share of the frames with tokens in which the codeword is present, counted from the displacement chosen "
        "in the sidebar.",
        where="dfe_core.tokens.usage.usage",
    ),
    "typical_mm": Statistic(
        label="Typical size",
        help="How far the vertex that moves most goes while the codeword is present: median over those frames.",
        where="dfe_core.tokens.usage.usage",
    ),
    "largest_mm": Statistic(
        label="Largest size",
        help="The same at the strongest frame of the data.",
        where="dfe_core.tokens.usage.usage",
    ),
    "peak_mm": Statistic(
        label="At intensity 1",
        help="How far the vertex that moves most goes at intensity 1, as the picture shows it. The data may show less.",
        where="dfe_core.tokenizer.geometry.codeword_geometry",
    ),
    "symmetry": Statistic(
        label="Symmetry",
        help="Cosine of the movement with its mirror image: 1 is the same on both sides, 0 one side alone, −1 the "
        "opposite (both go to the same side).",
        where="dfe_core.tokenizer.geometry.symmetry",
    ),
    "stages": Statistic(
        label="Stages",
        help="The places in the order of a frame's tokens that hold the middle half of this codeword's tokens. Every "
        "token counts, faint ones as well.",
        where="dfe_core.tokens.statistics.middle_stages",
    ),
    "covered": Statistic(
        label="AUs covered",
        help="Action units that at most three codewords, chosen on other people, say within held-out people with an "
        "AUROC of 0.8 or more, of those that were measured often enough; each side is counted where it is measured "
        "apart. It asks for more than the name of a codeword does: “confirmed” there means that both are present in "
        "the same frames more often than by chance (φ, lift), which an AU can be without an AUROC of 0.8. Estimates "
        "from the same coefficients are not counted: they are covered by construction.",
        where="dfe_core.facs.coverage.analyse_coverage",
    ),
    "beyond_facs": Statistic(
        label="Variance beyond FACS",
        help="Share of the vertices' squared displacement, on people the fits had not seen, that tokens explain and "
        "action units do not, after what else could explain it is taken out: the resting face, a person's own range "
        "of movement, slow drift, head pose, and errors of the AUs (the floor). The bounds are what is left with the "
        "fewest and with the most of these taken out.",
        where="dfe_core.facs.beyond.measure_beyond",
    ),
    "facs_only": Statistic(
        label="Variance in FACS only",
        help="Share of squared displacement on held-out people that action units explain and tokens do not.",
        where="dfe_core.facs.variance.variance_table",
    ),
    "new_codewords": Statistic(
        label="New codewords",
        help="Codewords used often enough to judge that no AU and no pair of AUs matches, neither by the cosine of the "
        "movement (from 0.9) nor by the correlation of use (from 0.6), and that move farther than errors of AUs "
        "explain. Often enough: a token, however faint, in a thousandth of the frames. Names ask another question, "
        "whether a sum of up to three AUs, or an AU of one lip alone, is like the movement: a new codeword may be "
        "“shaped like” an AU that it is not near enough to match.",
        where="dfe_core.facs.codeword_au_matching.codeword_table",
    ),
    "symmetric_frames": Statistic(
        label="Symmetric frames",
        help="Share of frames that move and in which neither half of the face has twice the squared displacement of "
        "the other, nor goes against it.",
        where="dfe_core.facs.symmetry.symmetry_summary",
    ),
    "redundant_pairs": Statistic(
        label="Redundant pairs",
        help="Pairs of codewords whose movements have a cosine of 0.95 or more: nearly the same face.",
        where="dfe_core.facs.redundancy.redundant_pairs",
    ),
    "planted_found": Statistic(
        label="Planted AUs found",
        help="Of the actions with a FACS code that the simulation made, those that at most three codewords show on "
        "held-out people with an AUROC of 0.8 or more.",
        where="dfe_core.facs.coverage.analyse_coverage",
    ),
    "planted_beyond_found": Statistic(
        label="Planted non-FACS found",
        help="Of the movements without a FACS code that the simulation made, those that at most three codewords show "
        "on held-out people with an AUROC of 0.8 or more and that have a codeword listed as new.",
        where="dfe_core.facs.coverage.analyse_coverage",
    ),
    "phi": Statistic(
        label="φ",
        help="Correlation of codeword and action unit over frames, both present or absent: 0 is independence, 1 the "
        "same frames. The interval is over people.",
        where="dfe_core.facs.association.associate",
    ),
    "lift": Statistic(
        label="Lift",
        help="How many times as often codeword and action unit share a frame as if they were independent: 1 is "
        "independence. The interval is over people.",
        where="dfe_core.facs.association.associate",
    ),
    "auroc": Statistic(
        label="AUROC",
        help="Chance that the codeword is stronger in a frame with the action unit than in one without: 0.5 is chance. "
        "The interval is over people.",
        where="dfe_core.facs.association.associate",
    ),
    "q": Statistic(
        label="q",
        help="p of circular shifts of AUs against tokens, corrected over all pairs (Benjamini and Hochberg): the share "
        "of false finds among pairs of this q or less.",
        where="dfe_core.facs.shifts.false_discovery_rates",
    ),
    "explained_variance": Statistic(
        label="Explained variance",
        help="Share of the vertices' squared displacement that the tokens rebuild.",
        where="dfe_core.tokens.fidelity.measure_fidelity",
    ),
    "rmse_mm": Statistic(
        label="Error",
        help="Root mean square distance between true and rebuilt vertices, over frames and vertices.",
        where="dfe_core.tokens.fidelity.measure_fidelity",
    ),
    "tokens_per_frame": Statistic(
        label="Tokens a frame",
        help="Mean number of tokens that move something, faint ones as well.",
        where="dfe_core.tokens.fidelity.measure_fidelity",
    ),
    "locality": Statistic(
        label="Locality",
        help="Share of a codeword's squared displacement in its two strongest regions, mean over codewords.",
        where="dfe_core.tokenizer.geometry.codeword_geometry",
    ),
    "entropy_bits_per_frame": Statistic(
        label="Bits a frame",
        help="Mean bits of a frame's tokens: with short codes for what training frames have often (entropy coding), "
        "and with a code of the same length for every token.",
        where="dfe_core.evaluation.encoded_part.code_lengths",
    ),
}
"""By the name that tables and JSON have for it."""


def in_use(table: pd.DataFrame) -> tuple[int, int]:
    """Codewords that are present at least once, and those that move something. table: `usage` with the column side."""
    moving = table["side"] != "rest"
    return int((moving & (table["presences"] > 0)).sum()), int(moving.sum())


def middle_stages(by_stage: np.ndarray) -> tuple[int, int] | None:
    """First and last stage (from 0) of the middle half of a codeword's tokens; None where it has none.

    by_stage: (N,) tokens of it at each stage (a row of `token_counts_by_stage`).
    """
    total = by_stage.sum()
    if not total:
        return None
    reached = by_stage.cumsum()
    return int((reached >= total / 4).argmax()), int((reached >= 3 * total / 4).argmax())
