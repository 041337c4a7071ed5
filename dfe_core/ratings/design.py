"""Which faces and which names raters see: items of four tasks, balanced over codewords, drawn from a seed.

- words: what does this face do, in the rater's own words; its choice item follows at once.
- choice: which of several names describes this face.
- odd: which of three or four faces does another movement than the others.
- pair: which of two faces does this name describe.

Every codeword is the right one of equally many items and stands equally often as a wrong option, as far as the counts
allow; where the right option stands is balanced in the items, and drawn again for every rater.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from dfe_core.errors import DataError
from dfe_core.text_enum import StrEnum

MOST_ITEMS, MOST_CODEWORDS = 400, 200
"""Of a study: a rater answers some hundred items in an hour."""

CHECK_TEXT = "A face at rest: nothing moves"
"""The name of attention checks: a face at rest beside one that is not."""


class Task(StrEnum):
    """What a rater is asked."""

    WORDS = "words"
    CHOICE = "choice"
    ODD = "odd"
    PAIR = "pair"


class Foils(StrEnum):
    """Which codewords stand as wrong options: any, or those that move the face most alike."""

    RANDOM = "random"
    NEAR = "near"


@dataclass(frozen=True, order=True, kw_only=True)
class Stimulus:
    """One picture: a codeword at an intensity, with another one added; or a moment of a recording.

    Attributes
    ----------
    codeword: that it is of, 0 for rest. intensity: of it. companion: codeword added at `COMPANION_INTENSITY`, 0 for
    none. recording, frame: of a recorded moment, empty and −1 where the codeword itself is shown.
    """

    codeword: int
    intensity: float = 1.0
    companion: int = 0
    recording: str = ""
    frame: int = -1


COMPANION_INTENSITY = 0.4
INTENSITIES = (1.0, 0.8, 0.6)
"""Of the faces of one codeword beside each other in odd-one-out."""


@dataclass(frozen=True, kw_only=True)
class Item:
    """One question.

    Attributes
    ----------
    number: in the study. task: of it. codeword: that is asked for. text: the name that is shown (pair), else empty.
    stimuli: the pictures that are shown. names: the names to choose from (choice), else empty.
    options: the codeword of every option; right: the one that is right, −1 for words. check: whether it is an
    attention check. follows: the item that is asked right before it, −1 for none.
    """

    number: int
    task: Task
    codeword: int
    text: str = ""
    stimuli: tuple[Stimulus, ...] = ()
    names: tuple[str, ...] = ()
    options: tuple[int, ...] = ()
    right: int = -1
    check: bool = False
    follows: int = -1

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, held: Mapping[str, Any]) -> Item:
        """Of `to_json`."""
        stimuli = tuple(Stimulus(**one) for one in held["stimuli"])
        lists = {name: tuple(held[name]) for name in ("names", "options")}
        return cls(**{**held, **lists, "task": Task(held["task"]), "stimuli": stimuli})


@dataclass(frozen=True, kw_only=True)
class RatingSettings:
    """What a rating study asks.

    Attributes
    ----------
    model: whose names are asked for. dataset: whose recorded moments stand for the codewords; empty: the codewords'
    own faces. tasks: of `Task`. items: of each task. codewords: that are asked for; empty: those used most. faces: of
    odd-one-out, 3 or 4. names: of a choice list. checks: attention checks. foils: which are wrong options. clips: faces
    that move, from neutral to the peak and back, in place of still ones.
    """

    model: str
    dataset: str = ""
    tasks: tuple[Task, ...] = (Task.CHOICE, Task.ODD, Task.PAIR)
    items: int = 24
    codewords: tuple[int, ...] = ()
    faces: int = 3
    names: int = 5
    checks: int = 2
    foils: Foils = Foils.RANDOM
    clips: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        for name, value, low, high in (
            ("items", self.items, 1, MOST_ITEMS),
            ("faces", self.faces, 3, 4),
            ("names", self.names, 2, 8),
            ("checks", self.checks, 0, 20),
        ):
            if not low <= value <= high:
                raise DataError(name, f"{value}", f"{low} to {high}")
        if not self.tasks:
            raise DataError("tasks", "none", ", ".join(Task))


def make_items(
    settings: RatingSettings,
    codewords: Sequence[int],
    names: Sequence[str],
    moments: Mapping[int, Sequence[Stimulus]] | None = None,
    shows: Callable[[Stimulus, int], bool] = lambda stimulus, codeword: stimulus.codeword == codeword,
    likeness: np.ndarray | None = None,
) -> list[Item]:
    """The items of a study.

    Parameters
    ----------
    codewords: to ask for. names: of all K codewords; two of one name are never options of one item.
    moments: recorded moments of every codeword, at most `MOMENTS`; None: the codewords' own faces. shows: whether a
        moment shows a codeword: one that does is no wrong answer for it.
    likeness: (K, K) of codewords, for wrong options that are near.

    Raises `DataError` for too few codewords of different names to make wrong options of.
    """
    chosen = [k for k in dict.fromkeys(codewords) if moments is None or moments.get(k)]
    needed = settings.names if Task.CHOICE in settings.tasks or Task.WORDS in settings.tasks else 2
    if len({names[k] for k in chosen}) < needed:
        raise DataError(
            settings.model,
            f"{len(chosen)} codewords of different names to ask for",
            f"at least {needed}; fewer names in a list, or other codewords",
        )
    maker = _Maker(settings, chosen, tuple(names), moments, shows, likeness)
    found: list[Item] = []
    for task in (Task.CHOICE, Task.ODD, Task.PAIR):
        if task in settings.tasks or (task is Task.CHOICE and Task.WORDS in settings.tasks):
            found += maker.items(task)
    found += [maker.check(i) for i in range(settings.checks)]
    return _numbered(found, Task.WORDS in settings.tasks, Task.CHOICE in settings.tasks)


class _Maker:
    """Draws items of one study, task by task."""

    def __init__(
        self,
        settings: RatingSettings,
        codewords: list[int],
        names: tuple[str, ...],
        moments: Mapping[int, Sequence[Stimulus]] | None,
        shows: Callable[[Stimulus, int], bool],
        likeness: np.ndarray | None,
    ) -> None:
        self.likeness = likeness if settings.foils is Foils.NEAR else None
        self.settings, self.names, self.moments, self.shows = settings, names, moments, shows
        self.rng = np.random.default_rng([settings.seed, *settings.model.encode()])
        self.codewords = self.rng.permutation(codewords).tolist()
        self.used: dict[int, int] = dict.fromkeys(self.codewords, 0)
        self.turn: dict[int, int] = dict.fromkeys([0, *self.codewords], 0)

    def items(self, task: Task) -> list[Item]:
        """As many as the settings say; an item that cannot be made of a codeword is left out."""
        asked = [self.codewords[i % len(self.codewords)] for i in range(self.settings.items)]
        make = {Task.CHOICE: self._choice, Task.ODD: self._odd, Task.PAIR: self._pair}[task]
        count = {Task.CHOICE: self.settings.names, Task.ODD: self.settings.faces, Task.PAIR: 2}[task]
        places = self.rng.permutation(np.arange(len(asked)) % count).tolist()
        made = [make(k, place) for k, place in zip(asked, places, strict=True)]
        return [item for item in made if item is not None]

    def check(self, turn: int) -> Item:
        """An attention check: rest beside a codeword."""
        other = self._stimulus(self.codewords[turn % len(self.codewords)])
        right = turn % 2
        return Item(
            number=-1,
            task=Task.PAIR,
            codeword=0,
            text=CHECK_TEXT,
            stimuli=_put((other,), Stimulus(codeword=0), right),
            options=_put((other.codeword,), 0, right),
            right=right,
            check=True,
        )

    def _choice(self, k: int, place: int) -> Item | None:
        shown = self._stimulus(k)
        foils = self._foils(k, self.settings.names - 1, shown)
        if len(foils) < self.settings.names - 1:
            return None
        options = _put(tuple(foils), k, place)
        names = tuple(self.names[o] for o in options)
        return Item(
            number=-1, task=Task.CHOICE, codeword=k, stimuli=(shown,), names=names, options=options, right=place
        )

    def _pair(self, k: int, place: int) -> Item | None:
        for foil in self._foils(k, len(self.codewords)):
            wrong = self._stimulus(foil, without=k)
            if wrong is not None:
                self.used[foil] += 1
                return Item(
                    number=-1,
                    task=Task.PAIR,
                    codeword=k,
                    text=self.names[k],
                    stimuli=_put((wrong,), self._stimulus(k), place),
                    options=_put((foil,), k, place),
                    right=place,
                )
        return None

    def _odd(self, k: int, place: int) -> Item | None:
        """The odd face is of another codeword: what is asked for is whether the others look alike."""
        alike = self._alike(k, self.settings.faces - 1)
        if alike is None:
            return None
        for foil in self._foils(k, len(self.codewords)):
            odd = self._stimulus(foil, without=k, companion=self._companion(k, foil))
            if odd is not None:
                self.used[foil] += 1
                return Item(
                    number=-1,
                    task=Task.ODD,
                    codeword=k,
                    stimuli=_put(alike, odd, place),
                    options=_put((k,) * len(alike), foil, place),
                    right=place,
                )
        return None

    def _alike(self, k: int, count: int) -> tuple[Stimulus, ...] | None:
        if self.moments is None:
            return tuple(
                Stimulus(codeword=k, intensity=INTENSITIES[i], companion=self._companion(k, k)) for i in range(count)
            )
        held = self.moments.get(k, ())
        if len(held) < count:
            return None
        start = self.turn[k]
        self.turn[k] += count
        return tuple(held[(start + i) % len(held)] for i in range(count))

    def _stimulus(self, k: int, without: int = -1, companion: int = 0) -> Any:
        """The next picture of a codeword; None where every moment of it shows `without` too."""
        if self.moments is None:
            return Stimulus(codeword=k, companion=companion)
        held = [m for m in self.moments.get(k, ()) if without < 0 or not self.shows(m, without)]
        if not held:
            return None
        self.turn[k] += 1
        return held[(self.turn[k] - 1) % len(held)]

    def _companion(self, *apart: int) -> int:
        others = [k for k in self.codewords if k not in apart]
        return int(self.rng.choice(others)) if others else 0

    def _foils(self, k: int, count: int, shown: Stimulus | None = None) -> list[int]:
        """Other codewords of other names, those used least first, in random order, or the most alike first; of `shown`,
        none that it shows."""
        drawn, likeness = self.rng.permutation(self.codewords).tolist(), self.likeness
        order = sorted(drawn, key=lambda j: self.used[j] if likeness is None else -float(likeness[k, j]))
        found: list[int] = []
        for j in order:
            taken = {self.names[o] for o in (k, *found)}
            if self.names[j] not in taken and not (shown is not None and shown.recording and self.shows(shown, j)):
                found.append(j)
        if shown is not None:
            for j in found[:count]:
                self.used[j] += 1
        return found[:count]


def _put(others: tuple, right: Any, place: int) -> tuple:
    """`others` with `right` at a place."""
    return (*others[:place], right, *others[place:])


def _numbered(items: list[Item], words: bool, choice: bool) -> list[Item]:
    """Numbers, with a words item before each choice item where words are asked for."""
    found: list[Item] = []
    for item in items:
        if item.task is Task.CHOICE and words:
            found.append(Item(number=len(found), task=Task.WORDS, codeword=item.codeword, stimuli=item.stimuli))
            if not choice:
                continue
            item = replace(item, follows=len(found) - 1)
        found.append(replace(item, number=len(found)))
    return found


def order_of(items: Sequence[Item], rater: str) -> list[int]:
    """The numbers of the items in the order in which a rater sees them, drawn from the rater's pseudonym; an item that
    follows another one stands right after it."""
    rng = _random(rater, "order")
    heads = [item.number for item in items if item.follows < 0]
    after = {item.follows: item.number for item in items if item.follows >= 0}
    order = [heads[i] for i in rng.permutation(len(heads))]
    return [n for head in order for n in (head, *([after[head]] if head in after else []))]


def options_of(item: Item, rater: str) -> list[int]:
    """The options of an item in the order in which a rater sees them."""
    count = len(item.options)
    return _random(rater, f"item {item.number}").permutation(count).tolist()


def _random(rater: str, of: str) -> np.random.Generator:
    digest = hashlib.sha256(f"{rater}\0{of}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))
