"""Groups and leaks against slow, obvious versions."""

from __future__ import annotations

import bson
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.catalog import Catalog
from catalog.product import ProblemLog
from catalog.tree.taxonomy import Taxonomy
from curation.duplicates.groups import COMMON, EXACT, KINDS, NEAR, find_groups, parting_level
from curation.duplicates.leak import find_leak
from curation.duplicates.photo_hash import HASH, State
from curation.duplicates.photos import COLOUR, CatalogPhotos, PhotoHashes, near_looks
from tests.support.trees import TREES

LEAVES = (11, 12, 13, 21, 22, 31, 32, 33)
RADIUS = 2
MAX_COPIES = 4


def catalogue(folder, products: list[list[int]], name: str, first_id: int = 0) -> Catalog:
    """Products whose photos are given by number."""
    path = folder / f"{name}.bson"
    path.write_bytes(
        b"".join(
            bson.encode(
                {"_id": first_id + i, "category_id": LEAVES[i % 8], "imgs": [{"picture": b"photo %d" % p} for p in own]}
            )
            for i, own in enumerate(products)
        )
    )
    return Catalog(path)


def picture(photos: CatalogPhotos, number: int) -> int:
    """The number that a test gave the photo."""
    return int(photos.read(int(photos.first[number])).split()[1])


def look_of(p: int) -> tuple[int, int]:
    """Bits and colour of photo p: every fourth has none, neighbours differ little."""
    return (1 << p // 4 % 6) | (p % 3 == 0), 100 + p % 2 * 40


def made_looks(photos: CatalogPhotos) -> PhotoHashes:
    numbers = range(photos.n_distinct)
    shown = [picture(photos, n) for n in numbers]
    keys = sorted({look_of(p) for p in shown if p % 4})
    rows = np.array([(bits, colour, 128, State.HASHED) for bits, colour in keys], HASH)
    pairs, distance = near_looks(rows, RADIUS)
    of_photo = np.array([keys.index(look_of(p)) if p % 4 else -1 for p in shown])
    return PhotoHashes(of_photo, pairs, distance, len(keys), 0, ProblemLog())


def are_near(a: int, b: int) -> bool:
    if not a % 4 or not b % 4:
        return False
    (bits, colour), (other_bits, other_colour) = look_of(a), look_of(b)
    return (bits ^ other_bits).bit_count() <= RADIUS and abs(colour - other_colour) <= COLOUR


def too_many(products: list[list[int]], every: set[int]) -> tuple[set[int], set[int]]:
    """Photos on too many products, and those that with all that is near them are on too many."""
    owners = {p: sum(p in own for own in products) for p in every}
    common = {p for p in every if owners[p] > MAX_COPIES}
    crowded = {p for p in every - common if sum(owners[q] for q in every - common if are_near(p, q)) > MAX_COPIES}
    return common, crowded


def near_ends(products: list[list[int]]) -> list[set[int]]:
    """Pairs of photos that link as near ones: of different photos, or of one look."""
    every = {p for own in products for p in own}
    common, crowded = too_many(products, every)
    able = every - common - crowded
    return [{p, q} for p in able for q in able if p < q and are_near(p, q)]


def slow_near(products: list[list[int]], exact: set[frozenset[int]]) -> set[frozenset[int]]:
    """Groups by near copies: products that carry linked photos, but none that lie within one group of exact copies."""
    found = slow_groups(products, near_ends(products))
    return {group for group in found if not any(group <= own for own in exact)}


def slow_groups(products: list[list[int]], links: list[set[int]]) -> set[frozenset[int]]:
    groups = [{i} for i in range(len(products))]
    for link in links:
        touched = [g for g in groups if any(link & set(products[i]) for i in g)]
        # a link of two photos joins their products; of one, all that carry it
        owners = {i for i, own in enumerate(products) if link & set(own)}
        merged = [g for g in touched if g & owners]
        groups = [g for g in groups if not g & owners] + ([set().union(*merged)] if merged else [])
    return {frozenset(g) for g in groups if len(g) > 1}


some_products = st.lists(st.lists(st.integers(0, 40), min_size=0, max_size=4), min_size=2, max_size=14).filter(
    lambda products: any(products)
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(some_products)
def test_groups_are_what_merging_sets_gives(tmp_path_factory, products):
    photos = CatalogPhotos([catalogue(tmp_path_factory.mktemp("groups"), products, "a")])
    every = {p for own in products for p in own}
    common, _ = too_many(products, every)
    exact = slow_groups(products, [{p} for p in every - common])
    plain, both = find_groups(photos, MAX_COPIES), find_groups(photos, MAX_COPIES, made_looks(photos))
    for groups, expected in (
        (plain, {EXACT: exact, NEAR: set()}),
        (both, {EXACT: exact, NEAR: slow_near(products, exact)}),
    ):
        own = [frozenset(groups.product[a:b].tolist()) for a, b in zip(groups.start, groups.start[1:], strict=False)]
        of_kind = {kind: groups.group_kind == k for k, kind in enumerate(KINDS)}
        for kind, found in expected.items():
            assert {g for g, good in zip(own, of_kind[kind], strict=True) if good} == found
        assert sorted(groups.size[of_kind[COMMON]]) == sorted(sum(p in own for own in products) for p in common)
        for mask in of_kind.values():
            assert (np.diff(groups.size[mask]) <= 0).all()
        assert (np.diff(groups.group_kind.astype(int)) >= 0).all()
        # every shared photo is listed under its kind
        shared = {(i, p) for i, own in enumerate(products) for p in own if sum(p in o for o in products) > 1}
        kind = groups.group_kind[groups.group]
        rows = zip(groups.slot, kind, groups.distance, strict=True)
        listed = [(int(photos.owner[s]), picture(photos, int(photos.number[s])), k, d) for s, k, d in rows]
        assert {(i, p) for i, p, k, _ in listed if KINDS[k] != NEAR} == shared
        ends = set().union(*near_ends(products))
        added = set().union(*expected[NEAR])
        assert {(i, p) for i, p, k, _ in listed if KINDS[k] == NEAR} == {
            (i, p) for i in added for p in products[i] if p in ends
        }
        assert all(d == 0 for _, _, k, d in listed if KINDS[k] != NEAR)
        assert all(d <= RADIUS for *_, d in listed)
        assert groups.n_added == len(added - set().union(*exact))
    # what near copies add takes nothing from the exact ones
    n = int((plain.group_kind == KINDS.index(EXACT)).sum())
    assert (both.group_kind[:n] == plain.group_kind[:n]).all()
    for rows in (plain.group < n, plain.member_group < n):
        assert rows[: rows.sum()].all()
    n_rows, n_members = int((plain.group < n).sum()), int((plain.member_group < n).sum())
    for name, size in (("slot", n_rows), ("group", n_rows), ("product", n_members), ("member_group", n_members)):
        assert (getattr(both, name)[:size] == getattr(plain, name)[:size]).all()


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(some_products, some_products)
def test_a_leak_is_every_pair_that_shares_a_photo(tmp_path_factory, first, second):
    folder = tmp_path_factory.mktemp("leak")
    photos = CatalogPhotos([catalogue(folder, first, "a"), catalogue(folder, second, "b", 1000)])
    products = first + second
    every = {p for own in products for p in own}
    common, crowded = too_many(products, every)
    linking = every - common
    leak = find_leak(photos, MAX_COPIES, made_looks(photos))
    n = len(first)
    across = [(i, n + j) for i in range(n) for j in range(len(second))]
    exact = [(i, j) for i, j in across if set(products[i]) & set(products[j]) & linking]
    near = [
        (i, j)
        for i, j in across
        if (i, j) not in exact
        and any(
            are_near(p, q) for p in set(products[i]) - common - crowded for q in set(products[j]) - common - crowded
        )
    ]
    assert list(map(tuple, leak.pairs[EXACT].tolist())) == exact
    assert sorted(map(tuple, leak.pairs[NEAR].tolist())) == near
    assert leak.agree[EXACT].tolist() == [i % 8 == (j - n) % 8 for i, j in exact]
    said = leak.to_json()
    assert said["exact"]["products"] == len({j for _, j in exact})
    assert said["near"]["products"] == len({j for _, j in near} - {j for _, j in exact})
    seen = {j for _, j in exact + near}
    assert leak.n_common == sum(
        any(p in common and any(p in own for own in first) for p in products[j]) and j not in seen
        for j in range(n, len(products))
    )


def test_where_categories_part(tmp_path, tree_csv):
    # products take the leaves in turn: 0 and 8 ROMAN, 1 POESIE, 2 GUIDE, 3 JAZZ
    shared = {0: 1, 8: 1, 1: 2, 16: 2, 2: 3, 24: 3, 3: 4, 32: 4, 40: 5}
    products = [[shared.get(i, 100 + i)] for i in range(41)]
    groups = find_groups(CatalogPhotos([catalogue(tmp_path, products, "a")]), 20, tree=Taxonomy.from_csv(tree_csv))
    found = {groups.product[at]: level for at, level in zip(groups.start, groups.parts_at, strict=False)}
    assert found == {0: 0, 1: 3, 2: 2, 3: 1}


@given(st.sampled_from(TREES), st.lists(st.lists(st.integers(-1, 7), min_size=1, max_size=5), min_size=1, max_size=6))
def test_categories_part_at_the_highest_level_where_they_differ(tree, groups):
    leaves = np.concatenate([np.array(group) for group in groups])
    start = np.cumsum([0, *map(len, groups)])[:-1]
    for group, level in zip(groups, parting_level(leaves, start, tree).tolist(), strict=True):
        known = [leaf for leaf in group if leaf >= 0]
        apart = [n for n in tree.levels if len({tree.ancestor(n)[leaf] for leaf in known}) > 1]
        assert level == (-1 if len(known) < 2 else min(apart, default=0))


@pytest.mark.parametrize(("max_copies", "kinds"), [(2, [COMMON]), (3, [EXACT])])
def test_a_photo_of_too_many_products_links_nothing_but_is_listed(tmp_path, max_copies, kinds):
    groups = find_groups(CatalogPhotos([catalogue(tmp_path, [[1, 2], [1, 3], [1, 4]], "a")]), max_copies)
    assert [KINDS[k] for k in groups.group_kind] == kinds
    assert groups.product.tolist() == [0, 1, 2]
    assert groups.n_common_products == (3 if kinds == [COMMON] else 0)


def test_a_product_that_repeats_its_photo_is_no_group(tmp_path):
    assert not len(find_groups(CatalogPhotos([catalogue(tmp_path, [[1, 1], [2]], "a")]), 20).slot)
