"""Figures of kinds of queries, what is drawn together, and the page, on a search whose answers are known."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import bson
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.catalog import Catalog
from search.contract import Filter
from search.evaluation.distractors import filler_numbers
from search.evaluation.evaluate import evaluate
from search.evaluation.evaluation import SearchEvaluation, difference, linked_queries
from search.evaluation.measures import Ranking
from search.evaluation.page import Shown, page_of, write_evaluation
from search.evaluation.truth import Truth
from tests.search.brute_force import BruteForceIndex
from tests.support.products import make_photo, make_product
from tests.support.vectors import entries_of, identity


@dataclass(frozen=True)
class Found:
    product_id: int
    score: float


class Answers:
    """A search that finds what it is told, and keeps what it was asked."""

    def __init__(self, by_photo: dict[bytes, list[int]]) -> None:
        self.by_photo = by_photo
        self.without: dict[bytes, list[int]] = {}

    def by_photos(
        self, photos: Sequence[bytes], k: int, where: Filter | None = None, title: str = ""
    ) -> Sequence[Found]:
        without = [] if where is None or where.without is None else where.without.tolist()
        self.without[photos[0]] = without
        products = [one for one in self.by_photo[photos[0]] if one not in without][:k]
        return [Found(one, 1 - at / 100) for at, one in enumerate(products)]


def catalog_of(path: Path, documents: list[dict]) -> Catalog:
    path.write_bytes(b"".join(map(bson.encode, documents)))
    return Catalog(path)


@pytest.fixture
def shop(tmp_path: Path) -> Catalog:
    return catalog_of(tmp_path / "shop.bson", [make_product(i, 11 if i < 15 else 12) for i in range(10, 20)])


@pytest.fixture
def asked(tmp_path: Path) -> Catalog:
    documents = [make_product(1, 11), make_product(2, 12), make_product(3, 13), make_product(10, 11)]
    return catalog_of(tmp_path / "asked.bson", documents)


def answers(found: dict[int, list[int]]) -> Answers:
    return Answers({make_photo(10 * query): products for query, products in found.items()})


def index_of(shop: Catalog) -> BruteForceIndex:
    return BruteForceIndex(identity(2), np.ones((len(shop), 2), np.float32), entries_of(shop.product_ids.tolist()))


TRUTH = "query_product_id,match_product_id\n1,11\n1,12\n2,15\n3,16\n3,99\n10,11\n"
FOUND = {1: [11, 13, 12], 2: [13, 14], 3: [], 10: [10, 11]}


def test_a_file_of_pairs_is_measured_and_shown(tmp_path: Path, shop: Catalog, asked: Catalog) -> None:
    path = tmp_path / "truth.csv"
    path.write_text(TRUTH)
    search = answers(FOUND)
    measured = evaluate(search, index_of(shop), asked, path, seen=np.array([11]))
    evaluation = measured.evaluation
    assert evaluation.truth.query_ids.tolist() == [1, 2, 3, 10]
    # @1, @5: 1 finds one of one, then both; 2 and 3 find nothing; 10 does not find itself, but what it should
    assert evaluation.recalls[:, :2].tolist() == [[1, 1], [0, 0], [0, 0], [1, 1]]
    assert search.without[make_photo(100)] == [10]
    kinds = {kind.name: kind for kind in evaluation.kinds}
    assert list(kinds) == [
        "all", "1 true match", "2-4 true matches", "categories learnt from", "categories never learnt from",
    ]  # fmt: skip
    assert [kind.n for kind in kinds.values()] == [4, 3, 1, 2, 2]
    assert kinds["categories learnt from"].recalls[0, 0] == 1
    # 1 and 10 share the match 11
    assert kinds["all"].n_groups == 3
    assert "1 query for which nothing was found" in measured.text
    assert "1 match that is not in the index, left out: 99" in measured.text

    page = write_evaluation(
        tmp_path / "report", measured, asked, Shown([shop]), name_of=lambda number: f"shelf {number}"
    )
    numbers = json.loads(page.with_suffix(".json").read_text())
    assert numbers["kinds"][0]["mar@1"] == 0.5
    assert {kind["name"] for kind in numbers["categories"]} == {"shelf 11", "shelf 12", "shelf 13"}
    assert page.read_text().count("<img") == sum(2 + min(len(found), 5) for found in ([1] * 3, [1] * 2, [], [1]))


def test_queries_without_a_label_are_of_no_category_that_was_not_learnt(tmp_path: Path, shop: Catalog) -> None:
    documents = [make_product(1, 11), make_product(2, 12), make_product(3, 13)]
    del documents[2]["category_id"]
    path = tmp_path / "truth.csv"
    path.write_text("query_product_id,match_product_id\n1,11\n2,15\n3,16\n")
    queries = catalog_of(tmp_path / "asked.bson", documents)
    evaluation = evaluate(answers(FOUND), index_of(shop), queries, path, seen=np.array([11])).evaluation
    assert {kind.name: kind.n for kind in evaluation.kinds[2:]} == {
        "categories learnt from": 1, "categories never learnt from": 1, "no category": 1,
    }  # fmt: skip


def test_the_worst_come_first_and_no_query_twice(tmp_path: Path, shop: Catalog, asked: Catalog) -> None:
    path = tmp_path / "truth.csv"
    path.write_text(TRUTH)
    measured = evaluate(answers(FOUND), index_of(shop), asked, path)
    assert measured.evaluation.worst_first().tolist() == [1, 2, 0, 3]
    worst, best = page_of(measured, asked, Shown([shop])).section("queries").parts
    assert [example.title for example in worst.examples] == ["2", "3"]
    assert [example.title for example in best.examples] == ["10", "1"]


def test_a_query_may_find_itself_where_the_truth_says_so(tmp_path: Path, shop: Catalog, asked: Catalog) -> None:
    path = tmp_path / "truth.csv"
    path.write_text("query_product_id,match_product_id\n10,10\n")
    search = answers(FOUND)
    assert evaluate(search, index_of(shop), asked, path).evaluation.recalls[0, 0] == 1
    assert search.without[make_photo(100)] == []


def test_a_distractor_is_shown_as_one(shop: Catalog, asked: Catalog) -> None:
    shown = Shown([shop], asked)
    number = int(filler_numbers([10])[0])
    assert shown.shop_id(number) == "filler 10"
    assert shown.shop_id(10) == 10
    assert shown.photos(number) == asked[3].images
    assert (shown.shop_id(404), list(shown.photos(404))) == (404, [])


@given(st.lists(st.sets(st.integers(0, 8), min_size=1, max_size=3), min_size=1, max_size=8))
def test_queries_that_share_a_match_are_linked(true: list[set[int]]) -> None:
    truth = Truth.of_pairs(*np.array([(q, m) for q, matches in enumerate(true) for m in matches], np.int64).T)
    reach = [set(matches) for matches in true]
    for _ in true:
        for one in reach:
            for other in reach:
                if one & other:
                    one |= other
    group = linked_queries(truth)
    for one in range(len(true)):
        for other in range(len(true)):
            assert (group[one] == group[other]) == bool(reach[one] & reach[other])


def test_the_difference_of_two_searches_is_paired() -> None:
    rng = np.random.default_rng(0)
    truth = Truth.of_pairs(np.arange(200), np.arange(200) + 1000)
    base = rng.random(200) < 0.5
    # right where the other is, and on every tenth query beside
    better = base | (np.arange(200) % 10 == 0)

    def evaluation(right: np.ndarray) -> SearchEvaluation:
        ids = np.where(right, truth.match_ids, -7)[:, None]
        return SearchEvaluation(truth, Ranking(ids, np.ones((200, 1), np.float32)), np.zeros(200, np.int64))

    mean, low, high = difference(evaluation(better), evaluation(base))[0]
    assert mean == pytest.approx((better & ~base).mean())
    assert 0 < low < mean < high < 0.1
    other = SearchEvaluation(
        Truth.of_pairs(np.arange(2), np.arange(2)), evaluation(base).ranking, np.zeros(2, np.int64)
    )
    with pytest.raises(ValueError, match="different queries"):
        difference(evaluation(base), other)
