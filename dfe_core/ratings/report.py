"""What raters said: accuracy and agreement by task and by codeword, beside what guessing reaches, as tables.

Values are the places of options in the item, which hold the right one equally often each, so that agreement by chance
is that of the number of options.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dfe_core.ratings.agreement import (
    MISSING,
    Estimate,
    Guessing,
    accuracy_interval,
    alpha_interval,
    guessing,
    wilson_interval,
)
from dfe_core.ratings.design import Item, Task
from dfe_core.ratings.store import ITEMS_FILE, Rater, RatingStudy
from dfe_core.spreadsheet import plain_table
from dfe_core.store import read_json, write_json
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokens.describe import codeword_descriptions
from dfe_core.tokens.phrasing import description_clauses
from dfe_core.tokens.search import codeword_texts, index_words

FIRST = 5
"""Free words are right where they find the codeword among so many."""
FASTEST_S = 1.0
"""An answer that came sooner after the one before it was hardly looked at; such answers are counted."""


@dataclass(frozen=True, kw_only=True)
class TaskResult:
    """One task over all codewords. accuracy: over raters; alpha: Krippendorff's; guess: what guessing reaches."""

    task: Task
    items: int
    answers: int
    chance: float
    accuracy: Estimate
    alpha: Estimate
    guess: Guessing


@dataclass(frozen=True, eq=False, kw_only=True)
class RatingReport:
    """What raters said.

    Attributes
    ----------
    study: its name. raters: how many began; answered: how many answered anything and are counted; left_out: those who
    failed an attention check, where these are left out. tasks: one result a task that has answers.
    codewords: one row a codeword and task: codeword, name, task, items, raters, answers, right, accuracy, low, high
    (95 %: Wilson where no rater answered twice, else bootstrap over raters), chance, alpha, alpha_low, alpha_high.
    by_rater: rater, answers, right, accuracy, checks, checks_right, median_s, fast (answers within `FASTEST_S`).
    words: one row a free answer: rater, codeword, name, text, rank of the codeword by these words (1 best, 0: not
    found), first (whether among the first `FIRST`). answers: one row an answer.
    """

    study: str
    raters: int
    answered: int
    left_out: tuple[str, ...]
    tasks: tuple[TaskResult, ...]
    codewords: pd.DataFrame
    by_rater: pd.DataFrame
    words: pd.DataFrame
    answers: pd.DataFrame

    def to_json(self) -> dict[str, Any]:
        """As plain values, None where a figure is not known."""
        held = {
            "study": self.study,
            "raters": self.raters,
            "answered": self.answered,
            "left_out": list(self.left_out),
            "tasks": [asdict(task) for task in self.tasks],
            "codewords": self.codewords.to_dict("records"),
            "by_rater": self.by_rater.to_dict("records"),
            "words": self.words.to_dict("records"),
        }
        return _plain(held)


def rating_report(study: RatingStudy, *, leave_out_failed: bool = False, seed: int = 0) -> RatingReport:
    """Work the answers of a study out.

    leave_out_failed: leave out raters who failed an attention check. seed: of bootstrap and guessing.
    """
    raters = study.raters()
    names = tuple(read_json(study.path / ITEMS_FILE)["names"])
    items = study.items
    failed = tuple(r.name for r in raters if leave_out_failed and _checks(r, items)[0] > _checks(r, items)[1])
    counted = [r for r in raters if r.answers and r.name not in failed]
    values = _values(counted, items)
    tasks = [t for task in Task if (t := _task_result(task, items, values, seed)) is not None]
    return RatingReport(
        study=study.title,
        raters=len(raters),
        answered=len(counted),
        left_out=failed,
        tasks=tuple(tasks),
        codewords=_by_codeword(items, values, names, seed),
        by_rater=_by_rater(raters, items),
        words=_words(counted, items, names, study),
        answers=_answers(raters, items),
    )


@dataclass(frozen=True, kw_only=True)
class CodewordRating:
    """How raters of one study answered for one codeword in one task; accuracy with Wilson's interval."""

    study: str
    task: Task
    codeword: int
    right: int
    answers: int
    chance: float
    accuracy: Estimate


def codeword_ratings(study: RatingStudy) -> list[CodewordRating]:
    """The ratings of every codeword and task of a study that have answers, of all raters."""
    items = study.items
    values = _values(study.raters(), items)
    found = []
    for task in Task:
        columns = _chosen(items, task)
        for k in dict.fromkeys(items[u].codeword for u in columns):
            of = columns[[items[u].codeword == k for u in columns]]
            right = _right(values, items, of)
            hits, answers = int(np.nansum(right)), int(np.isfinite(right).sum())
            if answers:
                found.append(
                    CodewordRating(
                        study=study.title,
                        task=task,
                        codeword=k,
                        right=hits,
                        answers=answers,
                        chance=1 / len(items[of[0]].options),
                        accuracy=wilson_interval(hits, answers),
                    )
                )
    return found


def write_rating_report(report: RatingReport, folder: Path) -> list[Path]:
    """Write codewords.csv, raters.csv, words.csv, answers.csv and report.json into a folder; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    tables = {
        "codewords": report.codewords,
        "raters": report.by_rater,
        "words": report.words,
        "answers": report.answers,
    }
    paths = [folder / f"{name}.csv" for name in tables]
    for path, table in zip(paths, tables.values(), strict=True):
        plain_table(table).to_csv(path, index=False)
    write_json(folder / "report.json", report.to_json())
    return [*paths, folder / "report.json"]


def _values(raters: Sequence[Rater], items: Sequence[Item]) -> np.ndarray:
    """(R, U) the chosen option of every item, `MISSING` where there is none."""
    values = np.full((len(raters), len(items)), MISSING)
    for row, rater in zip(values, raters, strict=True):
        for answer in rater.answers:
            row[answer.item] = answer.choice
    return values


def _chosen(items: Sequence[Item], task: Task) -> np.ndarray:
    return np.array([i.number for i in items if i.task is task and not i.check and i.task is not Task.WORDS], int)


def _right(values: np.ndarray, items: Sequence[Item], columns: np.ndarray) -> np.ndarray:
    """(R, len(columns)) 1, 0, or NaN where there is no answer."""
    right = np.array([items[u].right for u in columns])
    return np.where(values[:, columns] == MISSING, np.nan, values[:, columns] == right)


def _task_result(task: Task, items: Sequence[Item], values: np.ndarray, seed: int) -> TaskResult | None:
    columns = _chosen(items, task)
    if not len(columns) or not (values[:, columns] != MISSING).any():
        return None
    options = np.array([len(items[u].options) for u in columns])
    right = np.array([items[u].right for u in columns])
    given = values[:, columns]
    return TaskResult(
        task=task,
        items=len(columns),
        answers=int((given != MISSING).sum()),
        chance=float((1 / options).mean()),
        accuracy=accuracy_interval(_right(values, items, columns), seed=seed),
        alpha=alpha_interval(given, seed=seed),
        guess=guessing(given, right, options, seed=seed),
    )


_CODEWORD_COLUMNS = (
    "codeword",
    "name",
    "task",
    "items",
    "raters",
    "answers",
    "right",
    "accuracy",
    "low",
    "high",
    "chance",
    "alpha",
    "alpha_low",
    "alpha_high",
)


def _by_codeword(items: Sequence[Item], values: np.ndarray, names: Sequence[str], seed: int) -> pd.DataFrame:
    rows = []
    for task in Task:
        columns = _chosen(items, task)
        for k in dict.fromkeys(items[u].codeword for u in columns):
            of = np.array([items[u].codeword == k for u in columns])
            right = _right(values, items, columns[of])
            answers = np.isfinite(right)
            if not answers.any():
                continue
            hits = int(np.nansum(right))
            once = (answers.sum(1) <= 1).all()
            share = wilson_interval(hits, int(answers.sum())) if once else accuracy_interval(right, seed=seed)
            alpha = alpha_interval(values[answers.any(1)][:, columns], of, seed=seed, resamples=300)
            counts = (int(of.sum()), int(answers.any(1).sum()), int(answers.sum()), hits)
            rows.append(
                (
                    k,
                    names[k],
                    str(task),
                    *counts,
                    share.value,
                    share.low,
                    share.high,
                    1 / len(items[columns[of][0]].options),
                    alpha.value,
                    alpha.low,
                    alpha.high,
                )
            )
    table = pd.DataFrame(rows, columns=list(_CODEWORD_COLUMNS))
    return table.sort_values(["task", "codeword"], ignore_index=True)


def _checks(rater: Rater, items: Sequence[Item]) -> tuple[int, int]:
    """Attention checks that a rater answered, and those that are right."""
    own = [(a.choice, items[a.item].right) for a in rater.answers if items[a.item].check]
    return len(own), sum(choice == right for choice, right in own)


def _by_rater(raters: Sequence[Rater], items: Sequence[Item]) -> pd.DataFrame:
    rows = []
    for rater in raters:
        own = [a for a in rater.answers if not items[a.item].check and items[a.item].task is not Task.WORDS]
        right = sum(a.choice == items[a.item].right for a in own)
        seconds = [a.seconds for a in rater.answers]
        checks, passed = _checks(rater, items)
        rows.append(
            {
                "rater": rater.name,
                "answers": len(rater.answers),
                "right": right,
                "accuracy": right / len(own) if own else np.nan,
                "checks": checks,
                "checks_right": passed,
                "median_s": float(np.median(seconds)) if seconds else np.nan,
                "fast": sum(s < FASTEST_S for s in seconds),
            }
        )
    columns = ["rater", "answers", "right", "accuracy", "checks", "checks_right", "median_s", "fast"]
    return pd.DataFrame(rows, columns=columns)


def _words(raters: Sequence[Rater], items: Sequence[Item], names: Sequence[str], study: RatingStudy) -> pd.DataFrame:
    given = [(r.name, items[a.item].codeword, a.text) for r in raters for a in r.answers if a.text]
    columns = ["rater", "codeword", "name", "text", "rank", "first"]
    if not given:
        return pd.DataFrame(columns=columns)
    codebook = Codebook.open(study.settings.model, study.root)
    clauses = [description_clauses(d) for d in codeword_descriptions(codebook.psi, codebook.face)]
    index = index_words(codeword_texts(codebook.table, clauses))
    rows = []
    for rater, k, text in given:
        order = index.search(text, limit=codebook.size)["codeword"].tolist()
        rank = order.index(k) + 1 if k in order else 0
        rows.append((rater, k, names[k], text, rank, 0 < rank <= FIRST))
    return pd.DataFrame(rows, columns=columns)


def _answers(raters: Sequence[Rater], items: Sequence[Item]) -> pd.DataFrame:
    rows = [
        {
            "rater": r.name,
            "item": a.item,
            "task": str(items[a.item].task),
            "codeword": items[a.item].codeword,
            "check": items[a.item].check,
            "choice": a.choice if items[a.item].options else None,
            "chosen_codeword": items[a.item].options[a.choice] if items[a.item].options else None,
            "right": a.choice == items[a.item].right if items[a.item].options else None,
            "text": a.text,
            "seconds": round(a.seconds, 2),
        }
        for r in raters
        for a in r.answers
    ]
    columns = ["rater", "item", "task", "codeword", "check", "choice", "chosen_codeword", "right", "text", "seconds"]
    return pd.DataFrame(rows, columns=columns)


def _plain(value: Any) -> Any:
    """NaN as None, NumPy's numbers as Python's."""
    if isinstance(value, dict):
        return {key: _plain(held) for key, held in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(held) for held in value]
    if isinstance(value, (np.integer, np.bool_)):
        return value.item()
    if isinstance(value, (float, np.floating)):
        return float(value) if np.isfinite(value) else None
    return value
