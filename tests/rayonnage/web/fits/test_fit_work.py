"""What a fit that was begun on the page gives to `rayonnage fit`."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from catalog.catalog import Catalog
from catalog.runs.workspace import Workspace
from catalog.sources.source import NO_CATEGORY
from rayonnage.web.fits import work
from rayonnage.web.fits.record import FitRecord
from rayonnage.web.fits.work import LearntCatalogue
from rayonnage.web.jobs.limits import JobLimits
from rayonnage.web.jobs.record import INPUT, JobRecord
from rayonnage.web.jobs.work import WorkOrder
from tests.rayonnage.web.fits.test_fit_desk import small_plan
from tests.support.predictions import TREE, predicted
from tests.support.review_client import client_of
from tests.support.small_shop import coloured, make_shop

REPORT = SimpleNamespace(say=lambda **what: None, step=lambda name: None)


@pytest.fixture
def served(tmp_path: Path) -> Workspace:
    (tmp_path / "shop").mkdir()
    photos = {n: [coloured((20 * n, 9, 9))] for n in range(1, 5)}
    room = Workspace(make_shop(tmp_path / "shop", [predicted(n) for n in range(1, 5)], photos))
    small_plan(tmp_path / "shop" / "catalogue.bson").save(room.folder / "plan")
    return room


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "shop" / "runs" / "fits" / ("a" * 32)
    (path / INPUT).mkdir(parents=True)
    return path


def table_of(labels: dict[int, object], tree: str = "") -> bytes:
    """A zip of a table with a photo for each product, and perhaps a tree."""
    rows, packed_bytes = io.StringIO(), io.BytesIO()
    writer = csv.writer(rows)
    writer.writerows(
        [("product_id", "photos", "category_id"), *((n, f"{n}.jpg", label) for n, label in labels.items())]
    )
    with zipfile.ZipFile(packed_bytes, "w") as packed:
        packed.writestr("products.csv", rows.getvalue())
        if tree:
            packed.writestr("category_names.csv", tree)
        for n in labels:
            packed.writestr(f"{n}.jpg", coloured((n, 99, 9)))
    return packed_bytes.getvalue()


def fit_of(upload: JobRecord | None = None) -> FitRecord:
    return FitRecord("a" * 32, "ann", upload.name if upload else "catalogue.bson", 900.0, 0.0, upload=upload)


def learnt_of_upload(served: Workspace, folder: Path, data: bytes, limits: JobLimits | None = None) -> LearntCatalogue:
    upload = JobRecord("b" * 32, "ann", "spring.zip", len(data), 0.0, to_learn=True)
    (folder / INPUT / upload.file).write_bytes(data)
    order = WorkOrder(str(folder), str(served.folder), limits or JobLimits(free_bytes=0))
    return work._sent(order, folder, fit_of(upload), REPORT)  # type: ignore[arg-type]


def test_the_workspaces_own_with_its_tree_as_it_was(served: Workspace, folder: Path):
    learnt = work._own(served, folder, fit_of())
    assert learnt == LearntCatalogue(Path(served.plan().catalog), folder / "tree.csv")
    (served.folder / "tree.csv").unlink()
    assert work._own(served, folder, fit_of()) == learnt


def test_what_was_sent_is_of_the_workspaces_tree_where_its_labels_are(served: Workspace, folder: Path):
    known = dict(enumerate([int(one) for one in TREE.leaf_ids[:3]], start=1))
    learnt = learnt_of_upload(served, folder, table_of(known))
    assert Path(learnt.catalog).name == "products.csv"
    assert learnt.tree == folder / "tree.csv"


def test_what_was_sent_has_a_tree_of_its_own_else(served: Workspace, folder: Path):
    assert learnt_of_upload(served, folder, table_of({1: 77, 2: 78, 3: 77})).tree is None


def test_a_tree_that_was_sent_along_is_the_one(served: Workspace, folder: Path):
    tree = "category_id,category_level1\n77,Mugs\n78,Bowls\n"
    learnt = learnt_of_upload(served, folder, table_of({1: 77, 2: 78, 3: 77}, tree))
    assert learnt.tree is not None
    assert learnt.tree.read_text(encoding="utf-8") == tree
    order, upload = WorkOrder(str(folder), str(served.folder), JobLimits()), JobRecord("b" * 32, "a", "a.zip", 1, 0.0)
    said = work._sentence(ValueError("labels are ids alone: give its file (--tree TREE.csv)"), order, fit_of(upload))
    assert "--tree" not in said
    assert "category_names.csv" in said


def test_too_many_products(served: Workspace, folder: Path):
    with pytest.raises(ValueError, match="3 products, at most 2 are taken at once"):
        learnt_of_upload(served, folder, table_of({1: 1, 2: 2, 3: 3}), JobLimits(free_bytes=0, products=2))


def test_with_what_reviewers_have_answered(served: Workspace, folder: Path):
    answer = {"product_id": 2, "kind": "category", "category_id": "2000"}
    client_of(served.folder).post("/v1/review/answers", json=answer).raise_for_status()
    catalog = Catalog(work._with_answers(served, folder))
    labelled = catalog.category_ids != NO_CATEGORY
    assert (catalog.product_ids.tolist(), catalog.product_ids[labelled].tolist()) == ([1, 2, 3, 4], [2])
    # gone on with, it is the same file: what is answered meanwhile is for the next fit
    client_of(served.folder).post("/v1/review/answers", json={**answer, "product_id": 3}).raise_for_status()
    again = Catalog(work._with_answers(served, folder))
    assert again.fingerprint == catalog.fingerprint


def test_no_place_on_the_disk_is_told(served: Workspace, folder: Path):
    order = WorkOrder(str(folder), str(served.folder), JobLimits())
    inside = folder / "runs" / "plan"
    said = work._sentence(ValueError(f"{inside} and {served.folder}/tree.csv are damaged"), order, fit_of())
    assert said == "plan and tree.csv are damaged"
