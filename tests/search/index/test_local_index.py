from pathlib import Path

import numpy as np
import pytest

from search.contract import NO_ROW, Filter
from search.index import LocalIndex
from tests.support.vectors import WIDTH, entries_of, identity, made, unit_vectors


def test_the_nearest_come_first_with_their_cosines(tmp_path: Path) -> None:
    vectors = unit_vectors(300)
    index = made(tmp_path, vectors)
    queries = unit_vectors(5, seed=1)
    hits = index.search(queries, 10)
    cosines = queries @ vectors.T
    expected = np.argsort(-cosines, axis=1)[:, :10]
    np.testing.assert_array_equal(hits.rows, expected)
    np.testing.assert_array_equal(hits.product_ids, expected)
    np.testing.assert_allclose(hits.scores, np.take_along_axis(cosines, expected, 1), atol=1e-6)
    assert (hits.photos == 0).all()
    assert (hits.category_ids == 7).all()


def test_where_there_are_no_more_the_rows_say_so(tmp_path: Path) -> None:
    index = made(tmp_path, unit_vectors(2))
    hits = index.search(unit_vectors(1, seed=1), 4)
    assert hits.rows.shape == (1, 4)
    assert (hits.rows[0, 2:] == NO_ROW).all()
    assert np.isneginf(hits.scores[0, 2:]).all()


@pytest.mark.parametrize("n", [0, 1])
def test_an_index_of_nothing_or_of_one_grows(tmp_path: Path, n: int) -> None:
    vectors = unit_vectors(4)
    index = made(tmp_path, vectors[:n])
    assert len(index) == index.n_products == n
    assert (index.search(vectors, 1).rows[:, 0] == (0 if n else NO_ROW)).all()
    index.add(vectors[n:], entries_of(range(n, 4)))
    np.testing.assert_array_equal(index.search(vectors, 1).rows[:, 0], range(4))


def test_nothing_is_near_zeros_and_zeros_are_passed_over(tmp_path: Path) -> None:
    vectors = unit_vectors(3)
    vectors[1] = 0
    index = made(tmp_path, vectors, entries_of([10, 11, 12]))
    assert len(index) == 2
    assert len(index.rows_of(11)) == 0
    assert (index.search(np.zeros((1, WIDTH), np.float32), 3).rows == NO_ROW).all()
    index.add(np.zeros((1, WIDTH), np.float32), entries_of([13]))
    assert len(index) == 2


def test_of_equal_vectors_the_first_rows_come_first(tmp_path: Path) -> None:
    vectors = np.repeat(unit_vectors(1), 3000, axis=0)
    index = made(tmp_path, vectors)
    np.testing.assert_array_equal(index.search(vectors[:1], 25).rows[0], range(25))


def test_what_is_there_already_is_replaced(tmp_path: Path) -> None:
    vectors = unit_vectors(6)
    index = made(tmp_path, vectors[:3], entries_of([1, 1, 2], photos=[0, 1, 0]))
    index.add(vectors[3:5], entries_of([1, 3]))
    assert (len(index), index.n_products, index.n_removed) == (3, 3, 2)
    np.testing.assert_allclose(index.vectors(index.rows_of(1)), vectors[3:4], atol=1e-3)
    assert 1 not in index.search(vectors[:1], 3).product_ids[0, :1]


def test_removed_products_are_found_no_more(tmp_path: Path) -> None:
    vectors = unit_vectors(6)
    index = made(tmp_path, vectors)
    assert index.remove(np.array([4, 2, 99])) == 2
    assert index.remove(np.array([4])) == 0
    assert (len(index), index.n_products, index.n_removed) == (4, 4, 2)
    assert set(index.search(vectors, 6).product_ids.ravel().tolist()) == {0, 1, 3, 5, -1}


def test_rows_of_a_product_are_in_the_order_of_its_photos(tmp_path: Path) -> None:
    vectors = unit_vectors(4)
    index = made(tmp_path, vectors, entries_of([5, 6, 5, 5], photos=[2, 0, 0, 1]))
    np.testing.assert_array_equal(index.rows_of(5), [2, 3, 0])
    np.testing.assert_array_equal(index.vectors(index.rows_of(5)), vectors[[2, 3, 0]])


def test_filters_hold_together(tmp_path: Path) -> None:
    vectors = unit_vectors(200)
    ids = np.arange(200)
    index = made(tmp_path, vectors, entries_of(ids.tolist(), category_ids=(ids % 5).tolist(), n_images=1 + ids % 4))
    where = Filter(np.array([1, 3]), frozenset({2, 4}), np.arange(100), without=np.array([1, 3, 11]))
    hits = index.search(unit_vectors(1, seed=1), 200, where)
    passing = {i for i in range(100) if i % 5 in (1, 3) and 1 + i % 4 in (2, 4)} - {1, 3, 11}
    assert set(hits.product_ids[0].tolist()) == passing | {NO_ROW}
    assert (index.search(vectors[:1], 3, Filter(product_ids=np.zeros(0, np.int64))).rows == NO_ROW).all()


def test_ids_of_any_kind_come_back(tmp_path: Path) -> None:
    vectors = unit_vectors(4)
    index = made(tmp_path, vectors[:2], entries_of(["MH01-gray", 5], category_ids=["Shoes > Boots", 3]))
    index.add(vectors[2:], entries_of(["Größe-7", "MH01-gray"], category_ids=["Shoes > Boots"] * 2))
    hits = LocalIndex.open(tmp_path).search(vectors[[2, 3, 1]], 1)
    assert index.ids.take(hits.product_ids[:, 0]) == ["Größe-7", "MH01-gray", 5]
    assert index.ids.take(hits.category_ids[:, 0]) == ["Shoes > Boots", "Shoes > Boots", 3]


def test_an_open_index_finds_what_another_adds(tmp_path: Path) -> None:
    vectors = unit_vectors(5)
    reader = made(tmp_path, vectors[:3])
    LocalIndex.open(tmp_path).add(vectors[3:], entries_of([3, 4]))
    assert reader.search(vectors[4:], 1).product_ids[0, 0] == 4
    LocalIndex.open(tmp_path).remove(np.array([4]))
    assert reader.search(vectors[4:], 1).product_ids[0, 0] != 4


def test_an_index_of_another_network_is_refused_with_the_way_out(tmp_path: Path) -> None:
    made(tmp_path, unit_vectors(3))
    assert len(LocalIndex.open(tmp_path, expect="one network")) == 3
    with pytest.raises(ValueError, match=r"another network .*rayonnage search index"):
        LocalIndex.open(tmp_path, expect="another")
    with pytest.raises(FileNotFoundError, match="rayonnage search index"):
        LocalIndex.open(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("vectors", "said"),
    [
        (np.zeros((2, WIDTH + 1), np.float32), "another network"),
        (np.full((2, WIDTH), np.nan, np.float32), "product 8.*not finite"),
        (np.full((2, WIDTH), 3.0, np.float32), "product 8.*length 12"),
        (np.zeros((1, WIDTH), np.float32), "expected one for each"),
    ],
)
def test_vectors_that_cannot_be_compared_are_refused_and_change_nothing(
    tmp_path: Path, vectors: np.ndarray, said: str
) -> None:
    index = made(tmp_path, unit_vectors(3))
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ValueError, match=said):
        index.add(vectors, entries_of([8, 9]))
    assert sorted(tmp_path.rglob("*")) == before
    assert len(index) == 3


@pytest.mark.parametrize(
    ("query", "said"), [(np.zeros((1, 3)), "another network"), (np.full((1, WIDTH), np.inf), "query 1 is not finite")]
)
def test_queries_that_cannot_be_compared_are_refused(tmp_path: Path, query: np.ndarray, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        made(tmp_path, unit_vectors(3)).search(query.astype(np.float32), 1)


def test_many_small_additions_make_few_segments(tmp_path: Path) -> None:
    vectors = unit_vectors(60)
    index = made(tmp_path, vectors[:20])
    for row in range(20, 60):
        index.add(vectors[row : row + 1], entries_of([row]))
    assert len(list(tmp_path.glob("segment-*"))) <= 6
    np.testing.assert_array_equal(index.search(vectors, 1).rows[:, 0], range(60))


def test_a_new_index_takes_the_place_of_an_earlier_one(tmp_path: Path) -> None:
    reader = made(tmp_path, unit_vectors(3))
    made(tmp_path, unit_vectors(5, seed=1), entries_of(range(50, 55)))
    assert set(reader.search(unit_vectors(1), 5).product_ids[0].tolist()) == set(range(50, 55))
    with pytest.raises(ValueError, match="search again"):
        reader.vectors(np.array([0]))


def test_a_closed_index_says_so(tmp_path: Path) -> None:
    index = made(tmp_path, unit_vectors(3))
    index.close()
    with pytest.raises(ValueError, match="closed"):
        len(index)


def test_the_identity_is_kept(tmp_path: Path) -> None:
    made(tmp_path, unit_vectors(3))
    assert LocalIndex.open(tmp_path).identity == identity()
