"""`catalog split`: near copies and given groups stay on one side, and it says so."""

from __future__ import annotations

import io
import json
from functools import partial

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from catalog.catalog import Catalog
from catalog.runs.workspace import Workspace
from curation.cli import main
from curation.duplicates.groups import find_groups
from curation.duplicates.near_products import NearProducts
from curation.duplicates.photos import CatalogPhotos, PhotoHashes
from tests.support.command_line import output_of

run = partial(output_of, main)


def picture(number: int, quality: int = 90, side: int = 96) -> bytes:
    """A photo of soft spots that survive being encoded anew."""
    spots = np.random.default_rng(number).integers(0, 255, (6, 6, 3), dtype=np.uint8)
    out = io.BytesIO()
    soft = Image.fromarray(spots).resize((96, 96), Image.Resampling.BICUBIC)
    soft.resize((side, side)).save(out, "JPEG", quality=quality)
    return out.getvalue()


def document(i: int, photo: bytes, leaf: int = 11, **fields: object) -> dict:
    return {"_id": i, "category_id": leaf, "imgs": [{"picture": photo}], **fields}


@pytest.fixture
def shop(write_bson):
    """Forty products: 20 to 39 show the photos of 0 to 19 again, encoded anew and larger."""
    return write_bson(
        *[document(i, picture(i), 11 + i % 2) for i in range(20)],
        *[document(20 + i, picture(i, 60, 144), 11 + i % 2) for i in range(20)],
    )


def test_near_copies_lie_on_one_side_when_asked(shop, tree_csv, tmp_path):
    room = Workspace(tmp_path / "runs")
    arguments = ("split", shop, "--tree", tree_csv, "--workspace", room.folder)
    run(*arguments, "--folds", 2)
    parts = room.plan().parts
    assert (parts[:20] != parts[20:]).any()
    for seed in range(3):
        said = run(*arguments, "--near", "--seed", seed, "--parts", tmp_path / "parts", "--overwrite")
        plan = room.plan()
        assert (plan.parts[:20] == plan.parts[20:]).all()
        assert 0 < len(plan.held_out_positions(0)) < 20
    assert "linked groups of two products or more: 20, the largest of 2 (5.0 %)" in said
    assert "20 pairs of products of near copies (4 of 64 bits); none is left apart: they join no more than 50" in said
    record = json.loads((tmp_path / "parts" / "parts.json").read_text())
    assert (record["linked_by"]["near_bits"], record["linked_by"]["n_groups"]) == (4, 20)
    # without the option everything is as it was
    run(*arguments, "--folds", 2)
    assert (room.plan().parts == parts).all()
    assert room.plan().linked_by is None


def test_a_chain_of_near_copies_is_cut_at_the_limit_and_the_pairs_are_counted(write_bson, tree_csv, tmp_path):
    # four products of one look: each pair of them is near
    shop = write_bson(
        *[document(i, picture(0, 60 + 10 * i)) for i in range(4)], *[document(i, picture(i)) for i in range(4, 40)]
    )
    room = Workspace(tmp_path / "runs")
    arguments = ("split", shop, "--tree", tree_csv, "--workspace", room.folder, "--near")
    assert "the largest of 4 (10.0 %)" in run(*arguments)
    said = run(*arguments, "--max-group", 3)
    assert "the largest of 3 (7.5 %)" in said
    n_apart = room.plan().linked_by.n_apart
    assert n_apart > 0
    assert f"{n_apart} of them may lie on both sides: they join no more than 3 products (--max-group)" in said
    # on more products than a photo may be on, a look links nothing
    assert "of too many products link nothing" in run(*arguments, "--max-copies", 3)


def test_groups_of_a_csv_and_of_a_field_lie_on_one_side(write_bson, tree_csv, tmp_path):
    shop = write_bson(*[document(i, picture(i), 11 + i % 2, article=f"A{i // 4}") for i in range(40)])
    room = Workspace(tmp_path / "runs")
    arguments = ("split", shop, "--tree", tree_csv, "--workspace", room.folder)
    said = run(*arguments, "--group", "article")
    assert "groups by article: 40 products in 10 groups, the largest of 4; 0 products without one" in said
    plan = room.plan()
    assert (plan.parts.reshape(10, 4) == plan.parts[::4, None]).all()
    # two categories, each of one group
    whole = write_bson(
        *[document(i, picture(i), 11 + i // 20, article=f"A{i // 20}") for i in range(40)], name="w.bson"
    )
    said = run("split", whole, *arguments[2:], "--group", "article")
    assert "every category has a single product, or products that stay together" in said
    assert f"next: catalog split {whole} --tree {tree_csv} --folds 5 --group article --workspace" in said
    path = tmp_path / "suppliers.csv"
    path.write_text("product_id,supplier\n" + "".join(f"{i},S{i % 7}\n" for i in range(42)))
    said = run(*arguments, "--groups", path, "--group", "supplier")
    assert "2 ids of it not in the catalogue: 40, 41" in said
    plan = room.plan()
    assert all(len(set(plan.parts[k::7])) == 1 for k in range(7))
    assert plan.linked_by.group == f"supplier of {path}"
    assert "lacks the column group" in run(*arguments, "--groups", path, code=1)
    assert "no document has the field colour; the first has _id, category_id, imgs, article" in run(
        *arguments, "--group", "colour", code=1
    )
    path.write_text("product_id,group\n" + "".join(f"{i},{min(i, 15)}\n" for i in range(40)))
    said = run(*arguments, "--groups", path, code=1)
    assert "has 25 products of 40 (62.5 %, catalogue row 15 is one of them): it stays on one side" in said
    # the plan before is still there
    assert room.plan().plan_id == plan.plan_id


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.integers(0, 11), min_size=1, max_size=3), min_size=2, max_size=12))
def test_near_products_are_linked_as_duplicates_finds_them(tmp_path_factory, products):
    import bson

    path = tmp_path_factory.mktemp("near") / "a.bson"
    # photos 2 n and 2 n + 1 are one picture in two encodings
    path.write_bytes(
        b"".join(
            bson.encode({"_id": i, "imgs": [{"picture": picture(p // 2, 90 - 30 * (p % 2))} for p in own]})
            for i, own in enumerate(products)
        )
    )
    catalog = Catalog(path)
    near = NearProducts.of(catalog, np.ones(len(catalog), bool), 4, 100, n_workers=1)
    photos = CatalogPhotos([catalog])
    groups = find_groups(photos, 100, PhotoHashes.of(photos, 4, n_workers=1))
    linked = [{i} for i in range(len(catalog))]
    exact = [(i, j) for i in range(len(catalog)) for j in range(i) if set(catalog[i].images) & set(catalog[j].images)]
    for a, b in [*near.pairs.tolist(), *exact]:
        one, other = (next(g for g in linked if i in g) for i in (a, b))
        if one is not other:
            linked = [g for g in linked if g is not one and g is not other] + [one | other]
    # groups by near copies are given by their photos: those of exact copies are to be added
    every = [{i} for i in range(len(catalog))]
    for g in range(len(groups.group_kind)):
        own = set(groups.product[groups.start[g] : groups.start[g + 1]].tolist())
        touched = [s for s in every if s & own]
        every = [s for s in every if not s & own] + [set().union(*touched)]
    assert {frozenset(s) for s in linked} == {frozenset(s) for s in every}


def test_products_of_one_title_lie_on_one_side_where_no_group_is_given(write_bson, tree_csv, tmp_path):
    # variants of 8 articles; eight products whose titles say nothing, eight without one
    titles = [f"Hoodie {i % 8}" if i < 24 else "Livre" if i < 32 else "" for i in range(40)]
    titles[8] = "  HOODIE   0 "
    shop = write_bson(*[document(i, picture(i), 11 + i % 2, title=title) for i, title in enumerate(titles)])
    room = Workspace(tmp_path / "runs")
    arguments = ("split", shop, "--tree", tree_csv, "--workspace", room.folder, "--max-copies", 5)
    said = run(*arguments)
    assert "groups by title: 24 products in 8 groups, the largest of 3; 16 products without one" in said
    plan = room.plan()
    assert (plan.parts[:8] == plan.parts[8:16]).all()
    assert (plan.parts[:8] == plan.parts[16:24]).all()
    assert plan.linked_by.group == "title"
    # asked not to, the plan is that of a shop without titles
    assert "by title" not in run(*arguments, "--no-titles")
    assert room.plan().linked_by is None
    plain = write_bson(*[document(i, picture(i), 11 + i % 2, title=f"{i}") for i in range(40)], name="plain.bson")
    assert "by title" not in run("split", plain, *arguments[2:])
    assert room.plan().linked_by is None
