"""A catalogue's fingerprint sees every changed label, whatever it lies in; fingerprints of earlier versions count."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import bson
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalog.catalog import Catalog
from catalog.files.sidecar import read_sidecar, write_sidecar
from catalog.kept_index import KeptIndex
from catalog.probabilities import Probabilities
from catalog.runs.saved_probabilities import predictions_folder, saved
from catalog.runs.workspace import Workspace
from catalog.sources.bson import file as bson_file
from catalog.sources.source import ROW
from catalog.split.plan import Plan, make_plan
from catalog.tree.taxonomy import Taxonomy
from tests.support.mongo_server import uri_of
from tests.support.products import make_photo

N = 150
LEAF, OTHER = 11, 12
LABEL = b"\x10category_id\0"
"""A field `category_id` of 32 bits as BSON has it; the number follows."""


@pytest.fixture
def large(tmp_path) -> Path:
    """A file of which the samples are a third: 150 products of 80 kB."""
    path = tmp_path / "large.bson"
    rng = np.random.default_rng(0)
    with path.open("wb") as file:
        for i in range(N):
            photos = [{"picture": rng.bytes(80_000)}]
            file.write(bson.encode({"_id": i, "category_id": LEAF, "imgs": photos}))
    return path


def label_places(path: Path) -> list[int]:
    data, places, place = path.read_bytes(), [], -1
    while (place := data.find(LABEL, place + 1)) >= 0:
        places.append(place + len(LABEL))
    return places


def rewrite(path: Path, place: int, category: int) -> None:
    """Another label in the same bytes: neither length nor place of anything changes."""
    with path.open("r+b") as file:
        file.seek(place)
        file.write(struct.pack("<i", category))


@pytest.mark.slow
def test_any_rewritten_label_of_a_large_file_is_seen(large):
    before = Catalog(large)
    places = label_places(large)
    assert len(places) == N
    missed_by_samples = 0
    for i, place in enumerate(places):
        rewrite(large, place, OTHER)
        changed = Catalog(large)
        assert changed.category_ids[i] == OTHER
        assert changed.fingerprint != before.fingerprint
        missed_by_samples += changed.sampled == before.sampled
        rewrite(large, place, LEAF)
    assert missed_by_samples > N / 3
    assert Catalog(large).fingerprint == before.fingerprint


def test_two_labels_that_change_places_are_seen(large):
    places = label_places(large)
    rewrite(large, places[3], OTHER)
    first = Catalog(large).fingerprint
    rewrite(large, places[3], LEAF)
    rewrite(large, places[70], OTHER)
    assert Catalog(large).fingerprint != first


def test_a_real_catalogue_s_labels_are_all_seen(shared_data, tmp_path):
    source = shared_data / "cdiscount" / "train_example.bson"
    if not source.is_file():
        pytest.skip(f"{source} is not on this machine")
    path = tmp_path / "train.bson"
    path.write_bytes(source.read_bytes())
    seen = {Catalog(path).fingerprint}
    places = label_places(path)
    assert places
    for place in places:
        rewrite(path, place, 1)
        seen.add(Catalog(path).fingerprint)
    assert len(seen) == len(places) + 1


def photo_folder(folder: Path) -> Path:
    for i in range(4):
        place = folder / "shop" / str(LEAF) / str(i)
        place.mkdir(parents=True)
        (place / "1.jpg").write_bytes(make_photo(i))
    return folder / "shop"


def table_rows(category: int) -> dict[str, list]:
    return {
        "product_id": [0, 1, 2, 3],
        "photos": [f"shop/{LEAF}/{i}/1.jpg" for i in range(4)],
        "category_id": [LEAF, LEAF, LEAF, category],
    }


def test_a_product_moved_to_another_class_folder_is_seen(tmp_path):
    shop = photo_folder(tmp_path)
    before = Catalog(shop).fingerprint
    (shop / str(OTHER)).mkdir()
    (shop / str(LEAF) / "2").rename(shop / str(OTHER) / "2")
    assert Catalog(shop).fingerprint != before


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_label_changed_in_a_table_is_seen(tmp_path, kind):
    photo_folder(tmp_path)
    path = tmp_path / f"table.{kind}"

    def write(category: int) -> None:
        rows = table_rows(category)
        if kind == "parquet":
            pq.write_table(pa.table(rows), path)
        else:
            lines = [",".join(rows), *(",".join(map(str, row)) for row in zip(*rows.values(), strict=True))]
            path.write_text("\n".join(lines) + "\n")

    write(LEAF)
    before = Catalog(path).fingerprint
    write(OTHER)
    assert Catalog(path).fingerprint != before
    write(LEAF)
    assert Catalog(path).fingerprint == before


def test_a_label_changed_in_a_collection_is_seen(mongo):
    mongo.insert_many([{"_id": i, "category_id": LEAF, "imgs": [{"picture": make_photo(i)}]} for i in range(4)])
    before = Catalog(uri_of(mongo)).fingerprint
    mongo.update_one({"_id": 3}, {"$set": {"category_id": OTHER}})
    changed = Catalog(uri_of(mongo)).fingerprint
    # what is no part of the product changes nothing: predictions are written there
    mongo.update_one({"_id": 2}, {"$set": {"prediction": {"category_id": OTHER}}})
    assert Catalog(uri_of(mongo)).fingerprint == changed != before


def as_an_earlier_version_kept_it(path: Path) -> None:
    """Its index knew the sampled fingerprint alone."""
    catalog = Catalog(path)
    place = catalog.source.sidecar(".index")
    header, rows = read_sidecar(place, catalog.stamp, ROW)
    write_sidecar(place, {name: value for name, value in header.items() if name != "content"}, np.array(rows))


def test_the_index_of_an_earlier_version_is_enough(large, monkeypatch):
    expected = Catalog(large)
    as_an_earlier_version_kept_it(large)
    monkeypatch.setattr(bson_file, "scan", lambda *_, **__: pytest.fail("the file was read again"))
    again = Catalog(large)
    assert (again.fingerprint, again.sampled) == (expected.fingerprint, expected.sampled)
    assert again.matches(again.fingerprint)
    assert again.matches(again.sampled)
    assert not again.matches("")


def earlier_plan(room: Workspace, catalog: Catalog, tree: Taxonomy) -> Plan:
    """A plan as an earlier version wrote it, under the sampled fingerprint."""
    plan = replace(make_plan(catalog, tree)[0], data=catalog.sampled)
    room.save_plan(plan, tree)
    return plan


def test_the_plan_of_an_earlier_version_holds_until_a_label_changes(large, tree_csv, tmp_path):
    room, tree = Workspace(tmp_path / "runs"), Taxonomy.from_csv(tree_csv)
    plan = earlier_plan(room, Catalog(large), tree)
    assert "seen" not in (room.folder / "plan" / "plan.json").read_text()
    assert len(room.training_catalog()) == N
    known = room.plan()
    # its runs name this identity
    assert (known.plan_id, known.data) == (plan.plan_id, plan.data)
    assert known.seen == Catalog(large).fingerprint
    unseen = next(place for place in label_places(large) if is_unseen(large, place))
    rewrite(large, unseen, OTHER)
    assert Catalog(large).sampled == plan.data
    with pytest.raises(ValueError, match=r"has changed since it was split: run `catalog split"):
        room.training_catalog()
    rewrite(large, unseen, LEAF)
    assert len(room.training_catalog()) == N


def is_unseen(path: Path, place: int) -> bool:
    before = bson_file.fingerprint(path)
    rewrite(path, place, OTHER)
    same = bson_file.fingerprint(path) == before
    rewrite(path, place, LEAF)
    return same


def test_the_same_split_again_keeps_the_identity_that_runs_know(large, tree_csv, tmp_path):
    room, tree = Workspace(tmp_path / "runs"), Taxonomy.from_csv(tree_csv)
    catalog = Catalog(large)
    plan = earlier_plan(room, catalog, tree)
    (room.folder / "workspace.json").write_text('{"latest": {"fusion": "fusion-1"}}')
    assert room.save_plan(make_plan(catalog, tree)[0], tree) == 0
    assert room.plan().plan_id == plan.plan_id
    assert room.plan().seen == catalog.fingerprint
    assert room.latest_folders()
    assert room.save_plan(make_plan(catalog, tree, seed=5)[0], tree) == 1
    assert room.plan().data == catalog.fingerprint


def test_a_workspace_that_cannot_be_written_is_used_as_it_is(large, tree_csv, tmp_path, monkeypatch):
    room, tree = Workspace(tmp_path / "runs"), Taxonomy.from_csv(tree_csv)
    plan = earlier_plan(room, Catalog(large), tree)

    def refuse(*_: object) -> None:
        raise PermissionError(30, "Read-only file system")

    monkeypatch.setattr(Plan, "save_header", refuse)
    assert len(room.training_catalog()) == N
    assert room.plan().seen == ""
    assert room.plan().plan_id == plan.plan_id


def test_what_an_earlier_version_s_networks_said_is_found(large, tmp_path):
    room, catalog = Workspace(tmp_path / "runs"), Catalog(large)
    said = Probabilities.from_dense(
        "mosaic", catalog.product_ids, catalog.n_images, np.full((N, 2), 0.5), np.zeros(N, np.uint8),
        support=np.arange(2, dtype=np.int32), frequency=np.full(2, 0.5), k=2, taxonomy="t",
    )  # fmt: skip
    with pytest.raises(FileNotFoundError, match="run `mosaic predict"):
        saved(room, catalog)
    folder = predictions_folder(room, catalog)
    earlier = folder.with_name(f"{catalog.name}-{catalog.sampled[:8]}")
    assert earlier != folder
    earlier.mkdir(parents=True)
    said.save(earlier / "mosaic.safetensors")
    assert len(saved(room, catalog)) == N


def test_a_label_rewritten_in_the_same_moment_is_seen(write_bson, tmp_path):
    documents = [{"_id": i, "category_id": LEAF, "imgs": [{"picture": b"photo"}]} for i in range(3)]
    path = write_bson(*documents)
    before = Catalog(path).fingerprint
    (place, *_) = label_places(path)
    # whatever clock the file system has: nothing that follows the look may show the time that was kept
    for n in range(20):
        rewrite(path, place, 100 + n)
        assert Catalog(path).category_ids[0] == 100 + n
    assert Catalog(path).fingerprint != before


def test_an_index_made_elsewhere_has_the_same_fingerprint(large):
    catalog = Catalog(large)
    header = KeptIndex.keep(catalog.source, catalog.stamp, catalog.source.index()).header
    assert header["content"] == catalog.fingerprint
