"""One predictor, asked by many threads at once: nobody gets another's answer."""

from __future__ import annotations

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pytest

from catalog.catalog import Catalog
from catalog.product import Product
from catalog.recent_rows import RecentRows
from catalog.runs.workspace import Workspace
from fusion.prediction.predictor import Predictor

pytestmark = pytest.mark.slow
THREADS, PRODUCTS = 16, 2000
CANDIDATES, DISTINCT = 80, 40


@dataclass(frozen=True)
class Told:
    """What is said of one product."""

    product_id: int
    fused: np.ndarray
    given: tuple[int, int]
    text: str
    other_product: object


def told(predictor: Predictor, products: Sequence[Product], recent: RecentRows | None = None) -> list[Told]:
    found = predictor.predict(products, recent=recent)
    return [
        Told(
            int(found.experts[0].product_ids[row]), found.fused[row], tuple(found.given[row].tolist()),
            found.text_read(row), found.opinions[-1].other_product(row),
        )
        for row in range(len(products))
    ]  # fmt: skip


def test_interleaved_products_in_threads_get_the_answers_that_each_gets_alone(demo):
    workspace = Workspace(demo / "demo" / "runs")
    predictor = Predictor(workspace.require("fusion"), workspace)
    catalog = Catalog(demo / "demo" / "catalogue" / "train.bson")
    # every other one is read: what is exchanged between two threads is seen by its text
    by_length = sorted(catalog[:CANDIDATES], key=lambda product: len(told(predictor, [product])[0].text), reverse=True)
    chosen = [*by_length[: DISTINCT // 2], *by_length[-DISTINCT // 2 :]]
    alone = {product.product_id: told(predictor, [product])[0] for product in chosen}
    assert len({answer.text for answer in alone.values()}) > DISTINCT // 3
    drawn = random.Random(0)
    asked: list[list[Product]] = []
    while sum(map(len, asked)) < PRODUCTS:
        asked.append(drawn.sample(chosen, drawn.randint(1, 8)))
    shared = RecentRows()
    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(lambda products: told(predictor, products, shared), asked))
    predictor.close()
    for products, answers_of_chunk in zip(asked, answers, strict=True):
        for product, answer in zip(products, answers_of_chunk, strict=True):
            expected = alone[product.product_id]
            assert (answer.product_id, answer.text, answer.given, answer.other_product) == (
                product.product_id, expected.text, expected.given, expected.other_product,
            )  # fmt: skip
            np.testing.assert_allclose(answer.fused, expected.fused, atol=1e-5)
            # the same order, but for leaves that are as likely
            order = np.argsort(-expected.fused, kind="stable")
            assert (np.diff(answer.fused[order]) < 1e-5).all()
