"""Finding codewords: by words over names, notes and descriptions, by action unit, by region, by an example face."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dfe_core.faces.model import FaceModel
from dfe_core.ontology import search_phrases
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokenizer.mesh_inner_product import cosine, displacement_cosine, mesh_factor
from dfe_core.tokens.annotations import Notes

FIELDS = {"name": 4.0, "tags": 3.0, "like": 2.0, "description": 2.0, "region": 1.0, "note": 1.0}
"""Weight of a match by where it stands: the lab's own words first."""

PREFIX = 0.6  # a word that only begins like one written there
MEANING = 0.8  # a word that means the same
MOST_WORDS, LONGEST = 40, 2000
"""Words and characters of a query that count: every word is looked for in every clause of every codeword."""

_LANGUAGE: Mapping[str, tuple[str, ...]] = {
    word: tuple(phrases.split("; "))
    for phrases, words in (
        ("brow up", "surprise"),
        ("gaze", "look eyeball turn"),
        ("lid", "eyelid"),
        ("brow", "eyebrow forehead"),
        ("chin", "jaw"),
        ("jaw", "chin"),
        ("lid; gaze", "eye"),
        ("lip", "lips"),
        ("lip; lips", "mouth"),
        ("rest", "still neutral nothing"),
        ("contrast", "difference minus"),
        ("up", "raise raised raiser lift upward upwards"),
        ("down", "lower lowered drop depress downward"),
        ("jaw drop; chin down; lower lip down; upper lid up", "open"),
        ("upper lid down; lower lip up", "close"),
        ("out", "outward"),
        ("stretched; out", "stretch"),
        ("out; upper lid up", "wide"),
        ("in", "inward"),
        ("forward; thrust", "protrude"),
        ("left", "l"),
        ("right", "r"),
        ("both", "bilateral symmetric"),
        ("left; right", "unilateral asymmetric sided"),
        ("to left; to right", "sideways"),
    )
    for word in words.split()
}
"""What else a word may stand for: phrases, and the words that mean them."""


def _synonyms() -> dict[str, tuple[str, ...]]:
    actions = search_phrases()
    return {word: (*actions.get(word, ()), *_LANGUAGE.get(word, ())) for word in (*actions, *_LANGUAGE)}


SYNONYMS: Mapping[str, tuple[str, ...]] = _synonyms()
"""What people type and what descriptions say: the ontology's words for actions, and words of place and direction. A
phrase must stand in one clause."""

_STOP = frozenset("a an and at by for go goes going move moves moved moving of on one the to with".split())


@dataclass(frozen=True)
class WordIndex:
    """Words of every codeword: clauses[k] is a list of (field, words in order) of codeword k; rarity by word."""

    clauses: tuple[tuple[tuple[str, tuple[str, ...]], ...], ...]
    rarity: Mapping[str, float]

    def search(self, query: str, limit: int = 50) -> pd.DataFrame:
        """Codewords that match, best first: codeword, score, matched (share of the query's words), field, text.

        Every word of the query counts where it, a word that begins with it, or one that means the same stands. The
        words of one clause count together: ``left lip corner up`` does not find a left brow beside a right lip corner.
        Rare words weigh more (the inverse document frequency of BM25, Robertson & Zaragoza 2009). Empty for no words.
        """
        asked = [word for word in words_of(query[:LONGEST]) if word not in _STOP]
        wanted = [_alternatives(word) for word in asked[:MOST_WORDS]]
        rows = [(k, *found) for k, clauses in enumerate(self.clauses) if (found := self._best(clauses, wanted))]
        table = pd.DataFrame(rows, columns=["codeword", "score", "matched", "field", "text"])
        return table.sort_values(["score", "codeword"], ascending=[False, True]).head(limit).reset_index(drop=True)

    def _best(
        self,
        clauses: Iterable[tuple[str, tuple[str, ...]]],
        wanted: Sequence[tuple[tuple[tuple[str, ...], float], ...]],
    ) -> tuple[float, float, str, str] | None:
        overall = [0.0] * len(wanted)
        best: tuple[float, float, str, str] = (0.0, 0.0, "", "")
        for name, words in clauses:
            scores = [
                max((self._phrase(phrase, words) * weight for phrase, weight in alternatives), default=0.0)
                for alternatives in wanted
            ]
            overall = [max(a, b) for a, b in zip(overall, scores, strict=True)]
            matched = sum(s > 0 for s in scores) / len(wanted) if wanted else 0.0
            score = FIELDS[name] * sum(scores) * matched
            if score > best[0]:
                best = (score, matched, name, " ".join(words))
        if not best[0]:
            return None
        spread = sum(s > 0 for s in overall) / len(wanted)
        return best[0] + 0.25 * sum(overall) * spread, spread, best[2], best[3]

    def _phrase(self, phrase: tuple[str, ...], words: tuple[str, ...]) -> float:
        """Weight of a phrase in a clause: that of its rarest word when every word stands there, else 0."""
        parts = [self._word(word, words) for word in phrase]
        return max(parts) if parts and min(parts) > 0 else 0.0

    def _word(self, word: str, words: tuple[str, ...]) -> float:
        if word in words:
            return self.rarity.get(word, 0.0)
        begins = [self.rarity[w] for w in words if len(word) > 2 and w.startswith(word)]
        return PREFIX * max(begins, default=0.0)


def words_of(text: str) -> list[str]:
    """Words of a text in lower case: camel case taken apart, plurals of parts of the face in the singular, action
    units as one word (``AU 12``, ``AU012`` → ``au12``).

    >>> words_of("mouthSmileLeft, both Brows; AU 12")
    ['mouth', 'smile', 'left', 'both', 'brow', 'au12']
    """
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text).lower()
    text = re.sub(r"\b(a[ud])[ _-]*0*(\d{1,2})\b", r"\1\2", text)
    return [_SINGULAR.get(word, word) for word in re.findall(r"[^\W_]+", text)]


def index_words(texts: Sequence[Mapping[str, Sequence[str]]]) -> WordIndex:
    """Index codewords: texts[k] maps a field of `FIELDS` to the clauses that are written there."""
    clauses = tuple(
        tuple((name, tuple(words)) for name, own in fields.items() for clause in own if (words := words_of(clause)))
        for fields in texts
    )
    count: dict[str, int] = {}
    for own in clauses:
        for word in {word for _, words in own for word in words}:
            count[word] = count.get(word, 0) + 1
    rarity = {word: math.log(1 + (len(texts) - n + 0.5) / (n + 0.5)) for word, n in count.items()}
    return WordIndex(clauses, rarity)


def codeword_texts(
    table: pd.DataFrame,
    descriptions: Sequence[Sequence[str]],
    notes: Notes | None = None,
    *,
    units: Sequence[Sequence[str]] | None = None,
) -> list[dict[str, Sequence[str]]]:
    """What to index of each codeword, as clauses: descriptions (`phrasing.description_clauses`), labels of its action
    units (``AU12 left``), region and side, and the lab's own words, whose clauses end at ; : + and line ends."""
    notes = notes or Notes()
    texts = []
    columns = (table[name] for name in ("codeword", "region", "side"))
    every = zip(*columns, descriptions, units or [()] * len(table), strict=True)
    for codeword, region, side, description, labels in every:
        own = notes.of(int(codeword))
        texts.append(
            {
                "name": _own_clauses(own.name),
                "tags": _own_clauses(" ".join(own.tags)),
                "note": _own_clauses(own.note),
                "description": description,
                "like": labels,
                "region": (f"{region} {side}",),
            }
        )
    return texts


def _own_clauses(text: str) -> list[str]:
    return re.split(r"[;:+\n]", text)


def nearest_codewords(codebook: Codebook, face: FaceModel, psi: np.ndarray, limit: int = 10) -> pd.DataFrame:
    """Codewords nearest to a face (E,): codeword, cosine of the displacement fields, intensity (≥ 0, at which the
    codeword alone comes closest) and distance_mm (root mean square over vertices left then); by cosine."""
    factor = mesh_factor(face.gram)
    target, rows = np.asarray(psi, np.float64) @ factor, codebook.psi.astype(np.float64) @ factor
    likeness = cosine(rows, target[None])[:, 0]
    energy = (rows**2).sum(1)
    intensity = np.clip(np.divide(rows @ target, energy, out=np.zeros(len(rows)), where=energy > 1e-18), 0, None)
    left = np.linalg.norm(target - intensity[:, None] * rows, axis=1) * 1e3
    table = _ranked(likeness, "cosine", limit)
    return table.assign(intensity=intensity[table["codeword"]], distance_mm=left[table["codeword"]])


def neighbours(codebook: Codebook, face: FaceModel, codeword: int, limit: int = 6) -> pd.DataFrame:
    """The codewords whose deformation is most like one's own: codeword, cosine; without itself and rest."""
    likeness = displacement_cosine(codebook.psi, codebook.psi[[codeword]], face.gram)[:, 0]
    likeness[codeword] = -np.inf
    return _ranked(likeness, "cosine", limit)


def _ranked(values: np.ndarray, name: str, limit: int) -> pd.DataFrame:
    order = np.argsort(-values, kind="stable")
    order = order[(values[order] != 0) & np.isfinite(values[order])][:limit]
    return pd.DataFrame({"codeword": order, name: values[order]})


def _alternatives(word: str) -> tuple[tuple[tuple[str, ...], float], ...]:
    meanings = tuple((tuple(w for w in phrase.split() if w not in _STOP), MEANING) for phrase in SYNONYMS.get(word, ()))
    return (((word,), 1.0), *meanings)


_SINGULAR = {
    "brows": "brow",
    "eyelids": "eyelid",
    "lids": "lid",
    "cheeks": "cheek",
    "corners": "corner",
    "eyeballs": "eyeball",
    "eyebrows": "eyebrow",
    "smiles": "smile",
    "blinks": "blink",
    "winks": "wink",
    "eyes": "eye",
    "frowns": "frown",
}
