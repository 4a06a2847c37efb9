"""What networks have said is kept with what they held: of other networks it is out of date."""

from __future__ import annotations

import numpy as np
import pytest

from catalog.catalog import Catalog
from catalog.probabilities import Probabilities
from catalog.runs.run import Run
from catalog.runs.saved_probabilities import NETWORKS, image_networks, keep_networks, predictions_folder, saved
from catalog.runs.workspace import Workspace
from tests.support.products import TAXONOMY, make_product


def train(room: Workspace, kind: str, slot: str, learnt: int) -> Run:
    run = Run.create(room.folder, kind, kind, plan="p", data="d", config={"seed": learnt}, tree=TAXONOMY)
    run.save()
    room.register(run, slot)
    return run


@pytest.fixture
def room(tmp_path) -> Workspace:
    room = Workspace(tmp_path / "runs")
    for slot in ("any", "2"):
        train(room, "mosaic", slot, 1)
    train(room, "ocr", "", 1)
    return room


@pytest.fixture
def catalog(write_bson) -> Catalog:
    return Catalog(write_bson(make_product(1), make_product(2)))


def say(room: Workspace, catalog: Catalog) -> None:
    """As `mosaic predict` does it."""
    folder = predictions_folder(room, catalog)
    folder.mkdir(parents=True, exist_ok=True)
    probabilities = Probabilities.from_dense(
        "mosaic", catalog.product_ids, catalog.n_images, np.full((2, 2), 0.5), np.zeros(2, np.uint8),
        support=np.arange(2, dtype=np.int32), frequency=np.full(2, 0.5), k=2, taxonomy=TAXONOMY.fingerprint,
    )  # fmt: skip
    probabilities.save(folder / "mosaic.safetensors")
    keep_networks(folder, image_networks(room))


def test_what_former_networks_said_is_refused_until_the_new_ones_have_spoken(room, catalog):
    say(room, catalog)
    assert len(saved(room, catalog)) == 2
    assert sorted(image_networks(room)) == ["mosaic:2", "mosaic:any"]
    # of another branch: the networks are the same
    train(room, "ocr", "", 2)
    assert len(saved(room, catalog)) == 2
    train(room, "mosaic", "2", 2)
    with pytest.raises(ValueError, match=f"by other networks than the latest .*: run `mosaic predict {catalog}"):
        saved(room, catalog)
    # whoever names the file means it
    assert len(saved(room, catalog, predictions_folder(room, catalog) / "mosaic.safetensors")) == 2
    say(room, catalog)
    assert len(saved(room, catalog)) == 2


def test_what_an_earlier_version_saved_counts(room, catalog):
    say(room, catalog)
    (predictions_folder(room, catalog) / NETWORKS).unlink()
    train(room, "mosaic", "any", 2)
    assert len(saved(room, catalog)) == 2


def test_networks_that_were_deleted_since_make_nothing_out_of_date(room, catalog):
    say(room, catalog)
    for folder in room.latest_folders().values():
        (folder / "run.json").unlink()
    assert image_networks(room) == {}
    assert len(saved(room, catalog)) == 2
