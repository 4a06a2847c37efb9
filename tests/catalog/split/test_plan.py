"""The plan: copies together, every leaf learnable, the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.catalog import Catalog
from catalog.split.plan import Plan, make_plan
from catalog.tree.taxonomy import Taxonomy
from tests.support.products import make_product

LEAVES = (11, 12, 13, 21, 22, 31, 32, 33)


def write_products(write_bson, photos: list[list[int]], categories: list[int]) -> Catalog:
    """Products whose photos are given by number; equal numbers are equal bytes."""
    documents = [
        {"_id": i, "category_id": c, "imgs": [{"picture": b"photo %d" % p} for p in own]}
        for i, (own, c) in enumerate(zip(photos, categories, strict=True))
    ]
    return Catalog(write_bson(*documents))


def slow_groups(photos: list[list[int]], max_copies: int) -> list[set[int]]:
    """Linked products, by merging sets until nothing changes."""
    groups = [{i} for i in range(len(photos))]
    for photo in {p for own in photos for p in own}:
        owners = {i for i, own in enumerate(photos) if photo in own}
        if len(owners) <= max_copies:
            touched = [g for g in groups if g & owners]
            groups = [g for g in groups if not g & owners] + [set().union(*touched)]
    return groups


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 10**6), st.integers(1, 4))
def test_copies_stay_together_up_to_the_limit(write_bson, tree_csv, seed, max_copies):
    rng = np.random.default_rng(seed)
    photos = [rng.integers(0, 60, rng.integers(1, 5)).tolist() for _ in range(40)]
    catalog = write_products(write_bson, photos, rng.choice(LEAVES, 40).tolist())
    plan, _ = make_plan(catalog, Taxonomy.from_csv(tree_csv), max_copies=max_copies, seed=seed)
    groups = slow_groups(photos, max_copies)
    part = dict(zip(plan.positions.tolist(), plan.parts.tolist(), strict=True))
    for group in groups:
        assert len({part[i] for i in group}) == 1
    assert plan.largest_component == pytest.approx(max(map(len, groups)) / 40)
    common = {p for p in range(60) if sum(p in own for own in photos) > max_copies}
    assert plan.n_unlinked == sum(bool(common & set(own)) for own in photos)


def test_a_photo_with_too_many_copies_links_nothing(write_bson, tree_csv):
    photos = [[0, 100 + i] for i in range(50)]
    catalog = write_products(write_bson, photos, [11] * 50)
    tree = Taxonomy.from_csv(tree_csv)
    loose, _ = make_plan(catalog, tree, max_copies=20)
    assert (loose.largest_component, loose.n_unlinked) == (1 / 50, 50)
    tight, _ = make_plan(catalog, tree, max_copies=50)
    assert (tight.largest_component, tight.n_unlinked) == (1.0, 0)


def test_parts_are_stratified_by_leaf_and_image_count(write_bson, tree_csv):
    documents = [make_product(i, LEAVES[i % 2], 1 + (i // 2) % 2) for i in range(200)]
    plan, _ = make_plan(Catalog(write_bson(*documents)), Taxonomy.from_csv(tree_csv), n_parts=5, mode="kfold")
    for leaf in range(2):
        for count in range(2):
            own = [p for i, p in zip(plan.positions, plan.parts, strict=True) if (i % 2, (i // 2) % 2) == (leaf, count)]
            sizes = np.bincount(own, minlength=5)
            assert sizes.sum() == 50
            assert sizes.max() - sizes.min() <= 1
    assert list(plan.held_out_parts) == [0, 1, 2, 3, 4]
    held_out = np.concatenate([plan.held_out_positions(p) for p in plan.held_out_parts])
    assert sorted(held_out) == list(range(200))
    for part in plan.held_out_parts:
        assert not set(plan.training_positions(part)) & set(plan.held_out_positions(part))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(1, 6), min_size=10, max_size=20), st.sampled_from(["heldout", "kfold"]))
def test_lots_of_a_leaf_go_round_the_parts_whatever_their_sizes(write_bson, tree_csv, sizes, mode):
    """Five colours with one photo, again and again: by turns of products all of them came to one of five parts."""
    photos = [[lot] for lot, size in enumerate(sizes) for _ in range(size)]
    catalog = write_products(write_bson, photos, [LEAVES[0]] * len(photos))
    plan, _ = make_plan(catalog, Taxonomy.from_csv(tree_csv), n_parts=5, mode=mode)
    part_of = {own[0]: part for own, part in zip(photos, plan.parts.tolist(), strict=True)}
    n_lots = np.bincount(list(part_of.values()), minlength=5)
    assert n_lots.max() - n_lots.min() <= 1


@pytest.mark.parametrize("seed", range(5))
def test_every_leaf_can_be_learnt_when_one_part_is_held_out(write_bson, tree_csv, seed):
    documents = [make_product(i, leaf) for i, leaf in enumerate([*LEAVES, *LEAVES[:5], *LEAVES[:2]])]
    catalog = Catalog(write_bson(*documents))
    plan, _ = make_plan(catalog, Taxonomy.from_csv(tree_csv), seed=seed)
    assert set(catalog.category_ids[plan.training_positions(0)]) == set(LEAVES)


def test_the_same_seed_gives_the_same_plan_and_files_round_trip(write_bson, tree_csv, tmp_path):
    catalog = Catalog(write_bson(*[make_product(i, LEAVES[i % 8]) for i in range(60)]))
    tree = Taxonomy.from_csv(tree_csv)
    plan, again = make_plan(catalog, tree)[0], make_plan(catalog, tree)[0]
    other = make_plan(catalog, tree, seed=1)[0]
    assert plan.plan_id == again.plan_id != other.plan_id
    plan.save(tmp_path / "plan")
    assert Plan.load(tmp_path / "plan").plan_id == plan.plan_id
    (tmp_path / "plan" / "parts.safetensors").write_bytes(b"x")
    with pytest.raises(ValueError, match="damaged"):
        Plan.load(tmp_path / "plan")
    with pytest.raises(FileNotFoundError, match="catalog split"):
        Plan.load(tmp_path / "none")
    changed = Catalog(write_bson(*[make_product(i, 11) for i in range(60)]))
    with pytest.raises(ValueError, match="has changed since"):
        plan.check_data(changed)


def test_products_without_a_category_of_the_tree_are_left_out_and_named(write_bson, tree_csv):
    documents = [make_product(i, 11) for i in range(30)]
    catalog = Catalog(write_bson(*documents, make_product(90), make_product(91, 4711), {"_id": 92, "category_id": 11}))
    plan, log = make_plan(catalog, Taxonomy.from_csv(tree_csv))
    assert plan.positions.tolist() == list(range(30))
    assert {p.product_id: p.kind.name for p in log.named} == {90: "NO_CATEGORY", 91: "UNKNOWN_CATEGORY"}
    with pytest.raises(ValueError, match="at least 100 are needed"):
        make_plan(catalog, Taxonomy.from_csv(tree_csv), n_parts=50)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 10**6))
def test_every_leaf_can_be_learnt_even_where_copies_cross_leaves(write_bson, tree_csv, seed):
    rng = np.random.default_rng(seed)
    photos = [rng.integers(0, 50, rng.integers(1, 3)).tolist() for _ in range(30)]
    catalog = write_products(write_bson, photos, rng.choice(LEAVES, 30).tolist())
    plan, _ = make_plan(catalog, Taxonomy.from_csv(tree_csv), seed=seed)
    assert set(catalog.category_ids[plan.training_positions(0)]) == set(catalog.category_ids)
    part = dict(zip(plan.positions.tolist(), plan.parts.tolist(), strict=True))
    for group in slow_groups(photos, 20):
        assert len({part[i] for i in group}) == 1


def test_the_plan_says_what_it_was_made_from(tiny_catalog, tree_csv):
    tree = Taxonomy.from_csv(tree_csv)
    plans = [
        make_plan(tiny_catalog, tree, **options)[0]
        for options in ({}, {"n_parts": 4}, {"mode": "kfold"}, {"max_copies": 3}, {"seed": 9})
    ]
    assert len({plan.plan_id for plan in plans}) == len(plans)
    assert plans[0].taxonomy == tree.fingerprint
    assert plans[0].data == tiny_catalog.fingerprint
    smaller = Taxonomy([(i, p) for i, p in zip(tree.leaf_ids.tolist(), tree.paths, strict=True) if i != 33])
    part, log = make_plan(tiny_catalog, smaller)
    assert len(part.positions) + len(log) == 60
    assert part.taxonomy != tree.fingerprint
    with pytest.raises(ValueError, match="at least 2 parts, got 1"):
        make_plan(tiny_catalog, tree, n_parts=1)
