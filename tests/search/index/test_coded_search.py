from pathlib import Path

import numpy as np
import pytest

from search.contract import Filter
from search.index import LocalIndex, building, coded_search, snapshot
from tests.support.vectors import entries_of, made, unit_vectors

WIDTH = 32


@pytest.fixture(autouse=True)
def coded(monkeypatch: pytest.MonkeyPatch) -> None:
    """However few pass, codes are searched."""
    monkeypatch.setattr(snapshot, "RARE", 0)


def clustered(n: int, seed: int = 0) -> np.ndarray:
    """Groups of near vectors, as photos are: `(n, WIDTH)` float32."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).standard_normal((50, WIDTH))
    drawn = centres[rng.integers(0, 50, n)] + 0.4 * rng.standard_normal((n, WIDTH))
    return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float16).astype(np.float32)


def test_the_size_decides_how_it_is_searched_and_a_compaction_decides_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "EXACT_BELOW", 100)
    vectors = clustered(120)
    assert made(tmp_path / "large", vectors).kind == "compressed"
    index = made(tmp_path / "grows", vectors[:99])
    index.add(vectors[99:], entries_of(range(99, 120)))
    assert index.kind == "exact"
    index.compact()
    assert index.kind == "compressed"
    index.remove(np.arange(60))
    index.compact()
    assert (index.kind, len(index)) == ("exact", 60)
    assert not list((tmp_path / "grows").glob("codec-*"))
    assert made(tmp_path / "chosen", vectors, kind="exact").kind == "exact"
    assert made(tmp_path / "none", vectors[:0], kind="compressed").kind == "exact"


def test_nearly_all_of_the_nearest_are_found_with_their_exact_scores(tmp_path: Path) -> None:
    vectors, queries = clustered(6000), clustered(50, seed=1)
    exact, coded = (made(tmp_path / kind, vectors, kind=kind).search(queries, 10) for kind in ("exact", "compressed"))
    shared = [len(set(one) & set(other)) for one, other in zip(exact.rows.tolist(), coded.rows.tolist(), strict=True)]
    assert np.mean(shared) >= 9.9
    same = exact.rows == coded.rows
    # not close: the same
    np.testing.assert_array_equal(exact.scores[same], coded.scores[same])


def test_an_index_is_the_same_every_time(tmp_path: Path) -> None:
    vectors, queries = clustered(2000), clustered(20, seed=1)
    one, other = (made(tmp_path / name, vectors, kind="compressed").search(queries, 10) for name in ("one", "other"))
    np.testing.assert_array_equal(one.rows, other.rows)
    np.testing.assert_array_equal(one.scores, other.scores)


def test_what_is_added_is_found_among_the_codes(tmp_path: Path) -> None:
    vectors = clustered(3000)
    index = made(tmp_path, vectors[:2000], kind="compressed")
    for start in range(2000, 3000, 100):
        index.add(vectors[start : start + 100], entries_of(range(start, start + 100)))
    np.testing.assert_array_equal(index.search(vectors, 1).rows[:, 0], range(3000))


def test_however_few_a_filter_lets_pass_they_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coded_search, "PROBED", 1)
    vectors, queries = clustered(4000), clustered(5, seed=1)
    index = made(
        tmp_path, vectors, entries_of(range(4000), category_ids=(np.arange(4000) % 400).tolist()), kind="compressed"
    )
    hits = index.search(queries, 12, Filter(category_ids=np.array([17])))
    assert (hits.product_ids[:, :10] % 400 == 17).all()
    assert (hits.rows[:, 10:] == -1).all()


def test_all_vectors_may_be_equal(tmp_path: Path) -> None:
    vectors = np.repeat(unit_vectors(1, WIDTH), 2000, axis=0)
    hits = made(tmp_path, vectors, kind="compressed").search(vectors[:1], 5)
    np.testing.assert_allclose(hits.scores, 1, atol=1e-3)
    assert (np.diff(hits.rows[0]) > 0).all()


def test_a_compaction_without_much_change_learns_nothing_anew(tmp_path: Path) -> None:
    vectors = clustered(1000)
    index = made(tmp_path, vectors, kind="compressed")
    codec = next(tmp_path.glob("codec-*"))
    index.remove(np.arange(10))
    index.compact()
    assert next(tmp_path.glob("codec-*")) == codec
    index.remove(np.arange(10, 900))
    index.compact()
    assert next(tmp_path.glob("codec-*")) != codec
    np.testing.assert_array_equal(
        LocalIndex.open(tmp_path).search(vectors[900:], 1).product_ids[:, 0], range(900, 1000)
    )
