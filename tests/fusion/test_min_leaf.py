"""A shop's table without a tree, whose smallest category counts as the one above it: from the split to predictions."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from catalog.runs.workspace import Workspace
from curation.cli import main as catalog
from fusion.cli import main as fusion
from mosaic.cli import main as mosaic
from tests.support.command_line import call
from tests.support.products import make_photo

pytestmark = pytest.mark.slow
TEA, RICE, CARS, OOLONG = "Food > Tea", "Food > Rice", "Toys > Cars", "Food > Oolong"


def table(path: Path, labels: list[str]) -> Path:
    """Article numbers, the path of a category and a photo each."""
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["product_id", "category_path", "photo"])
        for i, label in enumerate(labels):
            photo = path.with_name(f"{path.stem}-{i}.jpg")
            photo.write_bytes(make_photo(i))
            rows.writerow([f"A-{i:03}", label, photo.name])
    return path


def test_a_small_category_counts_as_the_one_above_through_the_whole_chain(tmp_path):
    room, out = ("--workspace", tmp_path / "runs"), tmp_path / "out"
    shop = table(tmp_path / "shop.csv", [TEA, RICE, CARS, OOLONG, *[TEA, RICE, CARS] * 26, OOLONG, OOLONG])
    said = call(catalog, "split", shop, "--min-leaf", 5, *room)
    assert "1 category with fewer than 5 products (3 in all) counts as the one above" in said
    call(mosaic, "train", "--config", "debug", "--n-images", "any", *room)
    call(fusion, "train", "--config", "debug", *room)
    tree = Workspace(tmp_path / "runs").require("fusion").taxonomy()
    assert tree.shop_ids == ("Food", RICE, TEA, CARS)

    labelled = table(tmp_path / "labelled.csv", [TEA, RICE, CARS, OOLONG] * 8)
    call(fusion, "evaluate", labelled, "--output", tmp_path / "report", *room)
    figures = json.loads((tmp_path / "report" / "fusion.json").read_text(encoding="utf-8"))
    # those of the small category are counted, too
    assert figures["systems"]["fused"]["by_image_count"]["all"]["n"] == 32

    call(fusion, "predict", table(tmp_path / "new.csv", [""] * 12), "--output", out, *room)
    rows = pq.read_table(out / "predictions.parquet").to_pylist()
    assert [row["product_id"] for row in rows] == [f"A-{i:03}" for i in range(12)]
    # nobody is offered the small category, and whatever is has its whole path
    assert {row["category_id"] for row in rows} <= {"Food", RICE, TEA, CARS}
    for row in rows:
        assert " > ".join(filter(None, (row["cat1"], row["cat2"]))) == row["category_id"]
