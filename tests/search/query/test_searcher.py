"""Searching while others write, in threads, against comparing everything with everything."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import bson
import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from catalog.catalog import Catalog
from catalog.cli_options import no_bar
from catalog.ids.shop_id import id_numbers
from catalog.product import ProblemKind, ProblemLog, Product
from catalog.runs.workspace import Workspace
from search.contract import Filter
from search.indexing.building import IndexOptions
from search.indexing.catalog_index import add_catalog, compact, index_catalog, remove_products
from search.indexing.place import IndexPlace
from search.query.searcher import Searcher
from tests.support.colour_embedder import colour_embedder
from tests.support.products import make_photo, make_product


def write(path: Path, documents: list[dict]) -> Catalog:
    path.write_bytes(b"".join(map(bson.encode, documents)))
    return Catalog(path)


def index(room: Path, documents: list[dict], **options: object) -> IndexPlace:
    catalog = write(room / "shop.bson", documents)
    index_catalog(Workspace(room), catalog, colour_embedder(), options=IndexOptions(**options), bar=no_bar)
    return IndexPlace.of(Workspace(room))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    """Twenty products of one to three photos, in two categories."""
    room = tmp_path_factory.mktemp("shop")
    index(room, [make_product(i, 11 + i % 2, 1 + i % 3) for i in range(20)])
    return Searcher.open(Workspace(room), colour_embedder())


@settings(max_examples=30, phases=(Phase.explicit, Phase.generate))
@given(
    st.lists(st.integers(0, 230), min_size=1, max_size=4, unique=True),
    st.integers(1, 25),
    st.sets(st.integers(1, 3)),
    st.sets(st.integers(0, 20)),
    st.sampled_from([None, 11, 12]),
)
def test_products_stand_by_the_mean_of_their_best_cosines(shop, seeds, k, n_images, without, category):
    where = Filter(
        category_ids=None if category is None else np.array([category]),
        n_images=frozenset(n_images) or None,
        without=np.array(sorted(without), np.int64),
    )
    found = shop.by_photos([make_photo(seed) for seed in seeds], k, where)
    embedder = colour_embedder()

    def vectors(photos: list[int]) -> np.ndarray:
        chunk = embedder.chunk([Product(0, tuple(make_photo(photo) for photo in photos))])
        return embedder.embed_photos(chunk)

    scores = {}
    for one in range(20):
        if one in without or (n_images and 1 + one % 3 not in n_images) or category not in (None, 11 + one % 2):
            continue
        cosines = vectors(seeds) @ vectors([10 * one + photo for photo in range(1 + one % 3)]).T
        scores[one] = (cosines.max(axis=1).mean(), cosines.max(axis=0))
    best = sorted((score for score, _ in scores.values()), reverse=True)[:k]
    assert [one.score for one in found] == pytest.approx(best, abs=2e-3)
    assert len({one.product_id for one in found}) == len(found)
    for one in found:
        score, of_photos = scores[one.product_id]
        assert one.score == pytest.approx(score, abs=2e-3)
        assert of_photos[one.photo] == pytest.approx(of_photos.max(), abs=2e-3)
        assert one.category_id == 11 + one.product_id % 2


def test_what_others_add_remove_and_replace_is_seen(tmp_path):
    place = index(tmp_path, [make_product(i, 11) for i in range(5)])
    searcher, room = Searcher(place, colour_embedder()), Workspace(tmp_path)

    def best(photo: int) -> int | str:
        return searcher.by_photos([make_photo(photo)], 1)[0].product_id

    assert best(40) == 4
    other = write(tmp_path / "other.bson", [{**make_product(9, 12), "_id": "new-1"}])
    add_catalog(room, other, colour_embedder(), bar=no_bar)
    assert best(90) == "new-1"
    assert searcher.by_product("new-1", 3)[0].product_id in range(5)
    remove_products(place, id_numbers([4, "new-1"]))
    assert best(40) != 4
    compact(place)
    assert len(searcher.by_product(3, 100)) == 3
    index(tmp_path, [make_product(i, 13) for i in range(7)], overwrite=True)
    assert best(60) == 6
    assert len(searcher.by_product(3, 100)) == 6


def test_an_index_of_another_network_in_its_place_is_refused(tmp_path):
    place = index(tmp_path, [make_product(i, 11) for i in range(5)])
    searcher = Searcher(place, colour_embedder())
    index_catalog(
        Workspace(tmp_path), Catalog(tmp_path / "shop.bson"), colour_embedder(name="shapes"),
        options=IndexOptions(overwrite=True), bar=no_bar,
    )  # fmt: skip
    with pytest.raises(ValueError, match="vectors by shapes, which cannot be compared with those by colours"):
        searcher.by_photos([make_photo(0)], 1)


def test_threads_ask_while_a_writer_writes(tmp_path):
    place = index(tmp_path, [make_product(i, 11) for i in range(8)])
    searcher, room = Searcher(place, colour_embedder()), Workspace(tmp_path)

    def ask(number: int) -> bool:
        one = number % 8
        by_photo = searcher.by_photos([make_photo(10 * one)], 2)[0].product_id == one
        return by_photo and one not in [found.product_id for found in searcher.by_product(one, 5)]

    with ThreadPoolExecutor(4) as pool:
        answers = pool.map(ask, range(120))
        for number in range(10, 16):
            one = write(tmp_path / f"{number}.bson", [make_product(number, 12)])
            add_catalog(room, one, colour_embedder(), bar=no_bar)
            if number % 2:
                remove_products(place, id_numbers([number - 1]))
                compact(place)
        assert all(answers)
    assert searcher.by_photos([make_photo(150)], 1)[0].product_id == 15


def test_photos_that_cannot_be_read_find_nothing_and_are_told(shop):
    problems = ProblemLog()
    assert shop.by_photos([b"no photo", b""], 3, problems=problems) == []
    assert problems.counts == {ProblemKind.UNREADABLE_PHOTO: 2}
    assert shop.by_photos([], 3) == []
    assert shop.by_photos([b"no photo", make_photo(70)], 1)[0].product_id == 7


def test_a_product_that_the_index_has_not_is_told_apart_from_one_without_photos(tmp_path):
    documents = [make_product(1, 11), {"_id": 2, "imgs": [{"picture": b"no photo"}]}, {**make_product(3), "_id": "A-7"}]
    searcher = Searcher(index(tmp_path, documents))
    with pytest.raises(ValueError, match="product 2 has no readable photo, by which"):
        searcher.by_product(2, 3)
    with pytest.raises(ValueError, match=r"has no product a-7, but A-7: give the id of a product of .*shop.bson"):
        searcher.by_product("a-7", 3)


@pytest.mark.parametrize("n", [1, 2])
def test_one_product_or_all_alike(tmp_path, n):
    documents = [{"_id": i, "imgs": [{"picture": make_photo(1)}]} for i in range(n)]
    searcher = Searcher(index(tmp_path, documents), colour_embedder())
    assert [one.product_id for one in searcher.by_photos([make_photo(1)], 5)] == list(range(n))
    assert [one.product_id for one in searcher.by_product(0, 5)] == list(range(1, n))
