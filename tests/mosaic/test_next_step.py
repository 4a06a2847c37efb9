"""After photos comes reading only where the tree has categories that are read."""

from __future__ import annotations

import pytest

from catalog.catalog import Catalog
from catalog.runs.run import Run
from catalog.runs.workspace import Workspace
from catalog.split.plan import make_plan
from catalog.tree.taxonomy import Taxonomy
from mosaic.next_step import after_matching, after_prediction, after_training
from tests.support.products import LEAVES, TAXONOMY, make_product

SHOES = Taxonomy([(leaf, ("SHOES", *path[1:])) for leaf, path in LEAVES])


@pytest.fixture
def workspace(write_bson, tmp_path):
    def make(tree: Taxonomy) -> Workspace:
        room = Workspace(tmp_path / "room")
        catalog = Catalog(write_bson(*[make_product(i, LEAVES[i % 8][0]) for i in range(20)]))
        room.save_plan(make_plan(catalog, tree)[0], tree)
        return room

    return make


def test_a_tree_of_books_is_read_next(workspace):
    room = workspace(TAXONOMY)
    assert after_training(room) == f"ocr train{room.option} (reads LIBRAIRIE, MUSIQUE), or mosaic evaluate{room.option}"
    assert after_prediction(room, "new.bson") == f"ocr train{room.option}"


def test_a_tree_of_shoes_goes_straight_on_to_the_head(workspace):
    room = workspace(SHOES)
    assert after_training(room).startswith(f"fusion train{room.option} (the tree has no categories to read")
    assert f"ocr train{room.option} --set shelves=auto finds out where reading pays" in after_training(room)
    assert after_prediction(room, "new.bson") == f"fusion train{room.option}"


def test_categories_that_the_user_configures_are_read(workspace, tmp_path):
    own = tmp_path / "own.yaml"
    own.write_text("ocr: {shelves: [SHOES > CD]}")
    assert "(reads SHOES > CD)" in after_training(workspace(SHOES), str(own))
    own.write_text("ocr: {shelves: auto}")
    assert after_training(workspace(SHOES), str(own)).startswith("ocr train")
    # what cannot be right is refused by the command that needs it
    own.write_text("ocr: {shelves: 3}")
    assert after_training(workspace(SHOES), str(own)).startswith("fusion train")


@pytest.mark.parametrize("kind", ["ocr", "fusion"])
def test_new_products_go_to_what_was_trained(workspace, kind):
    room = workspace(TAXONOMY)
    run = Run.create(room.folder, kind, kind, plan="p", data="d", config={}, tree=TAXONOMY)
    run.save()
    room.register(run)
    assert after_prediction(room, "new.bson") == f"{kind} predict new.bson{room.option}"


def test_after_matching_comes_the_search(workspace):
    room = workspace(TAXONOMY)
    assert after_matching(room) == f"rayonnage search index CATALOG --workspace {room.folder}"
