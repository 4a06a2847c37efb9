"""Labelled products that look alike as an expert: kept where they help, asked without PyTorch, of no product itself."""

from __future__ import annotations

import csv
import io
import re
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import bson
import numpy as np
import pytest
from PIL import Image

from catalog.embeddings import ALL_PHOTOS, Embeddings
from catalog.experts import OtherProduct
from catalog.ids.id_names import IdNames
from catalog.metrics.product_scores import ProductScores
from catalog.probabilities import Silence
from catalog.product import Product
from catalog.runs.config import load_config
from catalog.runs.run import Run
from catalog.runs.training_data import TrainingData
from catalog.runs.workspace import Workspace
from curation.cli import main as catalog
from fusion.cli import main as fusion
from fusion.config import FusionConfig
from fusion.details import FusionDetails
from fusion.experts import labelled_products, neighbour_fitting
from fusion.experts.all_experts import AllExperts
from fusion.experts.neighbours import NAME, NeighbourExpert
from fusion.prediction.answers import answer_of
from fusion.prediction.predictor import Predictor
from fusion.training.held_out import gather_held_out
from fusion.training.trial import judge
from mosaic.cli import main as mosaic
from mosaic.inference.embedding import part_embedder, run_embedder
from mosaic.inference.expert import MosaicExpert
from search.contract import Entries
from search.index import LocalIndex
from tests.support.command_line import call, invoke, refused
from tests.support.trained import LEAVES, document

pytestmark = pytest.mark.slow
NEW = 6
"""A category of the tree that no product is labelled with when the networks are trained."""
MISLABELLED = 3


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Networks and a head with neighbours; the tree has a category of which the shop has no product yet."""
    folder = tmp_path_factory.mktemp("neighbours")
    with (folder / "tree.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["category_id", "category_level1", "category_level2", "category_level3"])
        rows.writerows([*LEAVES, (NEW, "CUISINE", "POELES", "WOK")])
    (folder / "train.bson").write_bytes(b"".join(bson.encode(document(i, labelled=True)) for i in range(200)))
    room = Workspace(folder / "runs")
    call(catalog, "split", folder / "train.bson", "--tree", folder / "tree.csv", "--workspace", room.folder)
    call(mosaic, "train", "--config", "debug", "--set", "training.epochs=3", "--workspace", room.folder)
    said = call(fusion, "train", "--config", "debug", "--set", "neighbours=on", "--workspace", room.folder)
    return SimpleNamespace(folder=folder, room=room, said=said, run=room.require("fusion"))


def neighbours_of(predictor: Predictor) -> NeighbourExpert:
    (expert,) = (expert for expert in predictor.experts if isinstance(expert, NeighbourExpert))
    return expert


def products(numbers: Sequence[int]) -> list[Product]:
    """New ones, with the colours of those of the shop."""
    return [
        Product(10_000 + i, tuple(image["picture"] for image in document(1000 + i, False)["imgs"])) for i in numbers
    ]


def test_the_head_is_shown_with_them_and_without(shop):
    assert "\nfused, without neighbours " in shop.said
    assert "\nneighbours " in shop.said
    assert re.search(r"neighbours speak: as configured; [+-]\d+\.\d points of leaf accuracy", shop.said)
    assert NAME in shop.run.details_as(FusionDetails).experts
    assert "fused, without neighbours" in shop.run.metrics


def test_fitting_asks_a_network_and_products_that_have_not_seen_the_part(shop):
    data = TrainingData.of(shop.room)
    config = load_config(FusionConfig, "fusion", "debug", ["neighbours=on"])
    held_out, _ = gather_held_out(data, AllExperts.latest(shop.room, data).configured(config))
    found = held_out.experts[held_out.names.index(NAME)]
    assert found.speaks.all()
    # by colour: far better than one in five
    assert (found.leaves[:, 0] == held_out.truth).mean() > 0.5
    fitting = neighbour_fitting.NeighbourFitting(
        shop.room.require("mosaic", "any"), data, shop.room.folder / "neighbours", "on", 1000
    )
    own = data.plan.held_out_positions(0)
    near = fitting._nearest(own)
    assert not np.isin(near.product_ids[np.isfinite(near.scores)], data.catalog.product_ids[own]).any()
    again = fitting.held_out(held_out.product_ids)
    np.testing.assert_array_equal(again.values, found.values)


def test_in_folds_each_product_is_among_those_of_the_other_folds(shop, tmp_path):
    room = Workspace(tmp_path / "runs")
    split = ("--tree", shop.folder / "tree.csv", "--folds", "2", "--workspace", room.folder)
    call(catalog, "split", shop.folder / "train.bson", *split)
    call(mosaic, "train", "--config", "debug", "--n-images", "any", "--workspace", room.folder)
    data = TrainingData.of(room)
    config = load_config(FusionConfig, "fusion", "debug", ["neighbours=on"])
    held_out, _ = gather_held_out(data, AllExperts.latest(room, data).configured(config))
    assert held_out.experts[held_out.names.index(NAME)].speaks.sum() == 200
    fitting = neighbour_fitting.NeighbourFitting(
        room.require("mosaic", "any"), data, room.folder / "neighbours", "on", 1000
    )
    # in another order than the plan's: rows stay with their products
    positions = np.random.default_rng(0).permutation(data.plan.positions)
    near = fitting._nearest(positions)
    part_of = dict(zip(data.catalog.product_ids[data.plan.positions].tolist(), data.plan.parts.tolist(), strict=True))
    for row, position in enumerate(positions.tolist()):
        there = near.product_ids[row][np.isfinite(near.scores[row])].tolist()
        assert {part_of[one] for one in there} == {1 - part_of[int(data.catalog.product_ids[position])]}


def test_networks_that_see_the_same_look_at_the_photos_once(shop, tmp_path):
    room = Workspace(tmp_path / "runs")
    split = ("--tree", shop.folder / "tree.csv", "--folds", "2", "--workspace", room.folder)
    call(catalog, "split", shop.folder / "train.bson", *split)
    linear = ("--config", "debug", "--set", "method=linear", "--n-images", "any", "--workspace", room.folder)
    call(mosaic, "train", *linear)
    call(fusion, "train", "--config", "debug", "--set", "neighbours=on", "--workspace", room.folder)
    (kept,) = (room.folder / "neighbours").glob("*/")
    vectors = Embeddings.load(kept)
    run, data = room.require("mosaic", "any"), TrainingData.of(room)
    for part in data.plan.held_out_parts:
        embedder = part_embedder(run, part)
        few = data.plan.positions[::40]
        seen = embedder.embed(embedder.chunk(data.catalog.take(few)))
        np.testing.assert_allclose(vectors.rows(np.arange(len(data.plan.positions))[::40]), seen, atol=2e-3)
    # what was kept is taken by another fit of heads, and its model is whole
    written = [path.stat().st_mtime_ns for path in sorted(kept.iterdir())]
    call(mosaic, "train", *linear, "--set", "training.shelf_limits={CUISINE: 3}")
    assert room.require("mosaic", "any").folder != run.folder
    call(fusion, "train", "--config", "debug", "--set", "neighbours=on", "--workspace", room.folder)
    assert [path.stat().st_mtime_ns for path in sorted(kept.iterdir())] == written
    index = neighbours_of(Predictor(room.require("fusion"), room)).labelled.index
    assert index.identity.digest == run_embedder(room.require("mosaic", "any")).digest


def test_what_is_told_is_shown_by_the_nearest(shop):
    predictor = Predictor(shop.run, shop.room)
    predictions = predictor.predict([*products(range(5)), Product(7, (b"no photo",))])
    opinion = predictions.opinions[-1]
    assert opinion.expert == NAME
    assert opinion.probabilities.silence.tolist() == [0] * 5 + [Silence.UNREADABLE]
    others = opinion.other_products(0)
    assert len(others) == 3
    assert all(isinstance(other, OtherProduct) and other.relation == "looks like" for other in others)
    answer = answer_of(predictions, 0, predictor.tree, 3)
    assert re.search(rf"; looks like product {others[0].product_id}: [A-Z]+ > ", answer.reason)
    # it is no copy: shown as one, it would pass for proof
    assert answer.copies == ()
    explained = invoke(
        fusion, "explain", "3", "--output", shop.folder / "why.png", "--workspace", shop.room.folder
    ).stdout
    assert "    neighbours " in explained
    assert re.search(r"\nlooks like products \d+, \d+, \d+\n", explained)


def test_a_product_is_not_told_by_itself(shop):
    # product 3 alone is of the new category, by mistake: the others of its colour are right
    index = shop.folder / "mistaken"
    shutil.copytree(shop.run.folder, index)
    data = TrainingData.of(shop.room)
    data.leaf[MISLABELLED] = data.tree.leaf_index(NEW)
    run = Run.load(index)
    predictor = Predictor(run, shop.room)
    expert = neighbours_of(predictor)
    labels = expert.labelled.index
    own = labels.vectors(labels.rows_of(MISLABELLED))
    labels.add(own, entries([MISLABELLED]))
    itself = data.catalog[MISLABELLED]
    new = int(predictor.tree.leaf_index(NEW))
    for in_training in (True, False):
        said = predictor.predict([itself], in_training=in_training).opinions[-1].probabilities
        assert new not in said.leaves[0]
        assert said.leaves[0, 0] != new


def test_products_of_a_category_that_no_network_has_learnt_are_told_by_labels_added_later(shop):
    folder = shop.folder / "added"
    shutil.copytree(shop.run.folder, folder)
    before = Predictor(Run.load(folder), shop.room)
    new = int(before.tree.leaf_index(NEW))
    woks = [Product(20_000 + i, (_wok(i),)) for i in range(40)]
    labelled, asked = woks[:30], woks[30:]
    first = before.predict(asked)
    assert (first.fused.argmax(axis=1) != new).all()
    expert = neighbours_of(before)
    chunk = before.chunk_of(labelled)
    LocalIndex.open(folder / "neighbours").add(expert.embedder.embed(chunk), entries(chunk.product_ids))
    after = Predictor(Run.load(folder), shop.room)
    assert after.digest != before.digest
    then = after.predict(asked)
    said = then.opinions[-1].probabilities
    assert (said.leaves[:, 0] == new).mean() > 0.8
    assert (then.fused[:, new] > 2 * first.fused[:, new]).mean() > 0.8
    # of the other categories as much is known as before
    known = products(range(20))
    assert (after.predict(known).fused.argmax(axis=1) == before.predict(known).fused.argmax(axis=1)).mean() > 0.9


def entries(numbers: Sequence[int]) -> Entries:
    """Of products of the new category."""
    n = len(numbers)
    return Entries(
        np.asarray(numbers, np.int64), np.full(n, ALL_PHOTOS, np.int8), np.full(n, NEW), np.ones(n, np.int8),
        IdNames.none(),
    )  # fmt: skip


def _wok(i: int) -> bytes:
    """A colour that no other category has: all of them at once."""
    pixels = np.clip(np.random.default_rng(i).normal(225, 15, (40, 40, 3)), 0, 255).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG")
    return out.getvalue()


def test_threads_get_the_answers_that_each_product_gets_alone(shop):
    expert = neighbours_of(predictor := Predictor(shop.run, shop.room))
    asked = products(range(24))
    alone = [expert.predict(predictor.chunk_of([product]), []) for product in asked]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda i: expert.predict(predictor.chunk_of(asked[i : i + 6]), []), range(18)))
    for first, opinion in enumerate(together):
        for row in range(6):
            assert opinion.other_products(row) == alone[first + row].other_products(0)
            found, expected = opinion.probabilities, alone[first + row].probabilities
            np.testing.assert_allclose(found.dense(np.array([row]), 6), expected.dense(np.array([0]), 6), atol=1e-5)


def test_the_general_network_looks_at_each_product_once(shop):
    predictor = Predictor(shop.run, shop.room)
    expert = neighbours_of(predictor)
    network, seen = expert.embedder.network, []
    counting = replace(network, backend=lambda mosaics: seen.append(len(mosaics)) or network.backend(mosaics))
    for mosaics in predictor.experts:
        if isinstance(mosaics, MosaicExpert):
            mosaics.networks = {
                view: counting if known is network else known for view, known in mosaics.networks.items()
            }
    expert.embedder.network = counting
    asked = products(range(12))
    found = predictor.predict(asked)
    # as it is and not mirrored, so the debug configuration
    assert sum(seen) == 12
    alone = expert.embedder.embed(predictor.chunk_of(asked))
    assert sum(seen) == 24
    known = expert.embedder.embed(found.chunk)
    assert sum(seen) == 24
    np.testing.assert_allclose(known, alone, atol=1e-5)


def test_another_training_of_the_head_gives_the_same_and_embeds_nothing_anew(shop, tmp_path, monkeypatch):
    shutil.copytree(shop.room.folder, tmp_path / "runs")
    monkeypatch.setattr(neighbour_fitting.NeighbourFitting, "_embedded", None)
    # of a plan that held out more parts
    shutil.copytree(tmp_path / "runs" / "neighbours" / "part0", tmp_path / "runs" / "neighbours" / "part7")
    call(fusion, "train", "--config", "debug", "--set", "neighbours=on", "--workspace", tmp_path / "runs")
    run = Workspace(tmp_path / "runs").require("fusion")
    assert {one.name for one in (tmp_path / "runs" / "neighbours").iterdir()} == {"part0", "deployed"}
    for name in ("neighbours/shares.json", "neighbours/labelled.safetensors", "heads/tree.safetensors"):
        assert (run.folder / name).read_bytes() == (shop.run.folder / name).read_bytes()


def test_by_default_they_speak_only_where_that_is_measured_to_be_better(shop, tmp_path, monkeypatch):
    shutil.copytree(shop.room.folder, tmp_path / "runs")
    room = ("--workspace", tmp_path / "runs")
    asked = ("train", "--config", "debug", "--set", "neighbours=auto", *room)
    for is_better, row, word in ((False, "with", "do not speak"), (True, "without", "speak")):
        monkeypatch.setattr("fusion.training.trial.judge", lambda *_, better=is_better: (better, "measured"))
        said = call(fusion, *asked)
        run = Workspace(tmp_path / "runs").require("fusion")
        assert f"neighbours {word}: measured" in said
        assert f"\nfused, {row} neighbours " in said
        assert (NAME in run.details_as(FusionDetails).experts) == is_better
        assert (run.folder / "neighbours").is_dir() == is_better
        assert Predictor(run, shop.room).predict(products(range(2))).fused.sum() == pytest.approx(2, abs=1e-4)


def test_where_they_cannot_be_asked_that_is_said(shop, tmp_path, monkeypatch):
    shutil.copytree(shop.room.folder, tmp_path / "runs")
    room = ("--workspace", tmp_path / "runs")
    train = ("train", "--config", "debug", *room, "--set")
    assert "neighbours: not asked: 200 labelled products, more than neighbour_products=100" in call(
        fusion, *train, "neighbours=auto", "--set", "neighbour_products=100"
    )
    assert "neighbours" not in call(fusion, *train, "neighbours=off").replace(str(tmp_path), "")
    assert "`fusion train` tells whether they help" in call(fusion, "experts", *room)
    monkeypatch.setattr(labelled_products, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install 'rayonnage\[search\]'"):
        Predictor(shop.run, shop.room)
    assert "pip install 'rayonnage[search]'" in call(fusion, *train, "neighbours=auto")
    assert "pip install 'rayonnage[search]'" in refused(fusion, *train, "neighbours=on")
    monkeypatch.undo()
    (weights,) = (tmp_path / "runs").glob("mosaic-any*/weights-part0.safetensors")
    weights.unlink()
    assert "weights-part0.safetensors is missing" in call(fusion, *train, "neighbours=auto")


def test_a_run_whose_index_is_damaged_names_the_file(shop, tmp_path):
    for name in ("shares.json", "labelled.safetensors", "index.json"):
        shutil.copytree(shop.run.folder, tmp_path / name)
        (tmp_path / name / "neighbours" / name).write_text("{}")
        with pytest.raises(ValueError, match=f"`fusion train` again.*{name}|{name}.*`fusion train` again"):
            Predictor(Run.load(tmp_path / name), shop.room)
    shutil.copytree(shop.run.folder, tmp_path / "gone")
    shutil.rmtree(tmp_path / "gone" / "neighbours")
    with pytest.raises(FileNotFoundError, match=r"neighbours.*`fusion train` again"):
        Predictor(Run.load(tmp_path / "gone"), shop.room)


def test_whatever_lies_in_the_index_counts_in_the_runs_identity(shop, tmp_path):
    shutil.copytree(shop.run.folder, tmp_path / "model")
    run = Run.load(tmp_path / "model")
    assert run.digest() == shop.run.digest()
    for file in sorted(path for path in (tmp_path / "model" / "neighbours").rglob("*") if path.is_file()):
        before = run.digest()
        file.write_bytes(file.read_bytes() + b" ")
        assert run.digest() != before, file


def test_a_configuration_of_an_earlier_version_asks_nobody():
    values = {"head": "auto", "shrinkage": 1, "target_precision": 0.9, "confidence": 0.9, "top_leaves": 5,
              "head_folds": 5, "seed": 0, "review_rows": 1, "audit_rows": 1}  # fmt: skip
    assert FusionConfig.model_validate(values).neighbours == "off"
    # YAML reads on and off as true and false
    for text, switched in (("on", "on"), ("off", "off"), ("auto", "auto")):
        assert load_config(FusionConfig, "fusion", None, [f"neighbours={text}"]).neighbours == switched
    assert load_config(FusionConfig, "fusion").neighbours == "auto"


def scores(correct: np.ndarray, p_truth: np.ndarray) -> ProductScores:
    n = len(correct)
    ones = np.ones((n, 1))
    return ProductScores(
        np.arange(n), np.ones(n, np.int8), np.zeros(n, int), ones.astype(int), ones.astype(np.float32),
        ones.astype(int), ones.astype(np.float32), (~correct[:, None]).astype(int),
        p_truth[:, None].astype(np.float32), (~correct).astype(int), np.zeros(n, np.float32),
    )  # fmt: skip


def test_better_is_what_chance_does_not_explain():
    rng = np.random.default_rng(0)
    base = rng.random(1000) < 0.7
    unsure = np.where(base, 0.6, 0.2)
    better = base | (rng.random(1000) < 0.2)
    assert judge(scores(better, unsure), scores(base, unsure))[0]
    assert not judge(scores(base, unsure), scores(base, unsure))[0]
    # as accurate, and surer of what is right
    assert judge(scores(base, np.where(base, 0.8, 0.2)), scores(base, unsure))[0]
    assert not judge(scores(base, unsure * 1.002), scores(base, unsure))[0]
    # surer, but wrong more often
    worse = base & (rng.random(1000) < 0.8)
    is_better, why = judge(scores(worse, np.full(1000, 0.9)), scores(base, unsure))
    assert not is_better
    assert "no better" in why
    few = slice(0, 12)
    assert not judge(scores(better[few], unsure[few]), scores(base[few], unsure[few]))[0]
