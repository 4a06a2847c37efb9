"""Products that are finished together after some have waited: each gets what it gets alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from catalog.catalog import Catalog
from catalog.product import Product
from catalog.runs.workspace import Workspace
from fusion.prediction.predictor import Predictions, Predictor
from fusion.prediction.stages import BegunPrediction, StagedPrediction


@pytest.fixture(scope="module")
def predictor(demo: Path) -> Iterator[Predictor]:
    workspace = Workspace(demo / "demo" / "runs")
    predictor = Predictor(workspace.require("fusion"), workspace)
    yield predictor
    predictor.close()


@pytest.fixture(scope="module")
def products(demo: Path) -> list[Product]:
    """Every fifth has a photo that cannot be used, at another place each time."""
    some = Catalog(demo / "demo" / "catalogue" / "test.bson").take(range(30))
    return [
        one if number % 5 else replace(one, images=(*one.images[:place], b"no photo", *one.images[place:3]))
        for number, one in enumerate(some)
        for place in [number // 5 % (len(one.images) + 1)]
    ]


def waiting_parts(predictor: Predictor, products: Sequence[Product], sizes: Sequence[int]) -> list[BegunPrediction]:
    """Of batches of these sizes, in turn, what waits, fetched."""
    parts, start = list[BegunPrediction](), 0
    while start < len(products):
        size = sizes[len(parts) % len(sizes)]
        parts += [one.fetch() for one in StagedPrediction.of(predictor, products[start : start + size]).waiting]
        start += size
    return parts


def require_same(predictions: Predictions, row: int, alone: Predictions) -> None:
    np.testing.assert_allclose(predictions.fused[row], alone.fused[0], atol=1e-5)
    assert predictions.given[row].tolist() == alone.given[0].tolist()
    assert predictions.text_read(row) == alone.text_read(0)
    for opinion, by_itself in zip(predictions.opinions, alone.opinions, strict=True):
        assert opinion.exhibits.get(row, ()) == by_itself.exhibits.get(0, ())
        assert opinion.probabilities.silence[row] == by_itself.probabilities.silence[0]
    product_id = alone.chunk.products[0].product_id
    assert [one for one in predictions.problems.named if one.product_id == product_id] == alone.problems.named


@pytest.mark.parametrize(("sizes", "seed"), [([1], 0), ([7, 1, 12], 1), ([30], 2)])
def test_joined_in_any_order_each_gets_what_it_gets_alone(predictor, products, sizes, seed):
    parts = waiting_parts(predictor, products, sizes)
    assert len(parts) > 4
    order = np.random.default_rng(seed).permutation(len(parts)).tolist()
    joined = BegunPrediction.joined([parts[place] for place in order])
    assert list(joined.rows) == list(range(len(parts)))
    predictions = joined.finish()
    assert [predictions.text_read(row) for row in joined.rows] != [""] * len(parts)
    for row, place in enumerate(order):
        [product] = parts[place].chunk.products
        assert predictions.chunk.products[row] is product
        require_same(predictions, row, predictor.predict([product]))


def test_the_test_sees_problems_and_words_of_those_that_wait(predictor, products):
    predictions = BegunPrediction.joined(waiting_parts(predictor, products, [8])).finish()
    told = {problem.product_id for problem in predictions.problems.named}
    ids = [product.product_id for product in predictions.chunk.products]
    assert 0 < len(told) < len(ids)
    assert any(opinion.boxes(row) for opinion in predictions.opinions for row in range(len(ids)))


def test_what_cannot_be_told_apart_is_not_joined(predictor, products):
    fetched = waiting_parts(predictor, products, [8])
    with pytest.raises(ValueError, match="different ids"):
        BegunPrediction.joined([fetched[0], fetched[0]])
    with pytest.raises(ValueError, match="some have not"):
        BegunPrediction.joined([fetched[0], replace(fetched[1], fetched=None)])
