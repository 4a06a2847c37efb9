"""A fit that is killed, and called again, makes the weights that it would have made, and does no stage twice."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path

import bson
import pytest

import rayonnage
from catalog.files.csv_rows import write_rows
from rayonnage.cli import main
from rayonnage.fitting.measuring import measure
from rayonnage.fitting.recipe import FitSection, Recipe
from tests.support.processes import Running
from tests.support.trained import LEAVES, document

pytestmark = pytest.mark.slow


def fit(folder: Path, room: Path) -> None:
    """As a person calls it; the machine is measured for a moment only."""
    measure.SECONDS = 1.0
    given = ["--tree", folder / "tree.csv", "--recipe", folder / "recipe.yaml", "--workspace", room]
    main.main(["fit", *map(str, [folder / "train.bson", *given])], standalone_mode=False)


def weights_of(room: Path) -> dict[str, str]:
    """Digest of everything that was learnt, by the stage that did and the file."""
    return {
        f"{path.parent.name.rsplit('-', 2)[0]}/{path.name}": hashlib.md5(path.read_bytes()).hexdigest()
        for path in sorted(room.glob("*-*/*.safetensors"))
    }


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalogue of 60 products whose colour tells the leaf, its tree, and a recipe of the smallest network."""
    folder = tmp_path_factory.mktemp("given")
    (folder / "train.bson").write_bytes(b"".join(bson.encode(document(i, labelled=True)) for i in range(60)))
    columns = ("category_id", "category_level1", "category_level2", "category_level3")
    write_rows(folder / "tree.csv", columns, LEAVES)
    network = {
        "backbone": {"name": "test_resnet", "weights": "random"}, "source_size": 32, "photo_size": 32,
        "train_photo_size": 32, "training": {"head_epochs": 0, "epochs": 3}, "specialist": {"epochs": 2},
        "min_products": 4, "inference": {"flip": False}, "workers": 0, "photos_per_batch": 8,
        # every step is saved: a kill at any moment is one between two checkpoints
        "checkpoint_minutes": 1e-6,
    }  # fmt: skip
    section = FitSection(catalog="train.bson", networks=("any", "2"), held_out=0.3)
    Recipe(fit=section, mosaic=network, fusion={"title_encoder": None, "neighbours": "off"}).save(
        folder / "recipe.yaml"
    )
    return folder


@pytest.fixture(scope="module")
def whole(given: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Workspace of a fit that nobody has disturbed, asked for from Python."""
    room = tmp_path_factory.mktemp("whole") / "runs"
    options = {"tree": given / "tree.csv", "recipe": given / "recipe.yaml", "workspace": room}
    with rayonnage.fit(given / "train.bson", time="10m", **options) as model:
        assert len(model.tree) == len(LEAVES)
    return room


def journal_of(room: Path) -> dict:
    return json.loads((room / "fit" / "journal.json").read_text())


def moments(room: Path) -> Iterator[bool]:
    """Whether a fit has come to a moment at which it is killed: each is waited for in a session of its own."""
    log = room / "fit.log"
    yield from (
        (room / "recipe.yaml").exists(),
        any(room.glob("checkpoints/*/*.pt")),
        "without part" in log.read_text() if log.exists() else False,
        (room / "fit" / "journal.json").exists() and '"key": "mosaic-2"' in (room / "fit" / "journal.json").read_text(),
        any(room.glob("fusion-*")),
    )


def test_killed_at_several_moments_it_ends_with_the_same_weights_and_no_stage_is_done_twice(
    given: Path, whole: Path, tmp_path: Path
) -> None:
    room, seconds, done = tmp_path / "runs", 0.0, {}
    for moment in range(5):
        running = Running(fit, given, room)
        while running.is_running and not list(moments(room))[moment]:
            time.sleep(0.01)
        running.kill()
        if (room / "fit" / "journal.json").exists():
            journal = journal_of(room)
            assert journal["seconds"] >= seconds, "the clock went back"
            seconds = journal["seconds"]
            stages = {stage["key"]: stage for stage in journal["done"]}
            assert done.items() <= stages.items(), "a stage was done again"
            done = stages
    Running(fit, given, room).finish()
    assert weights_of(room) == weights_of(whole)
    assert sorted(path.name.rsplit("-", 2)[0] for path in room.glob("mosaic-*")) == ["mosaic-2", "mosaic-any"]
    stages = {stage["key"]: stage for stage in journal_of(room)["done"]}
    assert done.items() <= stages.items()
    assert list(stages) == ["split", "mosaic-any", "mosaic-2", "fusion"]


def test_all_of_it_lies_in_the_workspace(whole: Path) -> None:
    assert (whole / "fit.html").is_file()
    assert "held out" in (whole / "fit.log").read_text()
    assert json.loads((whole / "fit" / "progress.json").read_text())["state"] == "done"
