"""`fusion compare`: a real difference is called one, chance is not, and what cannot be compared is refused."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from catalog.metrics.product_scores import ProductScores, paired_rows, score
from catalog.runs.workspace import Workspace
from fusion.cli import main as fusion
from fusion.evaluation.compare import differences
from tests.support.command_line import call
from tests.support.products import TAXONOMY


def scores_of(seed: int, n: int, strength: float = 0.0) -> ProductScores:
    """Random probabilities on truths that do not depend on the seed; `strength` pulls them to the truth."""
    truth = np.random.default_rng(99).integers(0, 8, n)
    dense = np.random.default_rng(seed).dirichlet(np.ones(8), size=n)
    dense[np.arange(n), truth] += strength
    dense /= dense.sum(axis=1, keepdims=True)
    return score(dense, truth, np.arange(n), (1 + np.arange(n) % 2).astype(np.int8), TAXONOMY)


def verdicts(a: ProductScores, b: ProductScores) -> dict[tuple[str, str], str]:
    return {(d.group, d.figure): d.verdict for d in differences(a, b)}


def test_the_better_run_is_named_whichever_comes_first():
    weak, strong = scores_of(0, 600), scores_of(1, 600, 0.3)
    forward, backward = verdicts(weak, strong), verdicts(strong, weak)
    assert {group for group, _ in forward} == {"all", "1", "2"}
    for key, said in forward.items():
        assert said.startswith("B is better: "), key
        assert backward[key].startswith("A is better: ")
    # accuracy rises, distance and loss fall
    assert "+" in forward["all", "Cat III right, %"]
    assert "points" in forward["all", "Cat III right, %"]
    assert "better: -" in forward["all", "HD@1"]


def test_the_levels_are_called_as_the_shop_does():
    scores = scores_of(0, 40)
    found = differences(scores, scores, {1: "Floor", 2: "Aisle", 3: "Shelf"})
    assert [d.figure for d in found[:3]] == ["Shelf right, %", "Aisle right, %", "Floor right, %"]


def test_values_and_changes_are_those_of_the_products():
    a, b = scores_of(0, 300), scores_of(1, 300, 0.2)
    for found in differences(a, b):
        rows = np.ones(300, bool) if found.group == "all" else a.n_images == int(found.group)
        level = {"Cat I right, %": 0, "Cat II right, %": 1, "Cat III right, %": 2}.get(found.figure)
        if level is not None:
            own, theirs = a.correct[rows, level], b.correct[rows, level]
        elif found.figure == "HD@1":
            own, theirs = a.distance[rows], b.distance[rows]
        else:
            own, theirs = a.nll[rows, 2], b.nll[rows, 2]
        assert found.n == rows.sum()
        assert found.a.value == pytest.approx(own.mean())
        assert found.b.value == pytest.approx(theirs.mean())
        assert found.change.value == pytest.approx(theirs.mean() - own.mean())
        assert found.n_differing == (own != theirs).sum()


def test_chance_is_seldom_called_a_difference():
    pairs = [(scores_of(2 * trial, 200), scores_of(2 * trial + 1, 200)) for trial in range(60)]
    called = [not verdicts(a, b)["all", "Cat III right, %"].startswith("no") for a, b in pairs]
    assert sum(called) <= 9  # 3 expected


def test_a_handful_of_products_shows_nothing():
    few = scores_of(0, 30)
    better = few.distance.copy()
    wrong = np.flatnonzero(better > 0)[:5]
    better[wrong] = 0
    said = verdicts(few, replace(few, distance=better))
    assert said["all", "Cat III right, %"].startswith("no difference shown: +16.7 points")
    assert said["1", "Cat III right, %"] == "too few products (15)"
    assert verdicts(few, few)["all", "NLL"] == "no difference shown: +0.000 (+0.000 to +0.000)"


def test_pairs_are_the_products_that_both_hold():
    a, b = scores_of(0, 50).select(np.arange(40)[::-1]), scores_of(1, 50).select(np.arange(30, 50))
    own, theirs = paired_rows(a, b)
    assert own.product_ids.tolist() == theirs.product_ids.tolist() == list(range(30, 40))
    assert own.confidence[0, 2] == a.confidence[a.product_ids == 30][0, 2]


@pytest.mark.slow
def test_runs_are_compared_on_held_out_products_and_on_a_file(trained, tmp_path):
    run = Workspace(trained / "runs").require("fusion").folder
    shutil.copytree(run, tmp_path / "other")
    saved = ProductScores.load(run / "crossfit.safetensors")
    saved.select(np.arange(len(saved) // 2)).save(tmp_path / "other" / "crossfit.safetensors")
    text = call(fusion, "compare", run, tmp_path / "other")
    assert f"{len(saved) // 2} held-out products" in text
    assert f"{len(saved)} held out by A" in text
    assert "no difference shown" in text
    room = ("--workspace", trained / "runs")
    text = call(fusion, "compare", run, tmp_path / "other", "--on", trained / "train.bson", *room)
    assert "200 labelled products of train" in text
    assert "better" not in text


@pytest.mark.slow
def test_what_cannot_be_compared_is_refused(trained, tmp_path):
    run = Workspace(trained / "runs").require("fusion").folder
    saved = ProductScores.load(run / "crossfit.safetensors")

    def refusal(name: str, *options: object) -> str:
        done = CliRunner().invoke(fusion, ["compare", str(run), str(tmp_path / name), *map(str, options)])
        assert done.exit_code == 1
        assert isinstance(done.exception, SystemExit)
        return done.stderr

    def other(name: str) -> Path:
        return Path(shutil.copytree(run, tmp_path / name))

    replace(saved, product_ids=saved.product_ids + 10**6).save(other("apart") / "crossfit.safetensors")
    assert "no product in common" in refusal("apart")
    replace(saved, truth=(saved.truth + 1) % 5).save(other("relabelled") / "crossfit.safetensors")
    assert "different labels" in refusal("relabelled")
    (other("bare") / "crossfit.safetensors").unlink()
    assert "run `fusion train` again" in refusal("bare").lower()
    content = json.loads((other("elsewhere") / "run.json").read_text())
    (tmp_path / "elsewhere" / "run.json").write_text(json.dumps(content | {"data": "another"}))
    assert "--on" in refusal("elsewhere")
    tree = (other("tree") / "taxonomy.csv").read_text().replace("ROMAN", "ESSAI")
    (tmp_path / "tree" / "taxonomy.csv").write_text(tree)
    assert "another category tree" in refusal("tree")
    assert "--on" in refusal("apart", "--labels", "x.csv")
    assert "does not exist: give the folder of a run" in refusal("none")
