"""A folder of predictions, product by product: arrays of all, rows at random, whatever the ids, the tree or the age."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from catalog.runs.workspace import Workspace
from catalog.tree.taxonomy import Taxonomy
from fusion.decide import Decision
from fusion.prediction.columns import schema_of
from fusion.prediction.folder import PredictionFolder
from fusion.prediction.predicted_products import KEPT_GROUPS, PredictedProducts
from tests.support.predictions import TREE, predicted, write_predictions
from tests.support.review_client import workspace_of


def vote(expert: str, category_id: int) -> dict:
    return {"expert": expert, "category_id": category_id, "probability": 0.5}


def opened(folder: Path, rows: list[dict], tree: Taxonomy = TREE) -> PredictedProducts:
    write_predictions(folder / "p", rows)
    return PredictedProducts(PredictionFolder(folder / "p"), tree)


def test_arrays_say_what_the_rows_say(tmp_path):
    rows = [
        predicted(7, 1001, "accept", 0.3, votes=[vote("mosaic", 1001), vote("text", 2000)]),
        predicted(5, 2000, "review", 1.5, votes=[vote("text", 2000)], n_images=2, text_read="PUR ARABICA"),
        predicted(6, 1002, "parent", 0.6, given="BOOKS > TRAVEL", votes=[]),
        predicted(4, 1000, "parent", 0.6, given="BOOKS"),
    ]
    products = opened(tmp_path, rows)
    assert products.numbers.tolist() == [7, 5, 6, 4]
    assert TREE.leaf_ids[products.leaves].tolist() == [1001, 2000, 1002, 1000]
    assert products.confidences == pytest.approx([0.9, 0.5, 0.8, 0.8])
    assert products.n_images.tolist() == [1, 2, 1, 1]
    assert products.experts == ["mosaic", "text"]
    assert products.dissenting.tolist() == [2, 0, 0, 0]
    first, second, third, fourth = products.take([0, 1, 2, 3])
    assert (first.decision, first.given_level, first.candidates[0][0]) == (Decision.ACCEPT, 3, 1)
    assert [one.expert for one in first.votes] == ["mosaic", "text"]
    assert (second.text_read, second.n_images, second.given_level) == ("PUR ARABICA", 2, 0)
    assert (third.given_level, fourth.given_level) == (2, 1)


def test_rows_at_random_are_those_asked_for_in_threads_too(tmp_path):
    """Row groups of seven, more of them than are kept."""
    n = 7 * (KEPT_GROUPS + 4) + 3
    products = opened(tmp_path, [predicted(1000 - i, TREE.leaf_ids[i % 4].item()) for i in range(n)])
    wanted = np.random.default_rng(0).permutation(np.arange(n).repeat(2))
    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(lambda part: products.take(part), np.array_split(wanted, 8)))
    assert [one.product_id for part in taken for one in part] == (1000 - wanted).tolist()
    assert [products.position(1000 - i) for i in (0, 50, n - 1)] == [0, 50, n - 1]
    assert products.position(5) is None
    assert products.position("no such id") is None
    for beyond in (-1, n):
        with pytest.raises(IndexError, match=f"holds {n} products"):
            products[beyond]


def test_ids_of_any_text(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.support.predictions.SCHEMA", schema_of(TREE.depth, pa.string()))
    ids = ["MH01-gray", "17", "017", "é/ü?#"]
    rows = [predicted(place) | {"product_id": text} for place, text in enumerate(ids)]
    products = opened(tmp_path, rows)
    shop_ids = ["MH01-gray", 17, "017", "é/ü?#"]
    assert products.product_ids(range(4)) == shop_ids
    assert [one.product_id for one in products.take(range(4))] == shop_ids
    assert [products.position(one) for one in shop_ids] == [0, 1, 2, 3]


def test_predictions_of_a_version_that_noted_no_catalogue_have_no_photos(tmp_path):
    room = Workspace(workspace_of(tmp_path))
    products = PredictedProducts.open(tmp_path / "predictions", room)
    assert products.catalog is None
    assert "earlier version" in products.without_photos
    assert products.photos(0) == []
    assert len(products) == 20


def test_a_run_that_is_gone_and_half_a_folder_are_told(tmp_path):
    room = Workspace(workspace_of(tmp_path))
    (room.folder / "fusion-1").rename(room.folder / "fusion-2")
    with pytest.raises(FileNotFoundError, match=r"fusion-1.* does not exist: predict again"):
        PredictedProducts.open(tmp_path / "predictions", room)
    (tmp_path / "predictions" / "problems.json").unlink()
    with pytest.raises(FileNotFoundError, match="no whole predictions"):
        PredictedProducts.open(tmp_path / "predictions", room)


def test_a_folder_without_a_product(tmp_path):
    products = opened(tmp_path, [])
    assert len(products) == 0
    assert products.position(1) is None
    assert products.take([]) == []
