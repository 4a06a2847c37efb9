"""An index becomes like its catalogue, whatever happened to either; nothing that was committed is lost."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import bson
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from catalog.catalog import Catalog
from catalog.cli_options import no_bar
from catalog.files.claim import claimed
from catalog.ids.shop_id import id_numbers
from catalog.product import ProblemKind
from catalog.runs.workspace import Workspace
from search.indexing import taking_in
from search.indexing.building import IndexOptions
from search.indexing.catalog_index import Indexed, add_catalog, compact, index_catalog, remove_products
from search.indexing.opening import OpenIndex
from search.indexing.place import IndexPlace
from search.indexing.record import IndexedProducts
from tests.support.colour_embedder import SmallPictures, colour_embedder
from tests.support.products import make_photo

Shop = dict[int | str, tuple[Sequence[int], int | str | None]]
"""Of each product the seeds of its photos, -1 for one that cannot be read, and its category."""
ID = st.sampled_from([1, 2, 3, 4, "MH01-gray", "00123"])
SHOPS = st.dictionaries(
    ID, st.tuples(st.lists(st.integers(-1, 5), max_size=3), st.sampled_from([None, 11, 12, "A > B"])), min_size=1
).filter(lambda shop: any(photos for photos, _ in shop.values()))


def write_shop(path: Path, shop: Shop) -> Catalog:
    documents = [
        {"_id": one, "imgs": [{"picture": b"no photo" if seed < 0 else make_photo(seed)} for seed in seeds]}
        | ({} if label is None else {"category_id": label})
        for one, (seeds, label) in shop.items()
    ]  # fmt: skip
    path.write_bytes(b"".join(map(bson.encode, documents)))
    return Catalog(path)


def held(place: IndexPlace) -> dict[tuple[int | str, int], tuple[object, int]]:
    """What can be found: product and photo -> label and number of photos."""
    with OpenIndex.at(place) as opened:
        index, found = opened.index, {}
        ids = opened.known.product_ids
        for number, one in zip(ids.tolist(), index.ids.take(ids), strict=True):
            rows = index.rows_of(number)
            hits = index.search(index.vectors(rows), 1000)
            for row in rows.tolist():
                at = tuple(np.argwhere(hits.rows == row)[0])
                label = int(hits.category_ids[at])
                shown = None if label == -1 else index.ids.shown(label)
                found[one, int(hits.photos[at])] = shown, round(float(hits.scores[at]), 2)
        assert len(found) == len(index)
        return {key: label for key, (label, _) in found.items()}


def expected(*shops: Shop) -> dict[tuple[int | str, int], object]:
    """The same, of shops of which a later one replaces products of an earlier."""
    together: Shop = {}
    for shop in shops:
        together |= shop
    return {(one, k): label for one, (seeds, label) in together.items() for k, seed in enumerate(seeds) if seed >= 0}


def indexed(room: Path, catalog: Catalog, backend: SmallPictures | None = None, **options: object) -> Indexed:
    return index_catalog(
        Workspace(room), catalog, colour_embedder(backend), options=IndexOptions(**options), bar=no_bar
    )


@settings(
    max_examples=15,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(SHOPS, min_size=1, max_size=3))
def test_the_index_is_like_its_catalogue_after_every_change(tmp_path_factory, shops):
    room = tmp_path_factory.mktemp("shop")
    place = IndexPlace.of(Workspace(room))
    before: Shop = {}
    for shop in shops:
        done = indexed(room, write_shop(room / "shop.bson", shop))
        assert held(place) == expected(shop)
        same = sum(before.get(one) == product for one, product in shop.items())
        assert (done.n_new, done.n_gone) == (len(shop.keys() - before.keys()), len(before.keys() - shop.keys()))
        assert (done.n_same, done.n_changed) == (same, len(shop.keys() & before.keys()) - same)
        assert (done.n_products, done.n_photos) == (len({one for one, _ in expected(shop)}), len(expected(shop)))
        before = shop


def test_nothing_is_embedded_twice(tmp_path):
    shop: Shop = {one: ([one, one + 100], 11) for one in range(40)}
    backend = SmallPictures()
    first = indexed(tmp_path, write_shop(tmp_path / "shop.bson", shop), backend)
    assert (first.n_new, backend.n_mosaics) == (40, 80)
    backend = SmallPictures()
    done = indexed(tmp_path, write_shop(tmp_path / "shop.bson", shop | {7: ([900], 11), 99: ([99], 12)}), backend)
    assert (done.n_new, done.n_changed, done.n_same, backend.n_mosaics) == (1, 1, 39, 2)
    assert "1 product added, 1 replaced, 0 removed, 39 as they were" in done.text()
    assert "41 products can be found by 80 photos" in done.text()


def test_what_was_killed_is_gone_on_with(tmp_path, monkeypatch):
    monkeypatch.setattr(taking_in, "CHUNK", 5)
    monkeypatch.setattr(taking_in, "COMMIT", 10)
    monkeypatch.setattr("mosaic.inference.embedding.CHUNK", 5)
    shop: Shop = {one: ([one], 11) for one in range(40)}
    catalog, place = write_shop(tmp_path / "shop.bson", shop), IndexPlace.of(Workspace(tmp_path))
    with suppress(KeyboardInterrupt):
        indexed(tmp_path, catalog, SmallPictures(fails_after=22))
    assert not place.exists
    backend = SmallPictures()
    assert indexed(tmp_path, catalog, backend).n_products == 40
    assert backend.n_mosaics == 20
    assert not place.unfinished.exists()
    more = {one: ([one], 12) for one in range(100, 130)}
    catalog = write_shop(tmp_path / "shop.bson", shop | more)
    with suppress(KeyboardInterrupt):
        indexed(tmp_path, catalog, SmallPictures(fails_after=23))
    # what was committed can be found
    assert held(place) == expected(shop, dict(list(more.items())[:20]))
    backend = SmallPictures()
    assert (indexed(tmp_path, catalog, backend).n_new, backend.n_mosaics) == (10, 10)
    assert held(place) == expected(shop, more)


def test_embeddings_that_are_whole_are_not_made_again(tmp_path, monkeypatch):
    catalog = write_shop(tmp_path / "shop.bson", {1: ([1, -1], 11), 2: ([2], 11)})
    with monkeypatch.context() as patch:
        patch.setattr("search.indexing.backend.LocalIndex.create", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            indexed(tmp_path, catalog)
    backend = SmallPictures()
    done = indexed(tmp_path, catalog, backend)
    assert backend.n_mosaics == 0
    assert done.problems.counts[ProblemKind.UNREADABLE_PHOTO] == 1
    assert (done.problems.named[0].product_id, done.problems.named[0].photo) == (1, 1)
    assert done.n_photos == 2


def test_other_catalogues_are_added_and_stay(tmp_path):
    shop: Shop = {1: ([1], 11), 2: ([2], 11), 3: ([3], 12)}
    other: Shop = {3: ([30], 13), "A-7": ([7], "X > Y"), 9: ([-1], None)}
    room, place = Workspace(tmp_path), IndexPlace.of(Workspace(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"holds no index yet: run `rayonnage search index CATALOG"):
        add_catalog(room, write_shop(tmp_path / "other.bson", other), colour_embedder(), bar=no_bar)
    catalog, second = write_shop(tmp_path / "shop.bson", shop), write_shop(tmp_path / "other.bson", other)
    indexed(tmp_path, catalog)
    done = add_catalog(room, second, colour_embedder(), bar=no_bar)
    assert (done.n_new, done.n_changed, done.n_gone, done.n_products) == (2, 1, 0, 4)
    assert "1 product has no readable photo" in done.text()
    assert held(place) == expected(shop, other)
    # what is in both is as the catalogue that was indexed has it
    del shop[2]
    done = indexed(tmp_path, write_shop(tmp_path / "shop.bson", shop))
    assert (done.n_changed, done.n_gone) == (1, 1)
    assert held(place) == expected(other, shop)


def test_what_is_removed_comes_back_with_its_catalogue(tmp_path):
    shop: Shop = {1: ([1, 11], 11), "b": ([2], 11), 3: ([3], 12)}
    catalog, place = write_shop(tmp_path / "shop.bson", shop), IndexPlace.of(Workspace(tmp_path))
    indexed(tmp_path, catalog)
    assert remove_products(place, id_numbers([1, "b", 77])) == 2
    assert held(place) == expected({3: shop[3]})
    before, after = compact(place)
    assert after < before
    assert held(place) == expected({3: shop[3]})
    assert indexed(tmp_path, catalog).n_new == 2
    assert held(place) == expected(shop)


def test_another_network_catalogue_or_way_is_refused_with_the_way_out(tmp_path):
    shop: Shop = {1: ([1], 11), 2: ([2], 11)}
    catalog = write_shop(tmp_path / "shop.bson", shop)
    other = write_shop(tmp_path / "other.bson", {5: ([5], 11)})
    indexed(tmp_path, catalog)
    room = Workspace(tmp_path)
    with pytest.raises(ValueError, match=r"vectors by colours, .* by shapes: make the index anew with `rayonnage "):
        index_catalog(room, catalog, colour_embedder(name="shapes"), bar=no_bar)
    with pytest.raises(ValueError, match=r"is an index of .*shop.bson, not of .*other.bson: .*search add .*other.bson"):
        indexed(tmp_path, other)
    with pytest.raises(ValueError, match=r"its search is exact and its vectors are not whitened: --overwrite"):
        indexed(tmp_path, catalog, kind="compressed", whiten="on")
    moved = tmp_path / "moved.bson"
    (tmp_path / "shop.bson").rename(moved)
    assert indexed(tmp_path, Catalog(moved)).n_same == 2
    # from now on it is known there
    assert IndexedProducts.load(IndexPlace.of(room).products).addresses == (str(moved),)
    del shop[1]
    done = indexed(tmp_path, write_shop(moved, shop))
    assert (done.n_gone, done.n_same) == (1, 1)
    assert indexed(tmp_path, other, overwrite=True).n_products == 1
    assert held(IndexPlace.of(room)) == {(5, 0): 11}


def test_one_process_at_a_time_writes(tmp_path):
    catalog = write_shop(tmp_path / "shop.bson", {1: ([1], 11), 2: ([2], 11)})
    with claimed(tmp_path / "search"), pytest.raises(OSError, match=r"is being written by process .*: run the command"):
        indexed(tmp_path, catalog)
    assert indexed(tmp_path, catalog).n_products == 2


def test_whitened_vectors_are_others_and_are_kept_so(tmp_path):
    shop: Shop = {one: ([one, one + 50], 11) for one in range(30)}
    catalog, place = write_shop(tmp_path / "shop.bson", shop), IndexPlace.of(Workspace(tmp_path))
    indexed(tmp_path, catalog, whiten="on")
    with OpenIndex.at(place, colour_embedder()) as opened:
        assert opened.encoder.whitening is not None
        assert opened.index.identity.digest != colour_embedder().digest
    more = shop | {99: ([99], 11)}
    assert indexed(tmp_path, write_shop(tmp_path / "shop.bson", more)).n_new == 1
    assert held(place) == expected(more)
    place.whitening.unlink()
    with pytest.raises(ValueError, match="cannot be compared"):
        indexed(tmp_path, catalog)
