"""Whatever is added, removed and compacted in turn: the index finds what a slow one of lists finds."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.ids.id_names import IdNames
from search.contract import NO_ROW, Entries, Filter, Hits
from search.index import LocalIndex, snapshot
from tests.search.brute_force import BruteForceIndex
from tests.support.vectors import embeddings_of, identity, unit_vectors

WIDTH = 8
# few, so that many are equal; the last one stands for a photo that cannot be read
PALETTE = np.concatenate([unit_vectors(6, WIDTH), np.zeros((1, WIDTH), np.float32)])
IDS = ["MH01-gray", "a b", 3, 4, 5, "007"]
NAMES = IdNames.of(IDS)
NUMBERS = [3, 4, 5, *NAMES.numbers.tolist()]
PRODUCTS = st.sampled_from(NUMBERS)
ROWS = st.tuples(PRODUCTS, st.integers(0, 3), st.sampled_from([1, 2, -1]), st.integers(1, 4), st.integers(0, 6))
STEPS = st.one_of(
    st.tuples(st.just("add"), st.lists(ROWS, max_size=8)),
    st.tuples(st.just("remove"), st.lists(PRODUCTS, max_size=3)),
    st.tuples(st.sampled_from(["compact", "open"]), st.none()),
)
FILTERS = st.builds(
    Filter,
    st.none() | st.lists(st.sampled_from([1, 2, -1]), max_size=2).map(lambda ids: np.array(ids, np.int64)),
    st.none() | st.frozensets(st.integers(1, 4), max_size=3),
    st.none() | st.lists(PRODUCTS, max_size=4).map(lambda ids: np.array(ids, np.int64)),
    st.none() | st.lists(PRODUCTS, max_size=2).map(lambda ids: np.array(ids, np.int64)),
)


def batch(rows: list[tuple[int, int, int, int, int]]) -> tuple[np.ndarray[Any, np.dtype[np.float32]], Entries]:
    columns = np.array(rows, np.int64).reshape(-1, 5).T
    entries = Entries(
        columns[0], columns[1].astype(np.int8), columns[2], columns[3].astype(np.int8), NAMES.among(columns[0])
    )
    return PALETTE[columns[4]], entries


def assert_same(found: Hits, expected: Hits, rows_too: bool) -> None:
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-6)
    there = expected.rows != NO_ROW
    np.testing.assert_array_equal(found.rows != NO_ROW, there)
    for name in ("product_ids", "photos", "category_ids", *(["rows"] if rows_too else [])):
        np.testing.assert_array_equal(getattr(found, name)[there], getattr(expected, name)[there], name)


@pytest.mark.parametrize("kind", ["exact", "compressed"])
@given(
    first=st.lists(ROWS, max_size=12), steps=st.lists(STEPS, max_size=6), where=st.none() | FILTERS, k=st.integers(0, 9)
)
@settings(max_examples=60)
def test_every_sequence_finds_what_the_slow_index_finds(
    kind: str, first: list[Any], steps: list[Any], where: Filter | None, k: int
) -> None:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        # so few rows would be looked at one by one
        patch.setattr(snapshot, "RARE", 0)
        vectors, entries = batch(first)
        index = LocalIndex.create(Path(folder), identity(WIDTH), embeddings_of(vectors, entries), entries, kind=kind)
        slow, is_compacted = BruteForceIndex(identity(WIDTH), vectors, entries), False
        for step, what in steps:
            if step == "add":
                index.add(*batch(what))
                slow.add(*batch(what))
            elif step == "remove":
                assert index.remove(np.array(what, np.int64)) == slow.remove(np.array(what, np.int64))
            elif step == "compact":
                index.compact()
                assert index.n_removed == 0
                is_compacted = True
            else:
                index.close()
                index = LocalIndex.open(Path(folder), "one network")
            assert (len(index), index.n_products) == (len(slow), slow.n_products)
        assert_same(index.search(PALETTE, k, where), slow.search(PALETTE, k, where), not is_compacted)
        for product in NUMBERS:
            np.testing.assert_array_equal(index.vectors(index.rows_of(product)), slow.vectors(slow.rows_of(product)))
        found = index.search(PALETTE, 9).product_ids
        assert set(index.ids.take(found[found != -1])) <= set(IDS)
        index.close()
