"""A trained workspace, smallest everything, shared by the fusion tests."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import bson
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

LEAVES = [
    (1, "LIBRAIRIE", "LITTERATURE", "ROMAN"),
    (2, "LIBRAIRIE", "LITTERATURE", "POESIE"),
    (3, "CUISINE", "TASSES", "MUG"),
    (4, "CUISINE", "TASSES", "BOL"),
    (5, "CUISINE", "POELES", "POELE"),
]


def picture(colour: int, seed: int) -> bytes:
    """A JPEG whose main colour tells the leaf."""
    rng = np.random.default_rng(seed)
    pixels = np.clip(rng.normal(60, 25, (40, 40, 3)), 0, 255)
    pixels[..., colour % 3] += 60 + 60 * (colour > 2)
    out = io.BytesIO()
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(out, "JPEG")
    return out.getvalue()


def document(i: int, labelled: bool) -> dict:
    """Product i: 1-4 photos, leaf i mod 5."""
    leaf = i % 5
    imgs = [{"picture": picture(leaf, 10 * i + rank)} for rank in range(1 + i % 4)]
    return {"_id": i, "imgs": imgs, **({"category_id": leaf + 1} if labelled else {})}


def call(main, *arguments: object) -> str:
    """Run a command line and return its standard output; fail loudly with everything it said."""
    result = CliRunner().invoke(main, [str(a) for a in arguments])
    assert result.exit_code == 0, f"{result.output}\n{result.exception!r}"
    return result.stdout


@pytest.fixture(scope="session")
def trained(tmp_path_factory) -> Path:
    """A folder with train.bson, tree.csv and a workspace `runs` trained with the debug configuration, photos only."""
    from curation.cli import main as catalog
    from fusion.cli import main as fusion
    from mosaic.cli import main as mosaic

    folder = tmp_path_factory.mktemp("trained")
    train = b"".join(bson.encode(document(i, labelled=True)) for i in range(200))
    (folder / "train.bson").write_bytes(train)
    with (folder / "tree.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["category_id", "category_level1", "category_level2", "category_level3"])
        rows.writerows(LEAVES)
    room = ("--workspace", folder / "runs")
    call(catalog, "split", folder / "train.bson", "--tree", folder / "tree.csv", *room)
    call(mosaic, "train", "--config", "debug", "--set", "training.epochs=3", *room)
    call(fusion, "train", "--config", "debug", *room)
    return folder
