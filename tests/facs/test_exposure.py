"""Whom the codebook has seen: people of its training and validation count, people of other data where it is proved."""

from __future__ import annotations

from dataclasses import replace

from dfe_core.expressions.dataset import Dataset
from dfe_core.facs.exposure import codebook_exposure
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokenizer.exposure import content_hash


def _codebook(planted, **config) -> Codebook:
    found = Codebook.open(planted.model, planted.root)
    return replace(found, config={**found.config, **config})


def test_people_of_training_and_validation_have_been_seen(planted) -> None:
    data = Dataset.open(planted.dataset, planted.root)
    split = {"recordings": {"train": ["s01-1", "s01-2"], "validation": ["s02-1"], "test": ["s03-1"]}}
    found = codebook_exposure(_codebook(planted, dataset={"key": data.key}, split=split), data)
    assert found.known and found.seen == {"s01", "s02"}
    assert found.unseen(["s01", "s02", "s03"]) == [False, False, True]


def test_people_are_recognised_by_the_content_of_their_recordings_whatever_the_dataset_is_called(planted) -> None:
    data = Dataset.open(planted.dataset, planted.root)
    record = {"recordings": {"take": {"sha256": content_hash(data.frames("s04-1")), "source": None}}, "subjects": ["x"]}
    found = codebook_exposure(_codebook(planted, dataset={"key": "other"}, trained_on=record), data)
    assert found.known and found.seen == {"s04"}


def test_people_of_validation_have_been_seen_where_people_were_added_to_the_dataset(planted) -> None:
    data = Dataset.open(planted.dataset, planted.root)
    record = {"recordings": {"s01-1": {"sha256": content_hash(data.frames("s01-1")), "source": None}}, "subjects": []}
    split = {"recordings": {"train": ["s01-1"], "validation": ["s02-1"], "test": ["s03-1"]}}
    found = codebook_exposure(_codebook(planted, dataset={"key": "before"}, trained_on=record, split=split), data)
    assert found.known and found.seen == {"s01", "s02"}
    other = {"recordings": {"s01-1": {"sha256": "of other frames", "source": None}}, "subjects": []}
    found = codebook_exposure(_codebook(planted, dataset={"key": "before"}, trained_on=other, split=split), data)
    assert found.known and not found.seen


def test_nobody_is_unseen_without_proof(planted) -> None:
    data = Dataset.open(planted.dataset, planted.root)
    found = codebook_exposure(_codebook(planted, dataset={"key": "other"}, simulated=False), data)
    assert not found.known and found.unseen(["s01"]) == [False]
