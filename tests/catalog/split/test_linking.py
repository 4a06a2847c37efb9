"""What belongs together beside copies: against slow, obvious versions; groups from columns and files; old plans."""

from __future__ import annotations

import json
from pathlib import Path

import bson
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.catalog import Catalog
from catalog.split.given_groups import GivenGroups
from catalog.split.linking import NO_GROUP, Together, join_nearest
from catalog.split.plan import Plan, make_plan
from catalog.tree.taxonomy import Taxonomy
from tests.support.products import make_product

LEAVES = (11, 12, 13, 21, 22, 31, 32, 33)


def as_sets(group) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(group == g).tolist()) for g in np.unique(group)}


def slow_join(group: list[int], pairs: list[tuple[int, int]], distance: list[int], most: int) -> set[frozenset[int]]:
    """Sets are merged pair by pair, the nearest first, equally near ones by the numbers of the groups they join."""
    sets = {g: {i for i, other in enumerate(group) if other == g} for g in set(group)}
    for _, a, b in sorted((d, *sorted((group[i], group[j]))) for (i, j), d in zip(pairs, distance, strict=True)):
        if sets[a] is not sets[b] and len(sets[a] | sets[b]) <= most:
            merged = sets[a] | sets[b]
            sets = {g: merged if s is sets[a] or s is sets[b] else s for g, s in sets.items()}
    return {frozenset(s) for s in sets.values()}


@settings(max_examples=60)
@given(st.data())
def test_pairs_join_the_nearest_first_and_no_more_than_the_limit(data):
    n = data.draw(st.integers(1, 14))
    _, group = np.unique(data.draw(st.lists(st.integers(0, 8), min_size=n, max_size=n)), return_inverse=True)
    places = st.integers(0, n - 1)
    drawn = data.draw(st.lists(st.tuples(places, places, st.integers(0, 4)), max_size=25))
    pairs, distance = [(a, b) for a, b, _ in drawn], [d for *_, d in drawn]
    most = data.draw(st.integers(1, n + 1))
    joined, n_apart = join_nearest(group, np.array(pairs, np.int64).reshape(-1, 2), np.array(distance), most)
    expected = slow_join(group.tolist(), pairs, distance, most)
    assert as_sets(joined) == expected
    assert n_apart == sum(not any({a, b} <= s for s in expected) for a, b in pairs)


@settings(max_examples=60)
@given(st.data())
def test_copies_groups_and_pairs_link_as_merging_sets_does(data):
    n = data.draw(st.integers(2, 12))
    own = st.lists(st.integers(0, 9), min_size=n, max_size=n)
    _, copies = np.unique(data.draw(own), return_inverse=True)
    # products of the catalogue that are not split stand between the others
    positions = np.sort(data.draw(st.permutations(range(n + 5)))[:n])
    of_catalogue = np.array(data.draw(st.lists(st.integers(-1, 6), min_size=n + 5, max_size=n + 5)))
    places = st.integers(0, n + 4)
    pairs = np.array(data.draw(st.lists(st.tuples(places, places), max_size=12)), np.int64).reshape(-1, 2)
    together = Together(of_catalogue, "supplier", pairs, np.zeros(len(pairs)), n, near_bits=4)
    among = [(a, b) for a, b in np.searchsorted(positions, pairs[np.isin(pairs, positions).all(axis=1)]).tolist()]
    same = [(i, j) for i in range(n) for j in range(i) if of_catalogue[positions[i]] == of_catalogue[positions[j]] >= 0]
    expected = slow_join(copies.tolist(), same, [0] * len(same), n)
    if max(map(len, expected)) > n / 2:
        with pytest.raises(ValueError, match="one group by supplier has"):
            together.link(copies, positions)
        return
    linked, by = together.link(copies, positions)
    assert as_sets(linked) == slow_join(copies.tolist(), same + among, [0] * (len(same) + len(among)), n)
    assert (by.n_pairs, by.n_apart, by.group) == (len(among), 0, "supplier")
    assert by.n_groups == sum(len(s) > 1 for s in as_sets(linked))


def test_a_plan_of_copies_alone_is_written_as_ever_and_one_of_groups_comes_back_whole(tiny_catalog, tree_csv, tmp_path):
    tree = Taxonomy.from_csv(tree_csv)
    plan, _ = make_plan(tiny_catalog, tree)
    plan.save(tmp_path / "old")
    header = json.loads((tmp_path / "old" / "plan.json").read_text())
    assert list(header) == [
        "catalog", "data", "taxonomy", "mode", "n_parts", "max_copies", "seed", "n_unlinked", "largest_component",
    ]  # fmt: skip
    assert (Plan.load(tmp_path / "old").linked_by, Plan.load(tmp_path / "old").groups) == (None, None)
    group = np.where(np.arange(60) < 20, np.arange(60) // 4, NO_GROUP)
    grouped, _ = make_plan(tiny_catalog, tree, together=Together(group, "supplier"))
    grouped.save(tmp_path / "new")
    again = Plan.load(tmp_path / "new")
    assert grouped.plan_id == again.plan_id != plan.plan_id
    assert again.linked_by == grouped.linked_by
    # held-out products of one group are no independent evidence either
    some = np.array([0, 3, 4, 8, 30])
    assert as_sets(again.linked(tiny_catalog, some)) == {frozenset(s) for s in ({0, 1}, {2}, {3}, {4})}
    assert len(np.unique(plan.linked(tiny_catalog, some))) == 5


def test_a_given_group_is_on_one_side_and_one_of_more_than_half_is_refused(tiny_catalog, tree_csv):
    tree = Taxonomy.from_csv(tree_csv)
    for seed in range(5):
        group = np.random.default_rng(seed).integers(0, 12, 60)
        plan, _ = make_plan(tiny_catalog, tree, seed=seed, together=Together(group, "article"))
        assert all(len(set(plan.parts[group == g])) == 1 for g in range(12))
        assert 5 <= len(plan.held_out_positions(0)) <= 18
    group = np.where(np.arange(60) < 31, 1, NO_GROUP)
    with pytest.raises(ValueError, match=r"by article has 31 products of 60 \(51.7 %, .*Group by something finer"):
        make_plan(tiny_catalog, tree, together=Together(group, "article"))


@pytest.mark.parametrize("mode", ["heldout", "kfold"])
def test_articles_in_as_many_colours_as_parts_are_dealt_over_all_parts(write_bson, tree_csv, mode):
    documents = [make_product(i, LEAVES[i // 5 % 8]) for i in range(200)]
    catalog, tree = Catalog(write_bson(*documents)), Taxonomy.from_csv(tree_csv)
    plan, _ = make_plan(catalog, tree, mode=mode, together=Together(np.arange(200) // 5, "article"))
    assert np.bincount(plan.parts, minlength=5).tolist() == [40] * 5
    leaf = tree.leaf_index(catalog.category_ids)
    assert all(np.bincount(plan.parts[leaf == one], minlength=5).tolist() == [5] * 5 for one in range(8))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 10**6))
def test_every_leaf_can_be_learnt_where_groups_cross_leaves(write_bson, tree_csv, seed):
    rng = np.random.default_rng(seed)
    catalog = Catalog(write_bson(*[make_product(i, leaf) for i, leaf in enumerate(rng.choice(LEAVES, 40).tolist())]))
    together = Together(rng.integers(-1, 15, 40), "supplier")
    plan, _ = make_plan(catalog, Taxonomy.from_csv(tree_csv), seed=seed, together=together)
    assert set(catalog.category_ids[plan.training_positions(0)]) == set(catalog.category_ids)


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_groups_are_read_from_a_csv_and_what_it_names_beside_the_catalogue_is_told(tiny_catalog, tmp_path):
    path = written(
        tmp_path / "g.csv", "article;product_id\nA;1\nA;2\n;3\nB;4\nA;1\nB;2\n;4\nC;900\nC;901\nC;902\nD;903\n"
    )
    given_groups = GivenGroups.of_file(tiny_catalog, path, "article")
    group = given_groups.group
    assert group[1] == group[2] != group[4]
    assert (group == NO_GROUP).sum() == 57
    assert str(given_groups).splitlines() == [
        f"groups by article of {path}: 3 products in 2 groups, the largest of 2; 57 products without one",
        "4 ids of it not in the catalogue: 900, 901, 902 and 1 more",
        "1 product with rows of different groups: the first row counts",
    ]
    with pytest.raises(ValueError, match="lacks the column group; it has article, product_id"):
        GivenGroups.of_file(tiny_catalog, path)
    with pytest.raises(ValueError, match="line 2: no product id: it is empty"):
        GivenGroups.of_file(tiny_catalog, written(tmp_path / "bad.csv", "product_id,group\n,1\n"))
    texts = GivenGroups.of_file(tiny_catalog, written(tmp_path / "text.csv", "product_id,group\nMH-1,1\n4,1\n"))
    assert "1 id of it not in the catalogue: MH-1" in str(texts)
    with pytest.raises(ValueError, match="no product has a group by group of"):
        GivenGroups.of_file(tiny_catalog, written(tmp_path / "other.csv", "product_id,group\n900,1\n5,\n"))
    with pytest.raises(FileNotFoundError, match="--groups FILE"):
        GivenGroups.of_file(tiny_catalog, tmp_path / "none.csv")


def test_groups_are_read_from_a_field_or_a_column_of_the_catalogue(tmp_path):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    photos = [make_product(i, 11)["imgs"][0]["picture"] for i in range(6)]
    articles = ["blue", "blue", None, "red", "red", "x"]
    documents = [{**make_product(i, 11), "article": articles[i]} for i in range(6)]
    shop = tmp_path / "shop.bson"
    shop.write_bytes(b"".join(map(bson.encode, documents)))
    for i, photo in enumerate(photos):
        (tmp_path / f"{i}.jpg").write_bytes(photo)
    rows = "".join(f"{i},11,{i}.jpg,{articles[i] or ''}\n" for i in range(6))
    table = written(tmp_path / "shop.csv", "Product_ID,category_id,photos,article\n" + rows)
    pq.write_table(
        pa.table({"product_id": list(range(6)), "photos": [f"{i}.jpg" for i in range(6)], "article": articles}),
        tmp_path / "shop.parquet",
    )
    groups = [
        GivenGroups.of_column(Catalog(path), "article").group for path in (shop, table, tmp_path / "shop.parquet")
    ]
    for group in groups:
        assert as_sets(np.delete(group, 2)) == {frozenset(s) for s in ({0, 1}, {2, 3}, {4})}
        assert group[2] == NO_GROUP
        assert group.tolist() == groups[0].tolist()
    for path in (shop, table, tmp_path / "shop.parquet"):
        with pytest.raises(ValueError, match="seller"):
            GivenGroups.of_column(Catalog(path), "seller")
    folder = tmp_path / "folder" / "shirts" / "1"
    folder.mkdir(parents=True)
    (folder / "1.jpg").write_bytes(photos[0])
    with pytest.raises(ValueError, match=r"has no column seller: give a CSV .*--groups FILE"):
        GivenGroups.of_column(Catalog(tmp_path / "folder"), "seller")
