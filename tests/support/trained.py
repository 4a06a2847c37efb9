"""Workspaces that are trained once per test run, for every test that does not test training itself.

Nothing is written into them: a test that must change a workspace copies it.
"""

from __future__ import annotations

import csv
import io
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bson
import numpy as np
import pytest
from filelock import FileLock
from PIL import Image

from tests.support.command_line import call
from tests.support.processes import Running

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


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], object]], Path]:
    """`once(name, make)`: a folder that `make(folder)` fills, once for all processes of the test run."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        # each worker of pytest-xdist has a session and a folder of its own, in that of the run
        folder = folder.parent

    def made(name: str, make: Callable[[Path], object]) -> Path:
        place, finished = folder / name, folder / f"{name}.made"
        with FileLock(folder / f"{name}.lock"):
            if not finished.exists():
                # what another process left when its attempt failed
                shutil.rmtree(place, ignore_errors=True)
                place.mkdir()
                make(place)
                finished.touch()
        return place

    return made


@pytest.fixture(scope="session")
def trained(once: Callable[..., Path]) -> Path:
    """A folder with train.bson, tree.csv and a workspace `runs` trained with the debug configuration, photos only."""
    return once("trained", _train_on_photos)


def _train_on_photos(folder: Path) -> None:
    from curation.cli import main as catalog
    from fusion.cli import main as fusion
    from mosaic.cli import main as mosaic

    (folder / "train.bson").write_bytes(b"".join(bson.encode(document(i, labelled=True)) for i in range(200)))
    with (folder / "tree.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["category_id", "category_level1", "category_level2", "category_level3"])
        rows.writerows(LEAVES)
    room = ("--workspace", folder / "runs")
    call(catalog, "split", folder / "train.bson", "--tree", folder / "tree.csv", *room)
    call(mosaic, "train", "--config", "debug", "--set", "training.epochs=3", *room)
    call(fusion, "train", "--config", "debug", *room)


@pytest.fixture(scope="session")
def demo(once: Callable[..., Path]) -> Path:
    """What `rayonnage demo` makes of 240 and 30 products with the debug configuration: catalogue, `runs`, and the rest.

    `said.txt` is what it has said, `demo` the folder that it was given.
    """
    return once("demo", _do_the_whole_job)


def _do_the_whole_job(folder: Path) -> None:
    from rayonnage.cli import main
    from rayonnage.demo import job

    sizes = ("--train", 240, "--test", 30, "--seed", 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(job, "_run", _run_forked)
        said = call(main, "demo", folder / "demo", "--config", "debug", *sizes)
    (folder / "said.txt").write_text(said, encoding="utf-8")


def _run_forked(command: list[str], log: Any) -> int:
    """A stage in a process that has the networks' libraries loaded: ten imports of up to 6 s are one."""
    log.write(Running(_rayonnage, command).finish())
    return 0


def _rayonnage(command: list[str]) -> None:
    from rayonnage.cli import main

    main(command)
