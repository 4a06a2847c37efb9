"""Whoever trains, predicts, evaluates and explains knows no kind of expert: a new one is a class and a line."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow.parquet as pq
import pytest

from catalog.experts import Opinion, OtherProduct, Quote
from catalog.probabilities import Probabilities
from catalog.runs.run import Run
from catalog.runs.workspace import Workspace
from fusion.cli import main as fusion
from fusion.experts import all_experts
from fusion.experts.kind import ExpertKind
from tests.support.command_line import invoke

pytestmark = pytest.mark.slow
LEAVES = 5


def opinion_on(product_ids: np.ndarray, taxonomy: str) -> Probabilities:
    """Nine times in ten one leaf, by the last digit of the product's number."""
    dense = np.full((len(product_ids), LEAVES), 0.1 / (LEAVES - 1), np.float32)
    dense[np.arange(len(product_ids)), product_ids % LEAVES] = 0.9
    return Probabilities.from_dense(
        "toy", product_ids, np.ones(len(product_ids), np.int8), dense, np.zeros(len(product_ids), np.uint8),
        support=np.arange(LEAVES, dtype=np.int32), frequency=np.full(LEAVES, 0.2), k=LEAVES, taxonomy=taxonomy,
    )  # fmt: skip


@dataclass(frozen=True)
class ToyExpert:
    taxonomy: str
    name: str = "toy"
    photo_side: int = 0
    photo_decoder: None = None

    def predict(self, chunk, so_far):
        assert [opinion.expert for opinion in so_far] == ["mosaic", "general"]
        shown = (OtherProduct("numbered like", 7), Quote("its number"))
        return Opinion(
            opinion_on(chunk.product_ids, self.taxonomy), "number", dict.fromkeys(range(len(chunk.products)), shown)
        )

    def close(self):
        pass


@dataclass(frozen=True)
class ToyExperts(ExpertKind):
    family: ClassVar[str] = "toy"
    taxonomy: str

    @classmethod
    def latest(cls, workspace, data, more):
        return cls(data.tree.fingerprint)

    @classmethod
    def inside(cls, run, copied, tree):
        return cls((run.folder / "toy.txt").read_text())

    def held_out(self, product_ids):
        return [opinion_on(product_ids, self.taxonomy)]

    def keep(self, folder):
        (folder / "toy.txt").write_text(self.taxonomy)

    def experts(self, tree, workspace, before=()):
        return [ToyExpert(self.taxonomy)]

    @classmethod
    def describe(cls, expert):
        return "knows by the number" if expert == "toy" else None


def test_a_new_expert_is_one_class_and_one_line(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(all_experts, "KINDS", (*all_experts.KINDS, ToyExperts))
    shutil.copytree(trained / "runs", tmp_path / "runs")
    room = ("--workspace", tmp_path / "runs")
    assert "\ntoy " in invoke(fusion, "train", "--config", "debug", *room).stdout
    invoke(fusion, "predict", trained / "train.bson", "--output", tmp_path / "out", *room)
    row = pq.read_table(tmp_path / "out" / "predictions.parquet").to_pylist()[3]
    assert re.search(r"; numbered like product 7: [A-Z]+ > [A-Z]+ > [A-Z]+ \(90%\), read 'its number'$", row["reason"])
    assert row["text_read"] == "its number"
    assert [vote["expert"] for vote in row["votes"]] == ["mosaic", "general", "toy"]
    invoke(fusion, "evaluate", trained / "train.bson", "--output", tmp_path / "report", *room)
    [figures] = (tmp_path / "report").glob("*.json")
    assert "toy" in json.dumps(json.loads(figures.read_text()))
    explained = invoke(fusion, "explain", "3", "--output", tmp_path / "why.png", *room).stdout
    assert "    toy " in explained
    listed = invoke(fusion, "experts", *room).stdout
    assert "knows by the number" in listed
    assert "copies   fewer than 20" in listed


def test_a_run_that_was_copied_in_part_is_refused(trained, tmp_path):
    shutil.copytree(Workspace(trained / "runs").require("fusion").folder, tmp_path / "model")
    run = Run.load(tmp_path / "model")
    tree = run.taxonomy()
    assert all_experts.AllExperts.inside(run, tree).runs
    [lost, *_] = (tmp_path / "model" / "experts").iterdir()
    shutil.rmtree(lost)
    with pytest.raises(FileNotFoundError, match=f"{lost.name} is missing: copy the whole run"):
        all_experts.AllExperts.inside(run, tree)
